package session_test

import (
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/session"
)

// named returns the cookies of an answer by that name.
func named(answer *httptest.ResponseRecorder, name string) []*http.Cookie {
	var found []*http.Cookie
	for _, each := range answer.Result().Cookies() {
		if each.Name == name {
			found = append(found, each)
		}
	}
	return found
}

// Each sign-in gives the browser another state, and a sign-out takes it away.
func TestBrowserState(t *testing.T) {
	for issuer, want := range map[string]http.Cookie{
		"https://id.example":    {Name: "__Host-authly_browser_state", Secure: true, SameSite: http.SameSiteNoneMode},
		"http://127.0.0.1:8080": {Name: "authly_browser_state", SameSite: http.SameSiteLaxMode},
	} {
		w := newWorld(dbtest.Open(t, db.SQLite))
		cookies := httpx.NewCookies(httpx.CookieOptions{Issuer: issuer})
		browser := session.NewBrowser(w.sessions, cookies).WithStates(session.NewBrowserStates(cookies, w.clock))
		started, token := w.begin(t, session.New{Person: recognized(w.user(t, "ada"))})
		seen := map[string]bool{token.Reveal(): true}
		for range 2 {
			answer := httptest.NewRecorder()
			browser.Write(answer, token, started)
			created := named(answer, want.Name)
			if len(created) != 1 || created[0].HttpOnly || created[0].Secure != want.Secure || created[0].SameSite != want.SameSite || created[0].Path != "/" || created[0].Domain != "" ||
				created[0].MaxAge != int(absolute/time.Second) || len(created[0].Value) != 43 {
				t.Fatalf("%s: %v", issuer, created)
			}
			if seen[created[0].Value] {
				t.Errorf("%s: the state is the token, or the same again", issuer)
			}
			seen[created[0].Value] = true
		}
		answer := httptest.NewRecorder()
		browser.Clear(answer)
		if gone := named(answer, want.Name); len(gone) != 1 || gone[0].MaxAge >= 0 || gone[0].Value != "" {
			t.Errorf("%s: cleared: %v", issuer, gone)
		}
	}
}

func TestSessionState(t *testing.T) {
	w := newWorld(dbtest.Open(t, db.SQLite))
	states := session.NewBrowserStates(httpx.NewCookies(httpx.CookieOptions{Issuer: "https://id.example"}), w.clock)
	started, _ := w.begin(t, session.New{Person: recognized(w.user(t, "ada"))})
	const client, state = "client_1", "0123456789012345678901234567890123456789_-x"
	ask := func(redirectURI, cookie string) (string, *httptest.ResponseRecorder) {
		answer, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		if cookie != "" {
			request.AddCookie(&http.Cookie{Name: "__Host-authly_browser_state", Value: cookie})
		}
		return states.SessionState(answer, request, client, redirectURI, started), answer
	}
	hash := func(origin, state, salt string) string {
		digest := sha256.Sum256([]byte(client + " " + origin + " " + state + " " + salt))
		return base64.RawURLEncoding.EncodeToString(digest[:]) + "." + salt
	}
	salts := map[string]bool{}
	for uri, origin := range map[string]string{
		"https://app.example/callback?a=b": "https://app.example", "https://app.example:443/callback": "https://app.example",
		"https://app.example:8443/callback": "https://app.example:8443", "http://127.0.0.1:3000/x": "http://127.0.0.1:3000", "http://localhost:80/x": "http://localhost",
	} {
		got, answer := ask(uri, state)
		_, salt, _ := strings.Cut(got, ".")
		if got != hash(origin, state, salt) || len(salt) != 22 || salts[salt] || strings.Contains(got, " ") {
			t.Errorf("%s: %s", uri, got)
		}
		salts[salt] = true
		if len(answer.Result().Cookies()) > 0 {
			t.Errorf("%s: the state was changed", uri)
		}
	}
	if got, _ := ask("com.example.app:/callback", state); got != "" {
		t.Errorf("a redirect URI without an origin: %s", got)
	}
	// A browser that has none, or one that was not made here, gets one that counts.
	for _, worthless := range []string{"", "short", state + "x", strings.Repeat(" ", 43), strings.Repeat("%", 43)} {
		got, answer := ask("https://app.example/callback", worthless)
		created := named(answer, "__Host-authly_browser_state")
		_, salt, _ := strings.Cut(got, ".")
		if len(created) != 1 || got != hash("https://app.example", created[0].Value, salt) {
			t.Errorf("%q: %s, %v", worthless, got, created)
		}
	}
}

func TestNobodySignedIn(t *testing.T) {
	w := newWorld(dbtest.Open(t, db.SQLite))
	states := session.NewBrowserStates(httpx.NewCookies(httpx.CookieOptions{Issuer: "http://localhost"}), w.clock)
	answer, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	states.NobodySignedIn(answer, request)
	if len(answer.Result().Cookies()) > 0 {
		t.Error("there was nothing to take away")
	}
	request.AddCookie(&http.Cookie{Name: "authly_browser_state", Value: "x"})
	for _, destination := range []string{"", "iframe", "frame", "empty"} {
		answer = httptest.NewRecorder()
		request.Header.Set("Sec-Fetch-Dest", destination)
		if states.NobodySignedIn(answer, request); len(answer.Result().Cookies()) > 0 {
			t.Errorf("in %q the session's own cookie may be missing for another reason", destination)
		}
	}
	answer = httptest.NewRecorder()
	request.Header.Set("Sec-Fetch-Dest", "document")
	states.NobodySignedIn(answer, request)
	if gone := named(answer, "authly_browser_state"); len(gone) != 1 || gone[0].MaxAge >= 0 {
		t.Errorf("the state is %v", gone)
	}
}

// The frame is for everybody, and has the one script that its policy allows.
func TestCheckSessionFrame(t *testing.T) {
	w := newWorld(dbtest.Open(t, db.SQLite))
	router := httpx.NewRouter(httpx.Options{Issuer: "https://id.example/tenant", Clock: w.clock, Logger: slog.New(slog.DiscardHandler)})
	session.NewBrowserStates(httpx.NewCookies(httpx.CookieOptions{Issuer: "https://id.example/tenant"}), w.clock).Mount(router)
	answer := httptest.NewRecorder()
	router.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "https://id.example/tenant"+session.CheckPath, nil))
	script := regexp.MustCompile(`(?s)<script>(.*)</script>`).FindStringSubmatch(answer.Body.String())
	if answer.Code != http.StatusOK || script == nil || !regexp.MustCompile(`"__Host-[0-9a-f]{8}_authly_browser_state="`).MatchString(script[1]) {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	digest := sha256.Sum256([]byte(script[1]))
	policy := answer.Header().Get("Content-Security-Policy")
	for _, directive := range []string{
		"default-src 'none';", "; frame-ancestors *;", "; base-uri 'none'", "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'",
	} {
		if !strings.Contains(policy, directive) {
			t.Errorf("no %s in %s", directive, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "'none'; frame-ancestors 'none'") || answer.Header().Get("X-Frame-Options") != "" {
		t.Errorf("%v", answer.Header())
	}
	if len(answer.Result().Cookies()) > 0 || answer.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%v", answer.Header())
	}
}
