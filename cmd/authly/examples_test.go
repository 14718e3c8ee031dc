package main

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"authly/internal/cli"
	"authly/internal/testx"
)

// elsewhere says what stands in for what an example names and a test does not have, and
// who opens the address that is only shown.
func (w *world) elsewhere(directory string) *strings.Replacer {
	return strings.NewReplacer(
		"http://127.0.0.1:8080", w.server.Issuer, "/etc/authly.yaml", filepath.Join(directory, "server.yaml"), "| less", "| cat",
		"--no-browser --credentials file", "--no-browser --credentials file 2>&1 | visit -",
	)
}

// TestExamples runs every example of every command as it stands in the help, in a shell, with
// a server and a person who is signed in. What a server's own machine has is there too.
func TestExamples(t *testing.T) {
	w := newWorld(t)
	directory := t.TempDir()
	settings := "issuer: " + w.server.Issuer + "\ndata_directory: " + w.server.Settings.DataDirectory + "\n"
	for name, text := range map[string]string{"server.yaml": settings, "authly.yaml": "scopes:\n  - name: orders:read\n    description: See your orders\n"} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	signIn := "authly login --scopes all --server " + w.server.Issuer + "\nauthly login --scopes all --profile readonly --server " + w.server.Issuer
	run := func(t *testing.T, script string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		command := exec.CommandContext(ctx, "sh", "-ec", script)
		command.Dir, command.Env = directory, slices.Concat(os.Environ(), w.environment(directory), w.furnish(t, directory), []string{"AUTHLY_CONFIG=" + filepath.Join(directory, "server.yaml")})
		var output, problems bytes.Buffer
		command.Stdout, command.Stderr, command.WaitDelay = &output, &problems, patience
		if err := command.Run(); err != nil {
			t.Errorf("%s\n%v\n%s%s", script, err, output.String(), problems.String())
		}
		return output.String()
	}
	run(t, signIn)
	walk(cli.Program{}.Root(), func(command *cobra.Command) {
		t.Run(strings.ReplaceAll(command.CommandPath(), " ", "/"), func(t *testing.T) {
			path, script := command.CommandPath(), w.elsewhere(directory).Replace(command.Example)
			if !strings.Contains(script, path) {
				t.Fatalf("it has no example of its own: %q", script)
			}
			if why := apart(path); why != "" {
				t.Skip(why)
			}
			run(t, script)
			if ends := strings.Fields(path)[1]; ends == "logout" || ends == "profile" || ends == "token" || ends == "grant" {
				run(t, signIn)
			}
		})
	})
}

// furnish makes what examples name, as far as an example before has not left it there, and
// returns the names of what can't be named beforehand.
func (w *world) furnish(t *testing.T, directory string) []string {
	t.Helper()
	server := w.server.In(t)
	token := server.Token(w.root, url.Values{"grant_type": {"client_credentials"}, "resource": {server.Issuer + "/api/v1/admin"}, "scope": {strings.Join(w.root.Scopes, " ")}}).Text("access_token")
	call := func(method, path, body string) testx.Answer {
		return server.Call(method, "/api/v1/admin"+path, nil, testx.Bearer(token), testx.JSON(body))
	}
	for _, made := range []string{"/scopes/invoices:read", "/clients/my-phone"} {
		call(http.MethodDelete, made, "")
	}
	for path, body := range map[string]string{
		"/scopes":  `{"name":"reports:read","description":"See reports"}`,
		"/clients": `{"client_id":"my-app","client_name":"My app","redirect_uris":["https://app.example/callback"]}`,
		"/users//": `{"username":"ada","administrator":true,"password":"a password of the example"}`,
		"/users/":  `{"username":"grace","invitation":true}`,
		"/users":   `{"username":"carol","nickname":"Caro","password":"a password of the example"}`,
	} {
		if made := call(http.MethodPost, strings.TrimRight(path, "/"), body); made.Status != http.StatusCreated && made.Status != http.StatusConflict {
			t.Fatalf("%s: %d %s", path, made.Status, made.Body)
		}
	}
	if err := os.WriteFile(filepath.Join(directory, "secret.txt"), []byte("not the secret of anything, and long enough\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := call(http.MethodPost, "/clients/my-app/secrets", `{"overlap_seconds":60}`)
	registration := call(http.MethodPost, "/initial-access-tokens", `{"name":"partners"}`)
	named := []string{"SECRET_ID=" + secret.Text("id"), "REGISTRATION_TOKEN_ID=" + registration.Text("id")}
	for name, each := range map[string]struct{ path, rows, id, state, wanted string }{
		"KID":         {"/keys", "keys", "kid", "state", "active"},
		"RETIRED_KID": {"/keys", "keys", "kid", "state", "retired"},
		"USER_ID":     {"/users?username=carol", "users", "id", "username", "carol"},
		"SESSION_ID":  {"/sessions?state=active", "sessions", "id", "state", "active"},
		"EVENT_ID":    {"/audit-events?outcome=success", "audit_events", "id", "outcome", "success"},
		"GRANT_ID":    {"/grants?active=true", "grants", "id", "client_id", "authly-cli"},
		"TOKEN_ID":    {"/tokens?kind=family&active=true", "tokens", "id", "kind", "family"},
	} {
		rows, _ := call(http.MethodGet, each.path, "").JSON[each.rows].([]any)
		for _, row := range rows {
			entry, _ := row.(map[string]any)
			if id, ok := entry[each.id].(string); ok && entry[each.state] == each.wanted {
				named = append(named, name+"="+id)
			}
		}
	}
	return named
}

// apart says why a command's examples are not run here.
func apart(path string) string {
	switch path {
	case "authly serve":
		return "the scripts start servers, with these flags"
	case "authly conformance":
		return "the kit has tests of its own, and takes a minute"
	case "authly recover backup":
		return "the scripts run it: it refuses a database that a server has open, as this one"
	default:
		return ""
	}
}

// walk visits every command that does something.
func walk(command *cobra.Command, visit func(*cobra.Command)) {
	for _, each := range command.Commands() {
		walk(each, visit)
	}
	group := command.HasSubCommands() && command.Name() != "token"
	if !group && command.Name() != "help" && command.Name() != "completion" && !command.Hidden {
		visit(command)
	}
}
