package main

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// standIn answers as the conformance suite does, as far as [provider.drive] asks it, and plays the client of the two
// plans. It is no suite: it checks only that a browser went all the way, with frames.
type standIn struct {
	address string // of the suite
	issuer  string
	client  *http.Client // for the token endpoint
	broken  bool         // the module of the front channel demands what no provider does

	mu     sync.Mutex
	config struct {
		Client  planClient      `json:"client"`
		Browser json.RawMessage `json:"browser"`
	}
	runs  map[string]*standInRun
	last  *standInRun
	plans []string // their names
}

// standInRun is one run of a module.
type standInRun struct {
	Module                string
	State                 outcome
	URLs, Visited         []string
	state, idToken        string
	sessionState          string
	framed                url.Values // what the frame of the front-channel logout was asked with
	heard                 []string   // answers of the session frame
	redirected, loggedOut bool
}

const base = "/test/a/authly"

func (s *standIn) handler(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	page := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Suite</title>" + body))
	}
	mux.HandleFunc("POST /api/plan", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("planName")
		if err := json.NewDecoder(r.Body).Decode(&s.config); err != nil || s.config.Browser != nil || r.URL.Query().Get("variant") != `{"client_registration":"static_client","response_type":"code"}` || r.Header.Get("Authorization") != "Bearer of the suite" {
			t.Errorf("plan %s: %v, %s", name, err, r.URL)
		}
		s.plans = append(s.plans, name)
		kind := "frontchannel"
		if strings.Contains(name, "session") {
			kind = "session"
		}
		answer(w, http.StatusCreated, map[string]any{"id": "plan-" + kind, "name": name, "modules": []map[string]any{
			{"testModule": kind + "-discovery", "variant": map[string]string{"response_type": "code"}, "instances": []string{}}, {"testModule": kind, "variant": map[string]string{"response_type": "code"}},
		}})
	})
	mux.HandleFunc("POST /api/runner", func(w http.ResponseWriter, r *http.Request) {
		made := &standInRun{Module: r.URL.Query().Get("test"), State: outcome{Status: "WAITING"}, state: rand.Text()}
		if strings.HasSuffix(made.Module, "-discovery") { // needs no browser
			made.State = outcome{Status: "FINISHED", Result: "PASSED"}
		} else {
			made.URLs = []string{s.issuer + "/oauth/authorize?" + url.Values{
				"client_id": {s.config.Client.ID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {s.address + base + "/callback"}, "state": {made.state}, "nonce": {rand.Text()},
			}.Encode()}
		}
		id := rand.Text()
		s.runs[id], s.last = made, made
		answer(w, http.StatusCreated, map[string]string{"name": made.Module, "id": id, "url": s.address + base})
	})
	mux.HandleFunc("GET /api/info/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, s.runs[r.PathValue("id")].State)
	})
	mux.HandleFunc("GET /api/runner/{id}", func(w http.ResponseWriter, r *http.Request) {
		run := s.runs[r.PathValue("id")]
		answer(w, http.StatusOK, map[string]any{"id": r.PathValue("id"), "name": run.Module, "browser": map[string]any{"urls": run.URLs, "visited": run.Visited, "runners": []string{}}})
	})
	mux.HandleFunc("POST /api/runner/browser/{id}/visit", func(w http.ResponseWriter, r *http.Request) {
		run, at := s.runs[r.PathValue("id")], r.URL.Query().Get("url")
		if index := slices.Index(run.URLs, at); index >= 0 {
			run.URLs = slices.Delete(run.URLs, index, index+1)
		}
		run.Visited = append(run.Visited, at)
		w.WriteHeader(http.StatusNoContent)
	})
	// The client. Its callback is a page whose script goes on, as the suite's is.
	mux.HandleFunc("GET "+base+"/callback", func(w http.ResponseWriter, _ *http.Request) {
		page(w, `<script>fetch("`+base+`/implicit" + location.search, {method: "POST"}).then(() => { document.body.innerHTML = '<p id="submission_complete">Done</p>' })</script>`)
	})
	mux.HandleFunc("POST "+base+"/implicit", func(w http.ResponseWriter, r *http.Request) {
		run := s.last
		run.redirected = r.URL.Query().Get("state") == run.state
		run.sessionState = r.URL.Query().Get("session_state")
		run.idToken = s.redeem(t, r.URL.Query().Get("code"))
		next := s.address + base + "/session_verify"
		if run.Module == "frontchannel" {
			next = s.endSession(run)
		}
		run.URLs = append(run.URLs, next)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+base+"/frontchannel_logout", func(w http.ResponseWriter, r *http.Request) {
		s.last.framed = r.URL.Query()
		page(w, "")
	})
	mux.HandleFunc("GET "+base+"/session_verify", func(w http.ResponseWriter, _ *http.Request) {
		page(w, fmt.Sprintf(`<iframe id="op" src="%s"></iframe><script>
			const op = document.getElementById("op");
			addEventListener("message", event => { if (event.source === op.contentWindow) fetch("%s/heard?answer=" + event.data, {method: "POST"}) });
			op.addEventListener("load", () => op.contentWindow.postMessage(%q, new URL(op.src).origin));
		</script>`, s.checkFrame(t), base, s.config.Client.ID+" "+s.last.sessionState))
	})
	mux.HandleFunc("POST "+base+"/heard", func(w http.ResponseWriter, r *http.Request) {
		run := s.last
		run.heard = append(run.heard, r.URL.Query().Get("answer"))
		switch len(run.heard) {
		case 1:
			run.URLs = append(run.URLs, s.endSession(run))
		case 2:
			s.finish(run, slices.Equal(run.heard, []string{"unchanged", "changed"}) && run.loggedOut)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+base+"/post_logout_redirect", func(w http.ResponseWriter, r *http.Request) {
		run := s.last
		run.loggedOut = r.URL.Query().Get("state") == run.state
		if run.Module == "frontchannel" {
			s.finish(run, run.loggedOut && !s.broken && run.framed.Get("iss") == s.issuer && run.framed.Get("sid") != "")
		} else {
			run.URLs = append(run.URLs, s.address+base+"/session_verify")
		}
		page(w, `<p id="complete">Done</p>`)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		mux.ServeHTTP(w, r)
	})
}

func (s *standIn) finish(run *standInRun, good bool) {
	run.State = outcome{Status: "FINISHED", Result: "FAILED"}
	if good && run.redirected {
		run.State.Result = "PASSED"
	}
}

func (s *standIn) endSession(run *standInRun) string {
	return s.issuer + "/oidc/logout?" + url.Values{"id_token_hint": {run.idToken}, "post_logout_redirect_uri": {s.address + base + "/post_logout_redirect"}, "state": {run.state}}.Encode()
}

// redeem returns the ID token for a code.
func (s *standIn) redeem(t *testing.T, code string) string {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.address + base + "/callback"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return ""
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(s.config.Client.ID), url.QueryEscape(s.config.Client.Secret))
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	s.read(t, request, &tokens)
	return tokens.IDToken
}

// checkFrame returns the address of the provider's session frame.
func (s *standIn) checkFrame(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	var metadata struct {
		Frame string `json:"check_session_iframe"`
	}
	s.read(t, request, &metadata)
	return metadata.Frame
}

func (s *standIn) read(t *testing.T, request *http.Request, into any) {
	t.Helper()
	answer, err := s.client.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %d, %v", request.URL.Path, answer.StatusCode, err)
	}
}

// newStandIn starts one over https, and a provider that it is the suite of.
func newStandIn(t *testing.T) (*standIn, *provider, options) {
	t.Helper()
	chromium := os.Getenv("TEST_CHROMIUM")
	if chromium == "" {
		t.Fatal("TEST_CHROMIUM is not set: run the tests through make")
	}
	made := &standIn{runs: map[string]*standInRun{}}
	server := httptest.NewUnstartedServer(made.handler(t))
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	made.address = "https://localhost:" + port // one site with the issuer, so that its frame has its cookie
	directory := t.TempDir()
	certificate, key := filepath.Join(directory, "suite.crt"), filepath.Join(directory, "suite.key")
	if err := writeCertificate(made.address, certificate, key); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	wanted := startOptions(t)
	wanted.base, wanted.suiteCA, wanted.browser, wanted.suiteToken = made.address+base, certificate, chromium, "of the suite"
	ready, client := startWith(t, wanted)
	made.issuer, made.client = ready.values.Issuer, client
	return made, ready, wanted
}

// The plans that need a browser and no person are run to their end.
func TestPlansAreDriven(t *testing.T) {
	t.Parallel()
	_, ready, wanted := newStandIn(t)
	var out strings.Builder
	if err := ready.drive(t.Context(), wanted, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	want := `
oidcc-frontchannel-rp-initiated-logout-certification-test-plan
  PASSED     frontchannel-discovery
  PASSED     frontchannel

oidcc-session-management-certification-test-plan
  PASSED     session-discovery
  PASSED     session
`
	if out.String() != want {
		t.Errorf("it says:%s", out.String())
	}
	if left, _ := filepath.Glob(filepath.Join(wanted.directory, "browser-*")); len(left) > 0 {
		t.Errorf("profiles of browsers stay: %q", left)
	}
}

// A module that fails doesn't keep the next ones from running, and the whole fails.
func TestModuleThatFails(t *testing.T) {
	t.Parallel()
	made, ready, wanted := newStandIn(t)
	made.broken = true
	var out strings.Builder
	if err := ready.drive(t.Context(), wanted, &out); err == nil || !strings.Contains(err.Error(), "1 modules failed") {
		t.Errorf("the error is %v", err)
	}
	if !strings.Contains(out.String(), "  FAILED     frontchannel\n") || !strings.Contains(out.String(), "  PASSED     session\n") || len(made.plans) != 2 {
		t.Errorf("it says:%s", out.String())
	}
}

// A password that is wrong ends a run at once.
func TestSignInOfADrivenPlanFails(t *testing.T) {
	t.Parallel()
	_, ready, wanted := newStandIn(t)
	ready.values.Password = "not this one at all"
	if err := ready.drive(t.Context(), wanted, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "the sign-in failed") {
		t.Errorf("the error is %v", err)
	}
}
