package admin_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/registration"
	"authly/internal/scope"
	"authly/internal/testx"
	"authly/internal/user"
)

const adminPath = "/api/v1/admin"

// world is a server with a service account that may administer it.
type world struct {
	*testx.Server
	t     *testing.T
	robot testx.Client
}

func eachWorld(t *testing.T, test func(t *testing.T, w *world), options ...testx.Option) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := &world{Server: testx.NewServer(t, engine, options...), t: t}
			w.robot = w.service(nil)
			test(t, w)
		})
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// service registers a service account that may administer.
func (w *world) service(change func(*client.Metadata)) testx.Client {
	w.t.Helper()
	return w.Confidential("https://robot.example/callback", func(m *client.Metadata) {
		m.Scopes = append(m.Scopes, "admin:clients:read", "admin:clients:write", "admin:users:read", "admin:users:write", "admin:scopes:write", "admin:scopes:read")
		m.Resources, m.Administrator = []string{w.Issuer + adminPath, "https://api.example"}, true
		if change != nil {
			change(m)
		}
	})
}

// own returns a token that a client got on its own behalf.
func (w *world) own(known testx.Client, scope string, resources ...string) testx.RequestOption {
	w.t.Helper()
	answer := w.Token(known, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "resource": resources})
	if answer.Status != http.StatusOK {
		w.t.Fatalf("the client got no token: %s", answer.Body)
	}
	return testx.Bearer(answer.Text("access_token"))
}

func (w *world) exec(statement string, arguments ...any) {
	w.t.Helper()
	changed, err := w.Database().Write(w.t.Context()).Exec(w.t.Context(), statement, arguments...)
	if err != nil || changed == 0 {
		w.t.Fatalf("%s: %d rows, %v", statement, changed, err)
	}
}

// Each question that is asked before an operation of the administration, by a caller who
// fails that one and no other.
func TestAuthority(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		here := w.Issuer + adminPath
		good := w.own(w.robot, "admin:clients:read", here)

		password := "correct horse " + secret.New().Reveal()[:16]
		account, err := w.Users.Create(t.Context(), user.New{Username: "root", Password: secret.FromString(password), Administrator: true})
		w.must(err)
		person := testx.Person{User: account, Password: password}
		_, err = w.Users.Create(t.Context(), user.New{Username: "another", Password: secret.FromString(password), Administrator: true})
		w.must(err)
		asPerson := testx.Bearer(w.Tokens(w.robot, person, url.Values{"scope": {"openid admin:clients:read"}, "resource": {here}}).Text("access_token"))

		demoted := w.service(nil)
		ofDemoted := w.own(demoted, "admin:clients:read", here)

		w.must(w.Scopes.Create(t.Context(), scope.Scope{Name: "reports", Description: "Read reports", Active: true}))
		registered := w.Confidential("https://theirs.example/callback", func(m *client.Metadata) {
			m.Resources, m.Scopes, m.RegisteredBy = []string{here}, append(m.Scopes, "reports"), client.ByClient
		})
		ofRegistered := w.own(registered, "reports", here)
		theirs := testx.Bearer(w.Tokens(registered, person, url.Values{"scope": {"openid"}, "resource": {here}}).Text("access_token"))

		for name, let := range map[string]testx.RequestOption{"the service account": good, "the administrator": asPerson, "the service account that is demoted later": ofDemoted} {
			if answer := w.Get(adminPath+"/clients", let); answer.Status != http.StatusOK {
				t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
		}
		w.exec(`UPDATE users SET administrator = $1 WHERE id = $2`, false, account.ID)
		w.exec(`UPDATE clients SET administrator = $1 WHERE id = $2`, false, demoted.ID)
		w.exec(`UPDATE clients SET administrator = $1 WHERE id = $2`, true, registered.ID)
		w.exec(`UPDATE access_tokens SET scopes = $1 WHERE client = $2`, db.Strings([]string{"admin:clients:read"}), registered.ID)
		for _, test := range []struct {
			name    string
			options []testx.RequestOption
			status  int
			kind    string
		}{
			{"no token", nil, http.StatusUnauthorized, "invalid_token"},
			{"no audience", []testx.RequestOption{w.own(w.robot, "admin:clients:read")}, http.StatusUnauthorized, "invalid_token"},
			{"another audience", []testx.RequestOption{w.own(w.robot, "admin:clients:read", "https://api.example")}, http.StatusUnauthorized, "invalid_token"},
			{"two audiences", []testx.RequestOption{w.own(w.robot, "admin:clients:read", "https://api.example", here)}, http.StatusUnauthorized, "invalid_token"},
			{"another scope", []testx.RequestOption{w.own(w.robot, "admin:clients:write admin:users:read", here)}, http.StatusForbidden, "insufficient_scope"},
			{"an account that is no administrator any more", []testx.RequestOption{asPerson}, http.StatusForbidden, "not_administrator"},
			{"a client that is no administrator any more", []testx.RequestOption{ofDemoted}, http.StatusForbidden, "not_administrator"},
			{"a client that registered itself", []testx.RequestOption{ofRegistered}, http.StatusForbidden, "not_administrator"},
			{"an unproven address", []testx.RequestOption{good, testx.Header("X-Forwarded-For", "127.0.0.1")}, http.StatusForbidden, "address_refused"},
		} {
			answer := w.Get(adminPath+"/clients", test.options...)
			if answer.Status != test.status || answer.Text("type") != "urn:authly:problem:"+test.kind {
				t.Errorf("%s: %d %s", test.name, answer.Status, answer.Body)
			}
		}
		// An administrator does not become one for a client that nobody checked.
		w.exec(`UPDATE users SET administrator = $1 WHERE id = $2`, true, account.ID)
		if answer := w.Get(adminPath+"/clients", theirs); answer.Status != http.StatusForbidden || answer.Text("type") != "urn:authly:problem:not_administrator" {
			t.Errorf("an administrator by a client that registered itself: %d %s", answer.Status, answer.Body)
		}
	})
}

func TestAuthorityFromOtherNetworks(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		answer := w.Get(adminPath+"/clients", w.own(w.robot, "admin:clients:read", w.Issuer+adminPath))
		if answer.Status != http.StatusForbidden || answer.Text("type") != "urn:authly:problem:address_refused" {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	}, testx.WithConfig(func(c *config.Config) { c.Admin.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }))
}

// A change of what somebody else has changed since is refused, of every kind of thing that
// has an ETag, and nothing is changed.
func TestStaleChangesAreRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		token := w.own(w.robot, "admin:clients:read admin:clients:write admin:users:read admin:users:write admin:scopes:read admin:scopes:write", w.Issuer+adminPath)
		person, app := w.Person("ada"), w.Confidential("https://app.example/callback", nil)
		w.must(w.Scopes.Create(t.Context(), scope.Scope{Name: "reports", Description: "Read reports", Active: true}))
		initial, err := w.InitialTokens.Create(t.Context(), registration.NewInitialToken{Name: "x"}, audit.Author{Actor: audit.Actor{Kind: audit.Operator}})
		w.must(err)
		for path, change := range map[string]struct{ method, path, body string }{
			"/clients/" + app.ClientID:                      {http.MethodPatch, "", `{"client_name":"Changed"}`},
			"/users/" + person.Subject():                    {http.MethodPatch, "", `{"name":"Changed"}`},
			"/scopes/reports":                               {http.MethodPatch, "", `{"description":"Changed"}`},
			"/initial-access-tokens/" + initial.ID.String(): {http.MethodPost, "/revoke", ""},
		} {
			before := w.Get(adminPath+path, token)
			tag := before.Header.Get("ETag")
			if before.Status != http.StatusOK || tag == "" {
				t.Fatalf("%s: %d %q %s", path, before.Status, tag, before.Body)
			}
			ask := func(ifMatch string) testx.Answer {
				options := []testx.RequestOption{token, testx.Header("If-Match", ifMatch)}
				if change.body != "" {
					options = append(options, testx.JSON(change.body))
				}
				return w.Call(change.method, adminPath+path+change.path, nil, options...)
			}
			for _, stale := range []string{`"stale"`, "W/" + tag, `"` + tag} {
				if answer := ask(stale); answer.Status != http.StatusPreconditionFailed {
					t.Errorf("%s with %s: %d %s", path, stale, answer.Status, answer.Body)
				}
			}
			if after := w.Get(adminPath+path, token); after.Body != before.Body {
				t.Errorf("%s was changed: %s", path, after.Body)
			}
			if answer := ask(tag); answer.Status >= http.StatusMultipleChoices {
				t.Errorf("%s with its tag: %d %s", path, answer.Status, answer.Body)
			}
		}
	})
}
