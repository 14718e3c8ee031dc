package http_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/scope"
	"authly/internal/testx"
	"authly/internal/testx/testkeys"
)

// catalogue adds scopes of other applications to the catalogue.
func (a *administration) catalogue(names ...string) {
	a.t.Helper()
	for _, name := range names {
		if err := a.Scopes.Create(a.t.Context(), scope.Scope{Name: name, Description: "Use " + name, Active: true}); err != nil {
			a.t.Fatal(err)
		}
	}
}

// granted signs somebody in who allows everything, and returns the scope of the answer, or the error.
func (a *administration) granted(known testx.Client, person testx.Person, changes ...url.Values) string {
	a.t.Helper()
	request, browser := a.Request(known, changes...), a.Browser()
	page := browser.Open(a.AuthorizeURL(request))
	if page.Form().ID == "login-form" {
		page = browser.SignIn(page, person)
	}
	if page.Form().ID == "consent-form" {
		page = browser.Decide(page, "allow")
	}
	if refused := page.Query().Get("error"); refused != "" {
		return refused
	}
	return a.wants(a.Redeem(known, request, page), http.StatusOK).Text("scope")
}

// RFC 6749 section 3.3: a client gets what it asks for, as far as it was given that and it
// can be granted; the rest is dropped. Asked for none, it gets the default ones among its own.
func TestScopesAClientMayAskFor(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		a.catalogue("orders:read", "orders:write", "retired")
		a.wants(a.send(token, http.MethodPatch, "/scopes/retired", `{"active":false,"default":true}`), http.StatusOK)
		ada := a.Person("ada")
		app := a.Confidential("https://app.example/callback", func(m *client.Metadata) {
			m.Scopes = oauth.ScopeSet{"openid", "email", "orders:read", "retired", "unheard-of"}
		})
		bare := a.Confidential("https://bare.example/callback", func(m *client.Metadata) { m.Scopes = oauth.ScopeSet{"orders:read"} })
		for _, test := range []struct {
			name  string
			known testx.Client
			asked string // "" for none
			want  string
		}{
			{"all that it has", app, "openid email orders:read", "openid email orders:read"},
			{"less", app, "orders:read", "orders:read"},
			{"not given to it", app, "openid orders:read orders:write phone", "openid orders:read"},
			{"not given to it alone", app, "orders:write", "invalid_scope"},
			{"inactive", app, "openid retired", "openid"},
			{"inactive alone", app, "retired", "invalid_scope"},
			{"in its record and not in the catalogue", app, "openid unheard-of", "openid"},
			{"nowhere", app, "openid nonsense", "openid"},
			{"nowhere alone", app, "nonsense", "invalid_scope"},
			{"another case", app, "OpenID", "invalid_scope"},
			{"the defaults among its own, active ones", app, "", "email openid"},
			{"none of the defaults is its own", bare, "", "invalid_scope"},
		} {
			asked := url.Values{"scope": {test.asked}}
			if test.asked == "" {
				asked = url.Values{"scope": nil}
			}
			got := a.granted(test.known, ada, asked)
			if sorted(got) != sorted(test.want) {
				a.t.Errorf("%s: asked for %q, got %q, want %q", test.name, test.asked, got, test.want)
			}
		}
		// On its own behalf it gets, asked for none, all that means something without a person.
		for asked, want := range map[string]string{"": "orders:read", "orders:read orders:write": "orders:read", "orders:write": "invalid_scope", "openid": "invalid_scope"} {
			form := url.Values{"grant_type": {"client_credentials"}}
			if asked != "" {
				form.Set("scope", asked)
			}
			if answer := a.Token(app, form); answer.Text("scope") != want && answer.Text("error") != want {
				a.t.Errorf("on its own behalf, asked for %q: %s", asked, answer.Body)
			}
		}
	})
}

func sorted(scopes string) string {
	names := strings.Fields(scopes)
	slices.Sort(names)
	return strings.Join(names, " ")
}

// A refresh token gives what a person allowed: not what its client was given since, and no
// more what was taken from the client or from everybody.
func TestScopesOfLiveRefreshTokens(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		a.catalogue("orders:read", "orders:write")
		app := a.Confidential("https://app.example/callback", func(m *client.Metadata) { m.Scopes = oauth.ScopeSet{"openid", "orders:read"} })
		refresh := a.Tokens(app, a.Person("ada"), url.Values{"scope": {"openid orders:read"}}).Text("refresh_token")
		ask := func(asked string) string {
			form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
			if asked != "" {
				form.Set("scope", asked)
			}
			answer := a.Token(app, form)
			return answer.Text("scope") + answer.Text("error")
		}
		give := func(scopes string) {
			a.wants(a.send(token, http.MethodPatch, "/clients/"+app.ClientID, `{"scopes":`+scopes+`}`), http.StatusOK)
		}
		wants := func(when, asked, want string) {
			if got := ask(asked); got != want {
				a.t.Errorf("%s, asked for %q: %q, want %q", when, asked, got, want)
			}
		}
		give(`["openid","orders:read","orders:write"]`)
		wants("given more", "", "openid orders:read")
		wants("given more", "openid orders:write", "invalid_scope")
		wants("given more", "orders:read", "orders:read")
		give(`["openid"]`)
		wants("given less", "", "openid")
		wants("given less", "openid orders:read", "openid")
		wants("given less", "orders:read", "invalid_scope")
		give(`["openid","orders:read"]`)
		wants("given it back", "", "openid orders:read")
		a.wants(a.send(token, http.MethodPatch, "/scopes/orders:read", `{"active":false}`), http.StatusOK)
		wants("inactive", "", "openid")
		a.wants(a.send(token, http.MethodDelete, "/scopes/orders:read", ""), http.StatusNoContent)
		wants("deleted", "orders:read", "invalid_scope")
	})
}

// Nobody gets a scope of the administration who is not an administrator, in whatever way they ask.
func TestScopesOfTheAdministrationAreForAdministrators(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Registration.Mode = string(registration.Open) }))
			const power = "admin:users:write"
			here := url.Values{"resource": {a.Issuer + adminPath}}
			may := func(m *client.Metadata) {
				m.Scopes, m.Resources = oauth.ScopeSet{"openid", "offline_access", power}, []string{a.Issuer + adminPath}
			}
			app, ada, root := a.Confidential("https://app.example/callback", may), a.Person("ada"), a.administrator("root")

			for asked, want := range map[string]string{"openid " + power: "openid", power: "invalid_scope"} {
				for name, changes := range map[string]url.Values{"": {}, "consent": {"prompt": {"consent"}}, "form_post": {"max_age": {"0"}}} {
					if got := a.granted(app, ada, here, url.Values{"scope": {asked}}, changes); got != want {
						t.Errorf("somebody who asks for %q with %s gets %q", asked, name, got)
					}
				}
			}
			a.inARequestObject(ada, "openid "+power, may)

			// Not as a default either, even if somebody writes that into the database.
			a.change(`UPDATE scopes SET is_default = $1 WHERE name = $2`, true, power)
			a.Scopes.Forget()
			for _, person := range []testx.Person{ada, root} {
				if got := a.granted(app, person, here, url.Values{"scope": nil}); got != "openid" {
					t.Errorf("%s asked for nothing and got %q", person.Username, got)
				}
			}

			// Not with a refresh token from before somebody was demoted, nor after a promotion: only what was allowed.
			hers, theirs := a.Tokens(app, root, here, url.Values{"scope": {"openid " + power}}), a.Tokens(app, ada, here, url.Values{"scope": {"openid " + power}})
			if hers.Text("scope") != "openid "+power {
				t.Errorf("an administrator got %q", hers.Text("scope"))
			}
			a.change(`UPDATE users SET administrator = $1 WHERE id = $2`, false, root.ID)
			a.change(`UPDATE users SET administrator = $1 WHERE id = $2`, true, ada.ID)
			for name, tokens := range map[string]testx.Answer{"demoted": hers, "promoted": theirs} {
				form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}}
				if answer := a.Token(app, form); answer.Text("scope") != "openid" {
					t.Errorf("who was %s got %s", name, answer.Body)
				}
				form.Set("scope", power)
				if answer := a.Token(app, form); answer.Text("error") != "invalid_scope" {
					t.Errorf("who was %s and asked for it got %s", name, answer.Body)
				}
			}

			// Not on a client's own behalf without the flag, nor for a client that registered itself.
			for _, asked := range []string{"", power} {
				form := url.Values{"grant_type": {"client_credentials"}, "resource": here["resource"]}
				if asked != "" {
					form.Set("scope", asked)
				}
				if answer := a.Token(app, form); strings.Contains(answer.Text("scope"), "admin:") || answer.Text("error") != "invalid_scope" {
					t.Errorf("a client without the flag asked for %q and got %s", asked, answer.Body)
				}
			}
			w := &World{Server: a.Server.In(t), T: t}
			if answer := w.enroll("", plain.with(object{"scope": "openid " + power})); answer.Status != http.StatusCreated || answer.Text("scope") != "openid" {
				t.Errorf("a client registered itself: %d %s", answer.Status, answer.Body)
			}
			made := w.enrolled("", plain.with(object{"scope": "openid"}))
			sent := plain.with(object{"scope": "openid " + power, "client_id": made.Text("client_id"), "client_secret": made.Text("client_secret")})
			w.Call(http.MethodPut, made.Text("registration_client_uri"), nil, testx.Bearer(made.Text("registration_access_token")), testx.JSON(sent.String()))
			if known := w.asClient(made); known.Scopes.Has(power) {
				t.Errorf("a client has given itself %v", known.Scopes)
			}
		})
	}
}

// inARequestObject asks for a scope of the administration in a signed request (RFC 9101).
func (a *administration) inARequestObject(person testx.Person, asked string, may func(*client.Metadata)) {
	a.t.Helper()
	w := &World{Server: a.Server, T: a.t.(*testing.T), clientKeys: testkeys.OfClients()} //nolint:forcetypeassert // no fuzzer comes here
	known := w.Keyed(jose.PS256, may)
	request := w.Request(known.Client, url.Values{"scope": {asked}, "resource": {a.Issuer + adminPath}})
	browser := w.Browser()
	answer := browser.Through(w.open(browser, outside(known, set("request", w.object(known, request, nil)))), person)
	redeemed := w.Post("/oauth/token", asserted(url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {request.Verifier},
	}, w.assert(known, jose.TypeClientAuthentication, w.claims(known, nil))))
	if redeemed.Status != http.StatusOK || redeemed.Text("scope") != "openid" {
		a.t.Errorf("in a request object: %d %s", redeemed.Status, redeemed.Body)
	}
}
