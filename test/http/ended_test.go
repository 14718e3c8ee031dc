package http_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// afterwards is something that ends what a code or a refresh token stands for.
type afterwards struct {
	name string
	end  func(w *World, k *visitor)
	// offline reports whether access that outlives the session outlives this too.
	offline bool
}

// visitor is a person of their own at a client of its own.
type visitor struct {
	person   testx.Person
	app      testx.Client
	browser  *testx.Browser
	request  testx.Request
	response testx.Answer
}

func (w *World) visit(scope string) *visitor {
	w.T.Helper()
	k := &visitor{person: w.Person("visitor" + strings.ToLower(rand.Text()[:10])), browser: w.Browser()}
	k.app = w.Confidential(callback, func(m *client.Metadata) { m.Resources = []string{resource, "https://other-api.example"} })
	k.request = w.Request(k.app, set("scope", scope))
	k.response = k.browser.Through(k.browser.Open(w.AuthorizeURL(k.request)), k.person)
	if k.response.Query().Get("code") == "" {
		w.T.Fatalf("no code: %s", k.response.Header.Get("Location"))
	}
	return k
}

// waysToEnd are what a person or an administrator does between a response and its use. What
// happens at the same moment is in TestWhatIsEndedMeanwhileStaysEnded.
func waysToEnd() []afterwards {
	administered := func(method string, path func(k *visitor) string) func(w *World, k *visitor) {
		return func(w *World, k *visitor) {
			a := &administration{w.Server, w.T}
			answer := a.send(testx.Bearer(a.own(a.robot(), adminScopes().String(), w.Issuer+adminPath)), method, path(k), "")
			if answer.Status >= http.StatusBadRequest {
				w.T.Fatalf("%s: %d %s", path(k), answer.Status, answer.Body)
			}
			w.Secret(answer.Text("temporary_password"))
		}
	}
	return []afterwards{
		{"the consent is withdrawn", administered(http.MethodDelete, func(k *visitor) string { return "/users/" + k.person.Subject() + "/grants" }), false},
		{"a logout", func(w *World, k *visitor) {
			page := k.browser.Submit(k.browser.Open(w.Issuer+"/logout"), url.Values{"decision": {"logout"}})
			if k.browser.Open(w.Issuer+"/login").Form().ID != "login-form" {
				w.T.Fatalf("not signed out: %d", page.Status)
			}
		}, true},
		{"the password is replaced", administered(http.MethodPost, func(k *visitor) string { return "/users/" + k.person.Subject() + "/password" }), false},
		{"the tokens of the account are ended", administered(http.MethodDelete, func(k *visitor) string { return "/users/" + k.person.Subject() + "/tokens" }), false},
		{"the sessions of the account are ended", administered(http.MethodDelete, func(k *visitor) string { return "/users/" + k.person.Subject() + "/sessions" }), true},
		{"the account is disabled", administered(http.MethodPost, func(k *visitor) string { return "/users/" + k.person.Subject() + "/disable" }), false},
		{"the account is deleted", administered(http.MethodDelete, func(k *visitor) string { return "/users/" + k.person.Subject() }), false},
		{"the client is disabled", administered(http.MethodPost, func(k *visitor) string { return "/clients/" + k.app.ClientID + "/disable" }), false},
		{"the client is deleted", administered(http.MethodDelete, func(k *visitor) string { return "/clients/" + k.app.ClientID }), false},
	}
}

// A code and a refresh token are worth nothing after what they stand for has ended.
func TestCodesAndRefreshTokensAfterAnEnd(t *testing.T) {
	t.Parallel()
	var scenarios []Scenario
	for _, way := range waysToEnd() {
		for scope, outlives := range map[string]bool{"openid profile": false, "openid profile offline_access": way.offline} {
			status := http.StatusBadRequest
			if strings.HasPrefix(way.name, "the client") {
				status = http.StatusUnauthorized
			}
			scenarios = append(scenarios, Scenario{Name: "code, " + scope + ", " + way.name, Rule: "codes: after an end", Want: Want{Status: status}, Do: func(w *World) testx.Answer {
				k := w.visit(scope)
				way.end(w, k)
				return w.Redeem(k.app, k.request, k.response)
			}})
			if outlives {
				status = http.StatusOK
			}
			scenarios = append(scenarios, Scenario{Name: "refresh, " + scope + ", " + way.name, Rule: "refresh: after an end", Want: Want{Status: status}, Do: func(w *World) testx.Answer {
				k := w.visit(scope)
				tokens := w.Redeem(k.app, k.request, k.response)
				if tokens.Text("refresh_token") == "" {
					w.T.Fatalf("no refresh token: %s", tokens.Body)
				}
				way.end(w, k)
				answer := w.Token(k.app, refreshWith(tokens.Text("refresh_token")))
				if info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); (info.Status == http.StatusOK) != outlives {
					w.T.Errorf("the access token: %d %s", info.Status, info.Body)
				}
				return answer
			}})
		}
	}
	scenarios = append(scenarios, Scenario{Name: "refresh for a resource that was not asked for", Rule: "refresh: another resource", Want: jsonError(http.StatusBadRequest, oauth.InvalidTarget), Do: func(w *World) testx.Answer {
		k := w.visit("openid profile offline_access")
		k.request = w.Request(k.app, set("resource", resource))
		tokens := w.Redeem(k.app, k.request, k.browser.Through(k.browser.Open(w.AuthorizeURL(k.request)), k.person))
		for _, wanted := range []string{"https://other-api.example", "https://never.example", resource + "/more"} {
			form := refreshWith(tokens.Text("refresh_token"))
			form["resource"] = []string{wanted}
			if answer := w.Token(k.app, form); answer.Text("error") != string(oauth.InvalidTarget) {
				w.T.Errorf("%s: %d %s", wanted, answer.Status, answer.Body)
			}
		}
		form := refreshWith(tokens.Text("refresh_token"))
		form["resource"] = []string{resource, "https://other-api.example"}
		return w.Token(k.app, form)
	}})
	play(t, scenarios)
}

// What was used once stays used when the server begins again, and its reuse is noticed.
func TestReuseAfterARestart(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "codes: again after a restart", "refresh: again after a restart", "clients: an assertion again after a restart")
			same := onDatabase(dbtest.Options(t, engine), secret.NewSealingKey())
			var app, native testx.Client
			var issuer, assertion string
			var known keyed
			var code, later url.Values
			var first, second testx.Answer
			t.Run("before", func(t *testing.T) {
				w := newWorld(t, engine, same)
				w.T = t
				app, native = w.App, w.Native
				code, later = w.code(app), w.code(native)
				if answer := w.Token(app, code); answer.Status != http.StatusOK {
					t.Fatalf("the code: %d %s", answer.Status, answer.Body)
				}
				first = w.Token(native, later)
				second = w.Token(native, refreshWith(first.Text("refresh_token")))
				known = w.Keyed(jose.ES256, nil)
				issuer, assertion = w.Issuer, w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"exp": w.Clock.Now().Add(4 * time.Minute).Unix()}))
				if answer := w.Post("/oauth/token", asserted(machine(), assertion)); answer.Status != http.StatusOK {
					t.Fatalf("the assertion: %d %s", answer.Status, answer.Body)
				}
				if second.Status != http.StatusOK {
					t.Fatalf("the refresh token: %d %s", second.Status, second.Body)
				}
			})
			t.Run("after", func(t *testing.T) {
				server := testx.NewServer(t, engine, testx.WithFakeClock(start.Add(2*time.Minute)), same, testx.WithConfig(func(c *config.Config) { c.Issuer = issuer }))
				if answer := server.Post("/oauth/token", asserted(machine(), assertion)); answer.Text("error") != string(oauth.InvalidClient) {
					t.Errorf("the assertion again: %d %s", answer.Status, answer.Body)
				}
				w := &World{Server: server, T: t}
				if answer := server.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeJWT, w.claims(known, map[string]any{"aud": issuer})))); answer.Status != http.StatusOK {
					t.Errorf("a new assertion: %d %s", answer.Status, answer.Body)
				}
				if answer := server.Token(app, code); answer.Text("error") != string(oauth.InvalidGrant) {
					t.Errorf("the code again: %d %s", answer.Status, answer.Body)
				}
				if answer := server.Introspect(app, second.Text("access_token")); answer.Status != http.StatusOK {
					t.Errorf("the client is not known: %d %s", answer.Status, answer.Body)
				}
				if answer := server.Token(native, refreshWith(first.Text("refresh_token"))); answer.Text("error") != string(oauth.InvalidGrant) {
					t.Errorf("the refresh token again: %d %s", answer.Status, answer.Body)
				}
				if answer := server.Token(native, refreshWith(second.Text("refresh_token"))); answer.Text("error") != string(oauth.InvalidGrant) {
					t.Errorf("its successor, after the reuse: %d %s", answer.Status, answer.Body)
				}
			})
		})
	}
}

// Two nodes have one memory: what one has consumed, the other refuses, and what one ends has
// ended at the other.
func TestReuseAtAnotherNode(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "codes: again at another node", "refresh: again at another node")
			same := onDatabase(dbtest.Options(t, engine), secret.NewSealingKey())
			w := newWorld(t, engine, same)
			w.T = t
			other := testx.NewServer(t, engine, testx.WithFakeClock(start.Add(2*time.Minute)), same)
			code := w.code(w.App)
			tokens := w.Token(w.App, code)
			if answer := other.Token(w.App, code); answer.Text("error") != string(oauth.InvalidGrant) {
				t.Errorf("the code at the other node: %d %s", answer.Status, answer.Body)
			}
			if answer := w.Introspect(w.App, tokens.Text("access_token")); answer.JSON["active"] != false {
				t.Errorf("what the code gave counts at the first node: %s", answer.Body)
			}
			first := w.Token(w.Native, w.code(w.Native))
			second := other.Token(w.Native, refreshWith(first.Text("refresh_token")))
			if second.Status != http.StatusOK {
				t.Fatalf("the refresh token at the other node: %d %s", second.Status, second.Body)
			}
			w.Clock.Advance(5 * time.Minute)
			if answer := w.Token(w.Native, refreshWith(first.Text("refresh_token"))); answer.Text("error") != string(oauth.InvalidGrant) {
				t.Errorf("again at the first node: %d %s", answer.Status, answer.Body)
			}
			if answer := other.Token(w.Native, refreshWith(second.Text("refresh_token"))); answer.Text("error") != string(oauth.InvalidGrant) {
				t.Errorf("its successor at the other node: %d %s", answer.Status, answer.Body)
			}
		})
	}
}
