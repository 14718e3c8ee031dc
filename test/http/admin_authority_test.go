package http_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/user"
)

const adminPath = "/api/v1/admin"

// administration is a server with what administers it.
type administration struct {
	*testx.Server
	t testing.TB
}

func administer(t testing.TB, engine db.Engine, options ...testx.Option) *administration {
	t.Helper()
	return &administration{testx.NewServer(t, engine, append([]testx.Option{testx.WithFakeClock(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))}, options...)...), t}
}

// adminScopes are all scopes of the administration; a test compares them with the catalogue
// and with what the operations declare.
func adminScopes() oauth.ScopeSet {
	return oauth.ScopeSet{
		"admin:audit:read", "admin:clients:read", "admin:clients:write", "admin:keys:read", "admin:keys:write", "admin:scopes:read", "admin:scopes:write",
		"admin:sessions:read", "admin:sessions:write", "admin:system:read", "admin:system:write", "admin:tokens:read", "admin:tokens:write",
		"admin:users:read", "admin:users:write",
	}
}

// robot is a service account that may administer.
func (a *administration) robot() testx.Client {
	a.t.Helper()
	return a.Confidential("https://robot.example/callback", func(m *client.Metadata) {
		m.Scopes = append(m.Scopes, adminScopes()...)
		m.Resources, m.Administrator = []string{a.Issuer + adminPath, "https://api.example"}, true
	})
}

// own returns a token that a client got on its own behalf.
func (a *administration) own(known testx.Client, scope string, resources ...string) string {
	a.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": resources}
	if scope != "" {
		form.Set("scope", scope)
	}
	answer := a.Token(known, form)
	if answer.Status != http.StatusOK {
		a.t.Fatalf("the client got no token: %d %s", answer.Status, answer.Body)
	}
	return answer.Text("access_token")
}

// administrator makes an account that may administer.
func (a *administration) administrator(name string) testx.Person {
	a.t.Helper()
	password := "correct horse " + secret.New().Reveal()[:16]
	a.Secret(password)
	made, err := a.Users.Create(a.t.Context(), user.New{Username: name, Password: secret.FromString(password), Administrator: true})
	if err != nil {
		a.t.Fatal(err)
	}
	return testx.Person{User: made, Password: password}
}

func (a *administration) on(known testx.Client, person testx.Person, scope string) string {
	a.t.Helper()
	return a.Tokens(known, person, url.Values{"scope": {scope}, "resource": {a.Issuer + adminPath}}).Text("access_token")
}

func (a *administration) change(statement string, arguments ...any) {
	a.t.Helper()
	changed, err := a.Database().Write(a.t.Context()).Exec(a.t.Context(), statement, arguments...)
	if err != nil || changed != 1 {
		a.t.Fatalf("%s: %d rows, %v", statement, changed, err)
	}
}

// A proxy on this machine that nobody listed would make everybody near.
func TestAdministrationThroughAnUnlistedProxy(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			token := testx.Bearer(a.own(a.robot(), "admin:clients:read", a.Issuer+adminPath))
			if answer := a.Get(adminPath+"/clients", token); answer.Status != http.StatusOK {
				t.Errorf("without a proxy: %d %s", answer.Status, answer.Body)
			}
			for name, value := range map[string]string{
				"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "https", "Via": "1.1 proxy",
			} {
				answer := a.Get(adminPath+"/clients", token, testx.Header(name, value))
				if answer.Status != http.StatusForbidden || answer.Text("type") != "urn:authly:problem:address_refused" {
					t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
				}
			}
		})
	}
}

// Switched off, there is nothing; from other networks, nothing but a refusal.
func TestAdministrationSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		a := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Admin.Enabled = false }))
		for _, path := range []string{adminPath + "/clients", "/api/v1/openapi.json"} {
			if answer := a.Get(path); answer.Status != http.StatusNotFound {
				t.Errorf("%s: %d", path, answer.Status)
			}
		}
		far := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Admin.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }))
		for _, path := range []string{adminPath + "/clients", "/api/v1/openapi.json"} {
			if answer := far.Get(path); answer.Status != http.StatusForbidden || answer.Text("type") != "urn:authly:problem:address_refused" {
				t.Errorf("%s from another network: %d %s", path, answer.Status, answer.Body)
			}
		}
	}
}

// A client that may administer may have tokens for that, without its record repeating it; no other may.
func TestServiceAccountNeedsNoResource(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ask := func(known testx.Client) testx.Answer {
			return a.Token(known, url.Values{"grant_type": {"client_credentials"}, "scope": {"admin:clients:read"}, "resource": {a.Issuer + adminPath}})
		}
		with := func(administers bool) testx.Client {
			return a.Confidential("https://service.example/callback", func(m *client.Metadata) {
				m.Administrator, m.Scopes = administers, oauth.ScopeSet{"admin:clients:read", "openid"}
			})
		}
		service, ordinary := with(true), with(false)
		given := a.wants(ask(service), http.StatusOK, `"scope":"admin:clients:read"`)
		a.wants(a.send(testx.Header("Authorization", "Bearer "+given.Text("access_token")), http.MethodGet, "/clients", ""), http.StatusOK)
		if answer := ask(ordinary); answer.Text("error") == "" {
			t.Errorf("an ordinary client: %d %s", answer.Status, answer.Body)
		}
		a.wants(a.send(token, http.MethodPatch, "/clients/"+service.ClientID, `{"administrator":false}`), http.StatusOK)
		if answer := ask(service); answer.Text("error") == "" {
			t.Errorf("one that was an administrator: %d %s", answer.Status, answer.Body)
		}
		another := a.Token(with(true), url.Values{"grant_type": {"client_credentials"}, "scope": {"admin:clients:read"}, "resource": {"https://api.example"}})
		if another.Text("error") != "invalid_target" {
			t.Errorf("another resource: %d %s", another.Status, another.Body)
		}
	})
}
