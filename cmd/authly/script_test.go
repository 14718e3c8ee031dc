package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// TestMain lets the scripts run this program as a process of its own, many hundred times:
// built as it is used, because a program that watches for races takes half a second to start.
func TestMain(m *testing.M) {
	testscript.Main(withProgram{m}, map[string]func(){"visit": visit})
}

// withProgram has the program in the path while the tests run.
type withProgram struct{ *testing.M }

func (w withProgram) Run() int {
	directory, err := os.MkdirTemp("", "program")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(directory) }()
	build := exec.Command("go", "build", "-o", filepath.Join(directory, "authly"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, output)
		return 1
	}
	if err := os.Setenv("PATH", directory+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return w.M.Run()
}

// patience is how long a server may take to start or to stop.
const patience = 30 * time.Second

// TestScripts runs the sessions in testdata/script against the whole program.
func TestScripts(t *testing.T) {
	runScripts(t, testscript.Params{Dir: filepath.Join("testdata", "script")}, func(*testscript.Env) {})
}

// TestScriptsOnPostgreSQL runs those of them that are about what is in the database.
func TestScriptsOnPostgreSQL(t *testing.T) {
	if !slices.Contains(dbtest.Engines(t), db.PostgreSQL) {
		return // a partial run, as was asked for
	}
	var files []string
	for _, name := range []string{"apply", "audit", "first-administrator", "recover"} {
		files = append(files, filepath.Join("testdata", "script", name+".txtar"))
	}
	runScripts(t, testscript.Params{Files: files}, func(env *testscript.Env) {
		env.Setenv("AUTHLY_DATABASE_ALLOW_PLAINTEXT", "true")
		env.Setenv("AUTHLY_DATABASE_URL", dbtest.Empty(t, db.PostgreSQL).URL.Reveal())
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		env.Setenv("AUTHLY_SEALING_KEY", base64.StdEncoding.EncodeToString(key))
	})
}

func runScripts(t *testing.T, params testscript.Params, prepare func(*testscript.Env)) {
	t.Helper()
	params.RequireExplicitExec, params.RequireUniqueNames = true, true
	params.Condition = func(name string) (bool, error) {
		if name != "sqlite" {
			return false, fmt.Errorf("there is no condition %q", name)
		}
		return len(params.Files) == 0, nil
	}
	params.Setup = func(env *testscript.Env) error {
		prepare(env)
		for _, name := range []string{"PORT", "ADMIN_PORT"} {
			port, err := freePort(t.Context())
			if err != nil {
				return err
			}
			env.Setenv(name, port)
		}
		return nil
	}
	params.Cmds = map[string]func(*testscript.TestScript, bool, []string){
		"status": expectStatus, "answers": expectAnswer, "hang": hang, "mode": expectMode, "terminate": terminate,
	}
	testscript.Run(t, params)
}

func freePort(ctx context.Context) (string, error) {
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// expectStatus runs a command and compares the status with which it ends:
// status 2 authly nonsense.
func expectStatus(script *testscript.TestScript, _ bool, arguments []string) {
	if len(arguments) < 2 {
		script.Fatalf("usage: status number command [argument...]")
	}
	got := 0
	if err := script.Exec(arguments[1], arguments[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			script.Fatalf("run %s: %v", arguments[1], err)
		}
		got = ended.ExitCode()
	}
	if strconv.Itoa(got) != arguments[0] {
		script.Fatalf("%q ends with status %d, want %s", arguments[1:], got, arguments[0])
	}
}

// expectAnswer waits until a server answers at a path, or with ! until it
// doesn't any more: answers /readyz.
func expectAnswer(script *testscript.TestScript, negated bool, arguments []string) {
	if len(arguments) != 1 {
		script.Fatalf("usage: answers path")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for {
		answered := ask(ctx, "http://127.0.0.1:"+script.Getenv("PORT")+arguments[0])
		if answered != negated {
			return
		}
		select {
		case <-ctx.Done():
			script.Fatalf("%s answers: %t, for %s", arguments[0], answered, patience)
		case <-every.C:
		}
	}
}

func ask(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	request.Close = true // a kept connection would be served while the server shuts down
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// hang begins a request and doesn't end it until the script does: hang /oauth/token.
func hang(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 1 {
		script.Fatalf("usage: hang path")
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(context.Background(), "tcp", "127.0.0.1:"+script.Getenv("PORT"))
	script.Check(err)
	script.Defer(func() { _ = connection.Close() })
	// The server says "continue" when it begins to read the body, so that the
	// request is certainly in flight then.
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", arguments[0])
	script.Check(err)
	script.Check(connection.SetReadDeadline(time.Now().Add(patience)))
	line, err := bufio.NewReader(connection).ReadString('\n')
	script.Check(err)
	if !strings.Contains(line, "100 Continue") {
		script.Fatalf("the server answers %q", line)
	}
}

// terminate sends SIGTERM, which the scripts' own kill can't, to the process whose
// number is in a file: terminate process.
func terminate(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 1 {
		script.Fatalf("usage: terminate file")
	}
	number, err := strconv.Atoi(strings.TrimSpace(script.ReadFile(arguments[0])))
	script.Check(err)
	script.Check(syscall.Kill(number, syscall.SIGTERM))
}

// expectMode compares the permissions of a file: mode 0600 authly-data/authly.db.
func expectMode(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 2 {
		script.Fatalf("usage: mode permissions file")
	}
	status, err := os.Stat(script.MkAbs(arguments[1]))
	script.Check(err)
	if got := fmt.Sprintf("%04o", status.Mode().Perm()); got != arguments[0] {
		script.Fatalf("%s has mode %s, want %s", arguments[1], got, arguments[0])
	}
}
