package http_test

import (
	"crypto/rand"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// object signs a request object with the parameters of a good request and changes.
func (w *World) object(known keyed, request testx.Request, changes map[string]any) string {
	w.T.Helper()
	claims := map[string]any{"iss": known.ClientID, "aud": w.Issuer, "exp": w.Clock.Now().Add(time.Minute).Unix()}
	for name, values := range request.Values {
		claims[name] = values[0]
	}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return w.assert(known, jose.TypeRequestObject, claims)
}

// outside is what stands beside an object: what OpenID Connect Core 1.0 section 6.1 wants.
func outside(known keyed, changes ...url.Values) url.Values {
	sent := url.Values{"client_id": {known.ClientID}, "response_type": {"code"}, "scope": {"openid"}}
	for _, change := range changes {
		for name, values := range change {
			sent[name] = values
		}
	}
	return sent
}

func (w *World) open(browser *testx.Browser, sent url.Values) testx.Answer {
	w.T.Helper()
	return browser.Open(w.Issuer + "/oauth/authorize?" + sent.Encode())
}

// RFC 9101; OpenID Connect Core 1.0 section 6.1.
func TestRequestObjects(t *testing.T) {
	t.Parallel()
	code := Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "inside"}}
	page := Want{Status: http.StatusBadRequest, Body: []string{`id="page-error"`}}
	refused := Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequestObject, Redirect: map[string]string{"code": "", "state": "beside"}}
	silently := set("prompt", "none")
	// by sends an object of the given changes; beside it are a good redirect URI and a state.
	by := func(changes map[string]any) func(w *World) testx.Answer {
		return func(w *World) testx.Answer {
			known := w.Keyed(jose.PS256, nil)
			token := w.object(known, w.Request(known.Client, set("state", "inside")), changes)
			sent := outside(known, set("request", token), set("redirect_uri", callback), set("state", "beside"))
			browser := w.Browser()
			answer := w.open(browser, sent)
			if answer.Form().ID == "login-form" {
				answer = browser.Through(answer, w.Ada)
			}
			return answer
		}
	}
	play(t, []Scenario{
		{Name: "what is inside goes before what is beside it", Want: code, Do: by(nil)},
		{Name: "rfc9101-4 no type", Want: code, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.RS256, nil)
			claims := map[string]any{"aud": []string{"https://other.example", w.Issuer}}
			for name, values := range w.Request(known.Client, set("state", "inside")).Values {
				claims[name] = values[0]
			}
			browser := w.Browser()
			return browser.Through(w.open(browser, outside(known, set("request", w.assert(known, "", claims)))), w.Ada)
		}},
		{Name: "numbers, objects and empty values", Want: code, Do: by(map[string]any{
			"max_age": 600, "claims": map[string]any{"userinfo": map[string]any{"name": nil}}, "login_hint": "", "display": nil, "resource": []string{},
		})},
		{Name: "the redirect URI inside beats a wrong one beside it", Want: code, Do: func(w *World) testx.Answer {
			known, browser := w.Keyed(jose.ES256, nil), w.Browser()
			token := w.object(known, w.Request(known.Client, set("state", "inside")), nil)
			return browser.Through(w.open(browser, outside(known, set("request", token), set("redirect_uri", "https://evil.example/"))), w.Ada)
		}},
		{Name: "a wrong redirect URI inside", Rule: "redirect: in a request object", Want: page, WantNot: []string{"Location"}, Do: by(map[string]any{"redirect_uri": "https://evil.example/"})},
		{Name: "PKCE inside binds the code", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
			known, browser := w.Keyed(jose.ES256, nil), w.Browser()
			request := w.Request(known.Client)
			response := browser.Through(w.open(browser, outside(known, set("request", w.object(known, request, nil)))), w.Ada)
			return w.Post("/oauth/token", asserted(url.Values{
				"grant_type": {"authorization_code"}, "code": {response.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {request.Verifier},
			}, w.assert(known, jose.TypeJWT, w.claims(known, nil))))
		}},
		{Name: "rfc9101-4 another client inside", Want: refused, Do: by(map[string]any{"client_id": "client_other"})},
		{Name: "rfc9101-4 another issuer", Want: refused, Do: by(map[string]any{"iss": "client_other"})},
		{Name: "rfc9101-4 for another server", Want: refused, Do: by(map[string]any{"aud": "https://other.example"})},
		{Name: "expired", Want: refused, Do: by(map[string]any{"exp": 1000})},
		{Name: "not valid yet", Want: refused, Do: by(map[string]any{"nbf": 4102444800})},
		{Name: "a time that is none", Want: refused, Do: by(map[string]any{"exp": "later"})},
		{Name: "rfc9101-4 request within", Want: refused, Do: by(map[string]any{"request": "x"})},
		{Name: "rfc9101-4 request_uri within", Want: refused, Do: by(map[string]any{"request_uri": "https://app.example/object"})},
		{Name: "a parameter that is a list", Want: refused, Do: by(map[string]any{"scope": []string{"openid"}})},
		{Name: "a parameter that is true", Want: refused, Do: by(map[string]any{"nonce": true})},
		{Name: "a parameter beyond all bounds", Want: refused, Do: by(map[string]any{"login_hint": strings.Repeat("x", 100), "state": strings.Repeat("\x01", 10)})},
		{Name: "signed by another client", Want: refused, Do: func(w *World) testx.Answer {
			known, other, browser := w.Keyed(jose.ES256, nil), w.Keyed(jose.ES256, nil), w.SignedIn()
			other.ClientID = known.ClientID
			return w.open(browser, outside(known, silently, set("request", w.object(other, w.Request(known.Client), nil)), set("redirect_uri", callback), set("state", "beside")))
		}},
		{Name: "unsigned", Want: refused, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			parts := strings.Split(w.object(known, w.Request(known.Client), nil), ".")
			return w.open(w.SignedIn(), outside(known, silently, set("request", "eyJhbGciOiJub25lIn0."+parts[1]+"."), set("redirect_uri", callback), set("state", "beside")))
		}},
		{Name: "of a client without keys", Want: refused, Do: func(w *World) testx.Answer {
			known := keyed{w.App, newSigningKey(w.T, jose.ES256)}
			return w.open(w.SignedIn(), outside(known, silently, set("request", w.object(known, w.Request(w.App), nil)), set("redirect_uri", callback), set("state", "beside")))
		}},
		{Name: "an algorithm that the client did not register", Want: refused, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, func(m *client.Metadata) { m.RequestObjectAlgorithm = jose.PS256 })
			return w.open(w.SignedIn(), outside(known, silently, set("request", w.object(known, w.Request(known.Client), nil)), set("redirect_uri", callback), set("state", "beside")))
		}},
		{Name: "a client assertion is no request", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			return w.open(w.SignedIn(), url.Values{
				"client_id": {known.ClientID}, "prompt": {"none"}, "redirect_uri": {callback}, "request": {w.assert(known, jose.TypeJWT, w.claims(known, nil))},
			})
		}},
		{Name: "wrong, and nowhere to say so", Want: page, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			return w.open(w.SignedIn(), outside(known, set("request", "x")))
		}},
		{Name: "a client that always signs, without an object", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, func(m *client.Metadata) { m.RequireSignedRequestObject = true })
			return w.SignedIn().Open(w.AuthorizeURL(w.Request(known.Client, silently)))
		}},
		{Name: "rfc9101-5 a client that always signs: nothing beside it counts", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"state": "", "error": ""}}, Do: func(w *World) testx.Answer {
			known, browser := w.Keyed(jose.ES256, func(m *client.Metadata) { m.RequireSignedRequestObject = true }), w.Browser()
			token := w.object(known, w.Request(known.Client), map[string]any{"state": nil})
			return browser.Through(w.open(browser, outside(known, set("request", token), set("state", "beside"), set("scope", "openid phone"))), w.Ada)
		}},
		{Name: "request_uri that is off", Want: Want{Status: http.StatusSeeOther, Error: oauth.RequestURINotSupported}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, func(m *client.Metadata) { m.RequestURIs = []string{"https://app.example/object"} })
			return w.SignedIn().Open(w.AuthorizeURL(w.Request(known.Client, silently, set("request_uri", "https://app.example/object"))))
		}},
	})
}

// library is where a client keeps its request objects.
type library struct {
	server *httptest.Server
	asked  atomic.Int32
	shelf  sync.Map // of kept, by path
}

// kept is an object and the type that it is served as.
type kept struct{ kind, object string }

// keep has an object at a path.
func (l *library) keep(path, kind, object string) { l.shelf.Store(path, kept{kind, object}) }

func newLibrary(t *testing.T) (*library, testx.Option) {
	t.Helper()
	l := &library{}
	l.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		if path, isRedirect := strings.CutPrefix(r.URL.Path, "/redirect"); isRedirect {
			http.Redirect(w, r, path, http.StatusFound)
			return
		}
		found, _ := l.shelf.Load(r.URL.Path)
		served, isKept := found.(kept)
		if !isKept {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", served.kind)
		_, _ = io.WriteString(w, served.object)
	}))
	t.Cleanup(l.server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.server.Certificate().Raw}), 0o600))
	return l, testx.WithConfig(func(c *config.Config) {
		c.Requests.RequestURI, c.Egress.AllowLoopback, c.Egress.AdditionalCAFile = true, true, authority
	})
}

// OpenID Connect Core 1.0 section 6.2.
func TestRequestURI(t *testing.T) {
	t.Parallel()
	l, option := newLibrary(t)
	refused := Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequestURI, Redirect: map[string]string{"state": "beside"}}
	// fetch has the object under an address that is registered, and asks with another or the same.
	fetch := func(sent func(path string) string, kind string, object func(w *World, known keyed) string) func(w *World) testx.Answer {
		return func(w *World) testx.Answer {
			path := "/" + rand.Text()
			known := w.Keyed(jose.RS256, func(m *client.Metadata) {
				m.RequestURIs = []string{l.server.URL + path + "#0123", l.server.URL + "/redirect" + path}
			})
			l.keep(path, kind, object(w, known))
			browser := w.Browser()
			answer := w.open(browser, outside(known, set("request_uri", l.server.URL+sent(path)), set("redirect_uri", callback), set("state", "beside")))
			if answer.Form().ID == "login-form" {
				answer = browser.Through(answer, w.Ada)
			}
			return answer
		}
	}
	good := func(w *World, known keyed) string {
		return w.object(known, w.Request(known.Client, set("state", "inside")), nil)
	}
	address := func(path string) string { return path + "#0123" }
	play(t, []Scenario{
		{Name: "a registered one", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "inside"}}, Do: fetch(address, "application/oauth-authz-req+jwt", good)},
		{Name: "of the older type", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "inside"}}, Do: fetch(address, "application/jwt; charset=utf-8", good)},
		{Name: "one that is not registered", Want: refused, Do: fetch(func(path string) string { return path + "/other#0123" }, "application/jwt", good)},
		{Name: "another fragment", Want: refused, Do: fetch(func(path string) string { return path + "#4567" }, "application/jwt", good)},
		{Name: "no fragment", Want: refused, Do: fetch(func(path string) string { return path }, "application/jwt", good)},
		{Name: "a redirect", Want: refused, Do: fetch(func(path string) string { return "/redirect" + path }, "application/jwt", good)},
		{Name: "a web page", Want: refused, Do: fetch(address, "text/html", good)},
		{Name: "far too large", Want: refused, Do: fetch(address, "application/jwt", func(*World, keyed) string { return strings.Repeat("x", 1<<20) })},
		{Name: "not an object", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequestObject}, Do: fetch(address, "application/jwt", func(*World, keyed) string { return "x.y.z" })},
		{Name: "both", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest}, Do: func(w *World) testx.Answer {
			address := l.server.URL + "/object"
			known := w.Keyed(jose.RS256, func(m *client.Metadata) { m.RequestURIs = []string{address} })
			return w.open(w.SignedIn(), outside(known, set("prompt", "none"), set("redirect_uri", callback), set("request_uri", address), set("request", good(w, known))))
		}},
	}, option)
}

// An address that is not registered is never asked: request_uri is no way to make
// the server look somewhere.
func TestRequestURIAsksNobodyElse(t *testing.T) {
	t.Parallel()
	l, option := newLibrary(t)
	l.keep("/other", "application/jwt", "x.y.z")
	play(t, []Scenario{{Name: "not registered", Rule: "egress: request_uri", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequestURI}, Do: func(w *World) testx.Answer {
		known := w.Keyed(jose.RS256, func(m *client.Metadata) { m.RequestURIs = []string{l.server.URL + "/object"} })
		answer := w.open(w.SignedIn(), outside(known, set("prompt", "none"), set("redirect_uri", callback), set("request_uri", l.server.URL+"/other")))
		if asked := l.asked.Load(); asked != 0 {
			w.T.Errorf("asked %d times", asked)
		}
		return answer
	}}}, option)
}

// Anybody can send an address that a client has registered; nobody can use that to
// flood the client's host.
func TestRequestURIsAreFetchedAtABoundedRate(t *testing.T) {
	t.Parallel()
	l, option := newLibrary(t)
	l.keep("/object", "application/jwt", "x.y.z")
	w := newWorld(t, db.SQLite, option)
	known := w.Keyed(jose.RS256, func(m *client.Metadata) { m.RequestURIs = []string{l.server.URL + "/object"} })
	sent := outside(known, set("prompt", "none"), set("redirect_uri", callback), set("request_uri", l.server.URL+"/object"))
	const most, tries = 60, 70
	for i := range tries {
		want := oauth.InvalidRequestObject
		if i >= most {
			want = oauth.InvalidRequestURI
		}
		if got := w.open(w.Browser(), sent).Query().Get("error"); got != string(want) {
			t.Fatalf("request %d: %s, want %s", i, got, want)
		}
	}
	if asked := l.asked.Load(); asked != most {
		t.Errorf("the client's host was asked %d times", asked)
	}
	w.Clock.Advance(time.Minute)
	if got := w.open(w.Browser(), sent).Query().Get("error"); got != string(oauth.InvalidRequestObject) {
		t.Errorf("a minute later: %s", got)
	}
}
