package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"authly/internal/buildinfo"
	"authly/internal/config"
	"authly/internal/platform/fault"
)

// TestMain lets the scripts run the program as a process of its own, with actions
// that do nothing but return something to show.
func TestMain(m *testing.M) {
	flag.Bool("update", false, "write what the scripts expect anew")
	testscript.Main(m, map[string]func(){
		"authly":      func() { os.Exit(run(fixedActions())) },
		"authly-bare": func() { os.Exit(run(Actions{})) },
	})
}

func run(actions Actions) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	program := Program{
		Actions: actions, Output: os.Stdout, Errors: os.Stderr,
		Version: buildinfo.Info{Version: "v1.2.3", Revision: "0123456789abcdef", Go: "go1.26.0", Platform: "plan9/arm"},
	}
	return program.Run(ctx, os.Args[1:])
}

// TestScripts runs the sessions in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireExplicitExec: true, RequireUniqueNames: true,
		UpdateScripts: flag.Lookup("update").Value.String() == "true",
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"status": expectStatus},
	})
}

// expectStatus runs a command and compares the status with which it ends:
// status 2 authly nonsense.
func expectStatus(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) < 2 {
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

func fixedActions() Actions {
	at := time.Date(2026, 11, 24, 1, 2, 3, 0, time.FixedZone("", 3600))
	first := Migration{Version: 1, Name: "first_schema", AppliedAt: at}
	active := Key{ID: "aaaa", Algorithm: "RS256", State: "active", CreatedAt: at, ActivatedAt: at.Add(time.Hour)}
	return Actions{
		Serve: func(_ context.Context, settings config.Config, _ Prepare, output io.Writer) error {
			if settings.Listen == "127.0.0.1:1" {
				return fmt.Errorf("listen on %s: %w", settings.Listen, &net.OpError{Op: "listen", Net: "tcp", Err: syscall.EADDRINUSE})
			}
			_, err := fmt.Fprintf(output, "serving %s, dev %t\n", settings.Issuer, settings.Dev)
			return err
		},
		MigrateUp: func(context.Context, config.Config) ([]Migration, error) { return nil, nil },
		MigrateStatus: func(context.Context, config.Config) ([]Migration, error) {
			return []Migration{first, {Version: 20, Name: "more"}}, nil
		},
		KeysList: func(_ context.Context, settings config.Config) ([]Key, error) {
			if !settings.Database.URL.IsZero() {
				return nil, errors.New("open the database: it is a test")
			}
			return []Key{active, {ID: "b", Algorithm: "ES256", State: "next", CreatedAt: at}}, nil
		},
		KeysRotate: func(_ context.Context, _ config.Config, rotation KeyRotation) ([]Key, error) {
			if !rotation.Force {
				return nil, fault.New(fault.Conflict, "keys.next_too_young").Because(errors.New("the next RS256 key may sign from tomorrow"))
			}
			if len(rotation.Algorithms) == 1 && rotation.Algorithms[0] == "RS256" {
				return []Key{active}, nil
			}
			return nil, nil
		},
		Conformance: func(_ context.Context, run ConformanceRun, output io.Writer) error {
			if run.Issuer == "https://broken.example.com" {
				return ErrChecksFailed
			}
			if run.Issuer == "https://nobody.example.com" {
				return fmt.Errorf("%w: %w", ErrNoProvider, syscall.ECONNREFUSED)
			}
			_, err := fmt.Fprintf(output, "%+v\n", run)
			return err
		},
		RegistrationTokenCreate: func(_ context.Context, _ config.Config, request RegistrationTokenRequest) (RegistrationToken, error) {
			return RegistrationToken{
				ID: "id-1", Name: request.Name, RegistrationPolicy: request.RegistrationPolicy, UsesLeft: request.Uses, CreatedAt: at,
				ExpiresAt: at.Add(request.Expires), Token: "the-token",
			}, nil
		},
		RegistrationTokenList: func(context.Context, config.Config) ([]RegistrationToken, error) {
			return []RegistrationToken{{ID: "id-1", Name: "partners", RegistrationPolicy: RegistrationPolicy{Profile: "oauth21", Scopes: []string{"openid"}}, UsesLeft: -1, CreatedAt: at}}, nil
		},
		RegistrationTokenRevoke: func(_ context.Context, _ config.Config, token string) (RegistrationToken, error) {
			return RegistrationToken{ID: token, Name: "partners", RevokedAt: at}, nil
		},
	}
}
