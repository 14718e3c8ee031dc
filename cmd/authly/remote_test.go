package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/user"
)

// world is a whole server with an administrator, as a person at a terminal finds it.
type world struct {
	server   *testx.Server
	password string
	bob      testx.Person // no administrator
	robot    testx.Client // may look at clients and scopes
	root     testx.Client // may do everything
}

const administrator = "alice"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{server: testx.NewServer(t, db.SQLite), password: "correct horse " + secret.New().Reveal()[:16]}
	w.server.Secret(w.password)
	if _, err := w.server.Users.Create(t.Context(), user.New{Username: administrator, Password: secret.FromString(w.password), Administrator: true}); err != nil {
		t.Fatal(err)
	}
	if w.bob = w.server.Person("bob"); w.bob.Administrator {
		t.Fatal("bob is an administrator")
	}
	audience := w.server.Issuer + "/api/v1/admin"
	w.robot = w.server.Confidential("https://robot.example/callback", func(m *client.Metadata) {
		m.Scopes, m.Resources, m.Administrator = oauth.ScopeSet{"admin:clients:read", "admin:scopes:read"}, []string{audience}, true
	})
	w.root = w.server.Confidential("https://root.example/callback", func(m *client.Metadata) {
		m.Resources, m.Administrator = []string{audience}, true
		for _, each := range scopes(t, w.server) {
			if strings.HasPrefix(each, "admin:") {
				m.Scopes = append(m.Scopes, each)
			}
		}
	})
	return w
}

func scopes(t *testing.T, server *testx.Server) []string {
	t.Helper()
	all, err := server.Scopes.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(all))
	for i, each := range all {
		names[i] = each.Name
	}
	return names
}

// environment is what a person's terminal has.
func (w *world) environment(directory string) []string {
	return []string{
		"ISSUER=" + w.server.Issuer, "ADMINISTRATOR=" + administrator, "PASSWORD=" + w.password, "BROWSER=visit", "AUTHLY_CREDENTIALS=file", "BOBS_PASSWORD=" + w.bob.Password,
		"ROBOT=" + w.robot.ClientID, "ROBOT_SECRET=" + w.robot.Secret, "XDG_CONFIG_HOME=" + filepath.Join(directory, "settings"),
	}
}

// TestRemoteScripts runs the sessions in testdata/remote: the whole program as a person uses
// it, with a server that answers.
func TestRemoteScripts(t *testing.T) {
	w := newWorld(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "remote"), RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			for _, line := range w.environment(env.WorkDir) {
				name, value, _ := strings.Cut(line, "=")
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": expectStatus, "mode": expectMode, "remember": remember, "end-sign-ins": w.endSignIns, "age": age, "old-sign-ins": w.oldSignIns,
		},
	})
}

// remember puts a match of the last output into a variable: remember ID '"client_id": "([^"]+)"'.
func remember(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 3 {
		script.Fatalf("usage: remember variable file pattern")
	}
	before, after, _ := strings.Cut(arguments[2], "(.*)")
	_, found, ok := strings.Cut(script.ReadFile(arguments[1]), before)
	value, _, closed := strings.Cut(found, after)
	if after == "" {
		value, closed = strings.TrimSpace(found), true
	}
	if !ok || !closed {
		script.Fatalf("%s has no %s", arguments[1], arguments[2])
	}
	script.Setenv(arguments[0], value)
}

// age lets the access tokens in a directory of profiles end, as far as the program can know: age directory.
func age(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 1 {
		script.Fatalf("usage: age directory")
	}
	files, err := filepath.Glob(filepath.Join(script.MkAbs(arguments[0]), "credentials-*.json"))
	script.Check(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		script.Check(err)
		script.Check(os.WriteFile(file, regexp.MustCompile(`"expires_at":"[^"]*"`).ReplaceAll(text, []byte(`"expires_at":"2020-01-01T00:00:00Z"`)), 0o600))
	}
}

// oldSignIns lets an hour pass since the sign-ins in a directory of profiles: old-sign-ins directory.
func (w *world) oldSignIns(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 1 {
		script.Fatalf("usage: old-sign-ins directory")
	}
	files, err := filepath.Glob(filepath.Join(script.MkAbs(arguments[0]), "credentials-*.json"))
	script.Check(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		script.Check(err)
		var kept struct {
			Access string `json:"access_token"`
		}
		script.Check(json.Unmarshal(text, &kept))
		var claims struct {
			ID string `json:"jti"`
		}
		script.Check(jose.UnmarshalUnverified(kept.Access, &claims))
		changed, err := w.server.Database().Write(context.Background()).Exec(context.Background(),
			`UPDATE token_families SET authenticated_at = $1 WHERE id = (SELECT family_id FROM access_tokens WHERE id = $2)`, time.Now().Add(-time.Hour), claims.ID)
		script.Check(err)
		if changed != 1 {
			script.Fatalf("%d families", changed)
		}
	}
}

// endSignIns ends what the program was given, as an administrator of the server would: end-sign-ins directory.
func (w *world) endSignIns(script *testscript.TestScript, negated bool, arguments []string) {
	if negated || len(arguments) != 1 {
		script.Fatalf("usage: end-sign-ins directory")
	}
	files, err := filepath.Glob(filepath.Join(script.MkAbs(arguments[0]), "credentials-*.json"))
	script.Check(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		script.Check(err)
		var kept struct {
			Refresh string `json:"refresh_token"`
		}
		script.Check(json.Unmarshal(text, &kept))
		if answer := w.server.Post("/oauth/revoke", url.Values{"client_id": {"authly-cli"}, "token": {kept.Refresh}}); answer.Status != http.StatusOK {
			script.Fatalf("revoke: %d", answer.Status)
		}
	}
}

// visit is a browser with a person: it opens an address, signs in with $ADMINISTRATOR and
// $PASSWORD, and answers the consent page with $DECISION, or "allow".
func visit() {
	address := os.Args[len(os.Args)-1]
	if address == "-" { // it is somewhere in what a program says, which goes on
		for lines := bufio.NewScanner(os.Stdin); lines.Scan() && !strings.HasPrefix(address, "http"); {
			address = strings.TrimSpace(lines.Text())
		}
	}
	if err := browse(address); err != nil {
		fmt.Fprintln(os.Stderr, "visit:", err)
		os.Exit(1)
	}
}

func browse(address string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	through := &http.Client{Jar: jar, Timeout: patience}
	decision := os.Getenv("DECISION")
	if decision == "" {
		decision = "allow"
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	page, err := opened(ctx, through, http.MethodGet, address, nil)
	for range 5 {
		if err != nil {
			return err
		}
		form := page.Form()
		fields := url.Values{}
		switch form.ID {
		case "":
			return nil
		case "login-form":
			fields = url.Values{"username": {os.Getenv("ADMINISTRATOR")}, "password": {os.Getenv("PASSWORD")}}
		case "consent-form":
			fields.Set("decision", decision)
		}
		at, err2 := url.Parse(page.URL)
		if err2 != nil {
			return err2
		}
		action, err2 := at.Parse(form.Action)
		if err2 != nil {
			return err2
		}
		page, err = opened(ctx, through, http.MethodPost, action.String(), form.With(fields))
	}
	return err
}

// opened is a page after all redirects, also to the program that waits for them.
func opened(ctx context.Context, through *http.Client, method, address string, form url.Values) (testx.Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return testx.Answer{}, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := through.Do(request)
	if err != nil {
		return testx.Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return testx.Answer{URL: response.Request.URL.String(), Status: response.StatusCode, Body: string(body)}, err
}
