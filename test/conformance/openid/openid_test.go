package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/keys"
	"authly/internal/protocol/jose"
)

// freeAddress returns an address that nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// start serves until the test ends.
func start(t *testing.T) (*provider, *http.Client) {
	t.Helper()
	return startWith(t, startOptions(t))
}

// startOptions are those of a server on a free port, and of a suite that isn't there.
func startOptions(t *testing.T) options {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	return options{
		issuer: "https://localhost:" + port, listen: address, base: "https://localhost:8443/test/a/authly", directory: filepath.Join(t.TempDir(), "op"),
	}
}

func startWith(t *testing.T, wanted options) (*provider, *http.Client) {
	t.Helper()
	made, err := prepare(t.Context(), wanted, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := made.app.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- made.app.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := made.app.Close(); err != nil {
			t.Error(err)
		}
	})
	certificate, err := os.ReadFile(filepath.Join(wanted.directory, "op.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return made, &http.Client{
		Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// plan is what all configurations have in common.
type plan struct {
	Alias  string `json:"alias"`
	Server struct {
		DiscoveryURL string `json:"discoveryUrl"`
	} `json:"server"`
	Client   planClient      `json:"client"`
	Client2  planClient      `json:"client2"`
	Post     planClient      `json:"client_secret_post"`
	Browser  []planBrowser   `json:"browser"`
	Override map[string]plan `json:"override"`
}

type planClient struct {
	ID      string `json:"client_id"`
	Secret  string `json:"client_secret"`
	Initial string `json:"initial_access_token"`
}

type planBrowser struct {
	Match string `json:"match"`
	Tasks []struct {
		Task     string  `json:"task"`
		Match    string  `json:"match"`
		Commands [][]any `json:"commands"`
	} `json:"tasks"`
}

func readPlans(t *testing.T, made *provider) map[string]plan {
	t.Helper()
	plans := map[string]plan{}
	for _, file := range made.plans {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var read plan
		if err := json.Unmarshal(content, &read); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if strings.Contains(string(content), "{{") || strings.Contains(string(content), "<no value>") {
			t.Errorf("%s is not filled in", file)
		}
		plans[filepath.Base(file)] = read
	}
	return plans
}

// The configurations name clients that exist, and ids and texts that our pages have.
func TestPlans(t *testing.T) {
	t.Parallel()
	made, _ := start(t)
	pages, err := os.ReadFile("../../../docs/pages.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	plans := readPlans(t, made)
	if len(plans) != 11 {
		t.Errorf("there are %d plans", len(plans))
	}
	for name, read := range plans {
		if !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("the README does not say what %s is for", name)
		}
		if read.Alias != "authly" || read.Server.DiscoveryURL != made.values.Issuer+"/.well-known/openid-configuration" {
			t.Errorf("%s: alias %q, discovery at %q", name, read.Alias, read.Server.DiscoveryURL)
		}
		for _, known := range []planClient{read.Client, read.Client2, read.Post} {
			if known.ID == "" {
				continue
			}
			if _, err := made.app.Clients.Find(t.Context(), known.ID); err != nil || known.Secret == "" {
				t.Errorf("%s: the client %q: %v", name, known.ID, err)
			}
		}
		if read.Client.ID == "" && read.Client.Initial != made.values.InitialAccessToken {
			t.Errorf("%s: neither a client nor the initial access token", name)
		}
		for _, step := range append(slices.Clone(read.Browser), overridden(read)...) {
			for _, task := range step.Tasks {
				for _, command := range task.Commands {
					id, _ := command[2].(string)
					// The suite's own pages have these two; all others are ours.
					if of, isSuites := map[string]string{"submission_complete": "/callback", "complete": "/post_logout_redirect"}[id]; isSuites {
						if !strings.HasPrefix(task.Match, "*/test/*"+of) {
							t.Errorf("%s: looks for %s at %s", name, id, task.Match)
						}
					} else if strings.HasPrefix(task.Match, "*/test/") || !strings.Contains(string(pages), "`"+id+"`") {
						t.Errorf("%s: docs/pages.md has no id %q", name, id)
					}
					// The page of a sign-out that was confirmed is at /logout.
					if id == "signed-out-title" && task.Match != made.values.Issuer+"/*" {
						t.Errorf("%s: looks for the signed-out page at %s", name, task.Match)
					}
				}
			}
		}
	}
}

// Without a hint the suite takes a picture of the question, and nobody answers it.
func TestPlanLooksAtTheQuestion(t *testing.T) {
	t.Parallel()
	made, _ := start(t)
	steps := readPlans(t, made)["rp-initiated-logout.json"].Override["oidcc-rp-initiated-logout-no-id-token-hint"].Browser
	if len(steps) != 2 || len(steps[1].Tasks) != 1 || len(steps[1].Tasks[0].Commands) != 1 {
		t.Fatalf("the steps are %+v", steps)
	}
	if command := steps[1].Tasks[0].Commands[0]; command[0] != "wait" || command[2] != "page-logout" {
		t.Errorf("the command is %v", command)
	}
}

// A rotation makes new keys of the types that the suite can read, and no other.
func TestRotationTakesWhatTheSuiteReads(t *testing.T) {
	t.Parallel()
	made, _ := start(t)
	active := func() map[jose.Algorithm]string {
		all, err := made.app.Keys().List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := map[jose.Algorithm]string{}
		for _, key := range all {
			if key.State == keys.Active {
				found[key.Algorithm] = key.ID
			}
		}
		return found
	}
	for _, algorithm := range jose.Algorithms() { // as clients that register it make it
		if err := made.app.Keys().Ensure(t.Context(), algorithm); err != nil {
			t.Fatal(err)
		}
	}
	before := active()
	if err := made.rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := active()
	for _, algorithm := range jose.Algorithms() {
		if changed := before[algorithm] != after[algorithm]; before[algorithm] == "" || changed != (algorithm != jose.EdDSA) {
			t.Errorf("%s: %q, then %q", algorithm, before[algorithm], after[algorithm])
		}
	}
}

func overridden(read plan) []planBrowser {
	var steps []planBrowser
	for _, module := range read.Override {
		steps = append(steps, module.Browser...)
	}
	return steps
}

// A sign-in as the suite's browser does it, by the commands of a plan: no PKCE, over
// TLS, with forms only.
func TestSignInByTheCommandsOfAPlan(t *testing.T) {
	t.Parallel()
	made, client := start(t)
	read := readPlans(t, made)["basic-static.json"]
	jar := map[string]*http.Cookie{}
	do := func(method, address string, form url.Values) (*http.Response, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, cookie := range jar {
			request.AddCookie(cookie)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range response.Cookies() {
			if !cookie.Secure || !strings.HasPrefix(cookie.Name, "__Host-") {
				t.Errorf("the cookie %s over https: %v", cookie.Name, cookie)
			}
			jar[cookie.Name] = cookie
		}
		return response, string(body)
	}
	address := made.values.Issuer + "/oauth/authorize?" + url.Values{
		"client_id": {read.Client.ID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {made.values.Base + "/callback"}, "state": {"s"},
	}.Encode()
	response, page := do(http.MethodGet, address, nil)
	for step := 0; step < 12 && !strings.HasPrefix(response.Header.Get("Location"), made.values.Base); step++ {
		if location := response.Header.Get("Location"); location != "" {
			address = location
			response, page = do(http.MethodGet, address, nil)
			continue
		}
		response, page = do(http.MethodPost, strings.Split(address, "?")[0], follow(t, read, address, page))
	}
	location, err := url.Parse(response.Header.Get("Location"))
	if err != nil || location.Query().Get("code") == "" || location.Query().Get("state") != "s" {
		t.Fatalf("the sign-in ends at %q:\n%s", response.Header.Get("Location"), page)
	}
	response, body := do(http.MethodPost, made.values.Issuer+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {made.values.Base + "/callback"},
		"client_id": {read.Client.ID}, "client_secret": {read.Client.Secret},
	})
	if response.StatusCode != http.StatusOK || !strings.Contains(body, "id_token") {
		t.Errorf("token: %d %s", response.StatusCode, body)
	}
}

// follow does what the plan's commands say for a page, and returns the form to send.
func follow(t *testing.T, read plan, address, page string) url.Values {
	t.Helper()
	form := url.Values{}
	for _, hidden := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		form.Set(hidden[1], hidden[2])
	}
	for _, task := range read.Browser[0].Tasks {
		prefix, _ := strings.CutSuffix(task.Match, "*")
		if strings.HasPrefix(prefix, "*") || !strings.HasPrefix(address, prefix) {
			continue
		}
		for _, command := range task.Commands {
			id, _ := command[2].(string)
			switch command[0] {
			case "text":
				value, _ := command[3].(string)
				form.Set(id, value)
			case "click":
				if button := regexp.MustCompile(`id="` + id + `"[^>]* name="([^"]*)" value="([^"]*)"`).FindStringSubmatch(page); button != nil {
					form.Set(button[1], button[2])
				}
			}
		}
		return form
	}
	t.Fatalf("no task of the plan is for %s:\n%s", address, page)
	return nil
}

func TestDirectoryOfSomebodyElseIsNotEmptied(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	file := filepath.Join(directory, "precious")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptied(directory); err == nil {
		t.Error("it was emptied")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// What the logout plans look at is there: one client is told in a frame and one by a logout token,
// the others not at all, and sessions can be watched.
func TestLogoutPlansFindWhatTheyNeed(t *testing.T) {
	t.Parallel()
	made, client := start(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, made.values.Issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var told map[string]any
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{
		"backchannel_logout_supported", "backchannel_logout_session_supported", "frontchannel_logout_supported", "frontchannel_logout_session_supported",
	} {
		if told[member] != true {
			t.Errorf("%s is %v", member, told[member])
		}
	}
	if frame, _ := told["check_session_iframe"].(string); !strings.HasPrefix(frame, made.values.Issuer+"/") {
		t.Errorf("check_session_iframe is %v", told["check_session_iframe"])
	}
	back, front := made.values.Base+"/backchannel_logout", made.values.Base+"/frontchannel_logout"
	plans := readPlans(t, made)
	for id, want := range map[string][2]string{
		made.values.Client.ID: {}, made.values.Client2.ID: {}, made.values.SecretPost.ID: {},
		plans["backchannel-logout.json"].Client.ID: {back, ""}, plans["frontchannel-logout.json"].Client.ID: {"", front},
	} {
		found, err := made.app.Clients.Find(t.Context(), id)
		if got := [2]string{found.BackChannelLogoutURI, found.FrontChannelLogoutURI}; err != nil || got != want {
			t.Errorf("a client is told at %q, want %q: %v", got, want, err)
		}
		if found.BackChannelLogoutSessionRequired != (want[0] != "") || found.FrontChannelLogoutSessionRequired != (want[1] != "") {
			t.Errorf("%q: whether it needs a session: %t, %t", want, found.BackChannelLogoutSessionRequired, found.FrontChannelLogoutSessionRequired)
		}
	}
}
