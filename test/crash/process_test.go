package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
)

// patience bounds a wait for the process; it is far longer than it takes.
const patience = 30 * time.Second

// build compiles the program once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "authly-crash-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "authly")
	command := exec.Command("go", "build", "-o", path, "authly/cmd/authly")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, output)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if path, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

func each(t *testing.T, test func(t *testing.T, engine db.Engine)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// place is what stays when a process has gone: a directory, a database, an address.
type place struct {
	t           *testing.T
	directory   string
	environment []string
	issuer      string
	address     string
}

func newPlace(t *testing.T, engine db.Engine) *place {
	t.Helper()
	p := &place{t: t, directory: t.TempDir(), address: freeAddress(t)}
	p.issuer = "http://" + p.address
	p.environment = append(p.environment, "HOME="+p.directory, "PATH="+os.Getenv("PATH"), "TMPDIR="+os.TempDir())
	if engine == db.PostgreSQL {
		p.environment = append(p.environment, "AUTHLY_DATABASE_ALLOW_PLAINTEXT=true", "AUTHLY_DATABASE_URL="+dbtest.Options(t, engine).URL.Reveal(),
			"AUTHLY_SEALING_KEY="+secret.NewSealingKey().Reveal())
	}
	return p
}

// freeAddress returns an address that nobody listens on right now.
func freeAddress(t *testing.T) string {
	t.Helper()
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// process is a running `authly serve --dev`.
type process struct {
	*place
	command *exec.Cmd
	output  *buffer
	ended   chan struct{} // closed when it has gone; then err is set
	err     error
	ready   time.Duration // from the start of the process to the first 200 of /readyz
}

type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// run starts the program without waiting for anything.
func (p *place) run(arguments ...string) *process {
	p.t.Helper()
	path, err := build()
	if err != nil {
		p.t.Fatal(err)
	}
	started := &process{place: p, command: exec.Command(path, arguments...), output: &buffer{}, ended: make(chan struct{})}
	started.command.Dir, started.command.Env = p.directory, p.environment
	started.command.Stdout, started.command.Stderr = started.output, started.output
	if err := started.command.Start(); err != nil {
		p.t.Fatalf("start the program: %v", err)
	}
	go func() {
		started.err = started.command.Wait()
		close(started.ended)
	}()
	p.t.Cleanup(func() { started.kill() })
	return started
}

// start runs a server for development and waits until it is ready.
func (p *place) start() *process {
	p.t.Helper()
	began := time.Now()
	started := p.run("serve", "--dev", "--listen", p.address, "--issuer", p.issuer)
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		if status, _, err := p.request(ctx, http.MethodGet, "/readyz", nil, ""); err == nil && status == http.StatusOK {
			started.ready = time.Since(began)
			return started
		}
		select {
		case <-ticker.C:
		case <-started.ended:
			p.t.Fatalf("the program ended: %v\n%s", started.err, started.output)
		case <-ctx.Done():
			p.t.Fatalf("not ready after %s:\n%s", patience, started.output)
		}
	}
}

// kill ends the process at once (SIGKILL) and waits until it has gone.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// wait returns the exit status.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.command.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("the program does not end:\n%s", p.output)
		return -1
	}
}

func (p *process) signal(signal syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
}

// credentials is authly-data/dev.json.
type credentials struct {
	Issuer string `json:"issuer"`
	User   struct {
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"user"`
	Public struct {
		ClientID     string   `json:"client_id"`
		RedirectURIs []string `json:"redirect_uris"`
	} `json:"public_client"`
	Confidential struct {
		ClientID     string   `json:"client_id"`
		ClientSecret string   `json:"client_secret"`
		RedirectURIs []string `json:"redirect_uris"`
	} `json:"confidential_client"`
}

func (p *place) data(elements ...string) string {
	return filepath.Join(append([]string{p.directory, "authly-data"}, elements...)...)
}

func (p *place) credentials() credentials {
	p.t.Helper()
	text, err := os.ReadFile(p.data("dev.json"))
	if err != nil {
		p.t.Fatal(err)
	}
	var read credentials
	if err := json.Unmarshal(text, &read); err != nil {
		p.t.Fatalf("dev.json: %v", err)
	}
	return read
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: patience} //nolint:gochecknoglobals // keeps connections

// request sends a request and returns status and body; as has "id:secret" or nothing.
func (p *place) request(ctx context.Context, method, path string, form url.Values, as string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if id, password, found := strings.Cut(as, ":"); found {
		request.SetBasicAuth(id, password)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), errors.Join(err, response.Body.Close())
}

// issue gets an access token of the confidential demo client.
func (p *place) issue(ctx context.Context, as string) (string, error) {
	status, body, err := p.request(ctx, http.MethodPost, "/oauth/token", url.Values{"grant_type": {"client_credentials"}}, as)
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || answer.AccessToken == "" {
		return "", fmt.Errorf("got %d: %s", status, body)
	}
	return answer.AccessToken, nil
}

func (p *place) isActive(ctx context.Context, as, token string) (bool, error) {
	status, body, err := p.request(ctx, http.MethodPost, "/oauth/introspect", url.Values{"token": {token}}, as)
	if err != nil || status != http.StatusOK {
		return false, fmt.Errorf("introspection: %d %s %w", status, body, err)
	}
	var answer struct {
		Active bool `json:"active"`
	}
	err = json.Unmarshal([]byte(body), &answer)
	return answer.Active, err
}
