package http_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// code signs Ada in and returns a token request that would succeed.
func (w *World) code(known testx.Client, changes ...url.Values) url.Values {
	w.T.Helper()
	request, browser := w.Request(known, changes...), w.Browser()
	response := browser.Through(browser.Open(w.AuthorizeURL(request)), w.Ada)
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {response.Query().Get("code")},
		"redirect_uri": {request.Get("redirect_uri")}, "code_verifier": {request.Verifier},
	}
}

func refreshWith(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

func machine(changes ...url.Values) url.Values {
	form := set("grant_type", "client_credentials")
	for _, change := range changes {
		for name, values := range change {
			form[name] = values
		}
	}
	return form
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	grant := jsonError(http.StatusBadRequest, oauth.InvalidGrant)
	invalid := jsonError(http.StatusBadRequest, oauth.InvalidRequest)
	unknown := jsonError(http.StatusUnauthorized, oauth.InvalidClient)
	ok := Want{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}, Body: []string{`"token_type":"Bearer"`}}
	changed := func(name string, values ...string) func(w *World) testx.Answer {
		return func(w *World) testx.Answer {
			form := w.code(w.App)
			form[name] = values
			return w.Token(w.App, form)
		}
	}
	play(t, []Scenario{
		{Name: "code", Want: ok, Do: func(w *World) testx.Answer { return w.Token(w.App, w.code(w.App)) }},
		{Name: "code of a public client", Want: ok, Do: func(w *World) testx.Answer { return w.Token(w.Native, w.code(w.Native)) }},
		{Name: "client_secret_post", Want: ok, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(set("client_id", w.App.ClientID), set("client_secret", w.App.Secret)))
		}},
		{Name: "rfc7636-4.6 verifier wrong", Want: grant, Do: changed("code_verifier", strings.Repeat("v", 43))},
		{Name: "rfc7636-4.6 verifier missing", Rule: "codes: missing verifier", Want: Want{Status: 400}, Do: changed("code_verifier")},
		{Name: "rfc7636-4.6 verifier without a challenge", Rule: "codes: extra verifier", Want: Want{Status: 400}, Do: func(w *World) testx.Answer {
			made := w.Confidential(callback, func(n *client.Metadata) { n.PKCE = client.PKCEOptional })
			return w.Token(made, w.code(made, url.Values{"code_challenge": nil, "code_challenge_method": nil}))
		}},
		{Name: "redirect_uri differs", Rule: "codes: another redirect URI", Want: grant, Do: changed("redirect_uri", callback+"2")},
		{Name: "code unknown", Want: grant, Do: changed("code", "unknown-code-of-nobody")},
		{Name: "code missing", Want: invalid, Do: changed("code")},
		{Name: "code empty", Want: invalid, Do: changed("code", "")},
		{Name: "code twice", Want: invalid, Do: changed("code", "a", "b")},
		{Name: "code of another client", Rule: "codes: another client", Want: grant, Do: func(w *World) testx.Answer { return w.Token(w.Other, w.code(w.App)) }},
		{Name: "code of a public client at a confidential one", Want: grant, Do: func(w *World) testx.Answer { return w.Token(w.App, w.code(w.Native)) }},
		{Name: "code after 61 seconds", Rule: "codes: expired", Want: grant, Do: func(w *World) testx.Answer {
			form := w.code(w.App)
			w.Clock.Advance(61 * time.Second)
			return w.Token(w.App, form)
		}},
		{Name: "OA-08 code again", Want: grant, Do: func(w *World) testx.Answer {
			form := w.code(w.App)
			w.Token(w.App, form)
			return w.Token(w.App, form)
		}},
		{Name: "OA-08 code again ends what it gave", Rule: "codes: replay", Want: Want{Status: http.StatusUnauthorized}, Do: func(w *World) testx.Answer {
			form := w.code(w.App)
			first := w.Token(w.App, form)
			w.Token(w.App, form)
			if answer := w.Token(w.App, refreshWith(first.Text("refresh_token"))); answer.Text("error") != "invalid_grant" {
				w.T.Errorf("the refresh token still works: %d", answer.Status)
			}
			return w.Get("/oidc/userinfo", testx.Bearer(first.Text("access_token")))
		}},
		{Name: "code again with a wrong verifier ends nothing", Rule: "trap-8 a code with a wrong verifier ends nothing", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
			form := w.code(w.App)
			first := w.Token(w.App, form)
			form.Set("code_verifier", strings.Repeat("v", 43))
			w.Token(w.App, form)
			return w.Get("/oidc/userinfo", testx.Bearer(first.Text("access_token")))
		}},
		{Name: "code of another client leaves it usable", Want: ok, Do: func(w *World) testx.Answer {
			form := w.code(w.App)
			w.Token(w.Other, form)
			return w.Token(w.App, form)
		}},
		{Name: "grant_type missing", Want: invalid, Do: func(w *World) testx.Answer { return w.Token(w.App, url.Values{"code": {"x"}}) }},
		{Name: "grant_type password", Want: jsonError(400, oauth.UnsupportedGrantType), Do: func(w *World) testx.Answer {
			return w.Token(w.App, url.Values{"grant_type": {"password"}, "username": {"ada"}, "password": {w.Ada.Password}})
		}},
		{Name: "grant_type not registered", Want: jsonError(400, oauth.UnauthorizedClient), Do: func(w *World) testx.Answer {
			made := w.Confidential(callback, func(n *client.Metadata) { n.GrantTypes = []oauth.GrantType{oauth.AuthorizationCode} })
			return w.Token(made, machine())
		}},
		{Name: "client_credentials of a public client", Want: jsonError(400, oauth.UnauthorizedClient), Do: func(w *World) testx.Answer { return w.Token(w.Native, machine()) }},
		{Name: "client_credentials gives neither refresh nor ID token", Want: ok, WantNot: []string{"refresh_token", "id_token"}, Do: func(w *World) testx.Answer { return w.Token(w.App, machine()) }},
		{Name: "client_credentials with openid", Want: jsonError(400, oauth.InvalidScope), Do: func(w *World) testx.Answer { return w.Token(w.App, machine(set("scope", "openid"))) }},
		{Name: "client unknown", Want: unknown, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(), func(r *http.Request) { r.SetBasicAuth("client_nobody", "x") })
		}},
		{Name: "secret wrong", Want: unknown, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(), func(r *http.Request) { r.SetBasicAuth(w.App.ClientID, "wrong") })
		}},
		{Name: "secret of another client", Want: unknown, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(), func(r *http.Request) { r.SetBasicAuth(w.App.ClientID, w.Other.Secret) })
		}},
		{Name: "secret missing", Want: unknown, Do: func(w *World) testx.Answer { return w.Post("/oauth/token", machine(set("client_id", w.App.ClientID))) }},
		{Name: "client missing", Want: unknown, Do: func(w *World) testx.Answer { return w.Post("/oauth/token", machine()) }},
		{Name: "Basic header malformed", Want: Want{Status: http.StatusUnauthorized, Error: oauth.InvalidClient}, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(), testx.Header("Authorization", "Basic !"))
		}},
		{Name: "two methods at once", Want: invalid, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(set("client_id", w.App.ClientID), set("client_secret", w.App.Secret)), testx.As(w.App))
		}},
		{Name: "two clients at once", Want: invalid, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(set("client_id", w.Other.ClientID)), testx.As(w.App))
		}},
		{Name: "parameters in the query", Want: invalid, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token?grant_type=client_credentials", url.Values{}, testx.As(w.App))
		}},
		{Name: "JSON body", Want: invalid, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(), testx.As(w.App), testx.Header("Content-Type", "application/json"))
		}},
		{Name: "body too large", Want: Want{Header: map[string]string{"Content-Type": "application/json"}, Error: oauth.InvalidRequest}, Do: func(w *World) testx.Answer {
			return w.Token(w.App, machine(set("x", strings.Repeat("x", 70<<10))))
		}},
		{Name: "parameter too long", Want: invalid, Do: func(w *World) testx.Answer { return w.Token(w.App, machine(set("x", strings.Repeat("x", 9<<10)))) }},
		{Name: "unknown parameter", Want: ok, Do: func(w *World) testx.Answer { return w.Token(w.App, machine(set("colour", "blue"))) }},
		{Name: "OA-15 readable by scripts", Want: Want{Status: 200, Header: map[string]string{"Access-Control-Allow-Origin": "*"}}, WantNot: []string{"Access-Control-Allow-Credentials", "Set-Cookie"}, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/token", machine(), testx.As(w.App), testx.Header("Origin", "https://app.example"))
		}},
		{Name: "rfc8707-2.2 resource", Rule: "trap-17 resource", Want: Want{Active: "true", Body: []string{`"aud":"` + resource + `"`}}, Do: func(w *World) testx.Answer {
			return w.Introspect(w.Guard, w.Token(w.App, machine(set("resource", resource))).Text("access_token"))
		}},
		{Name: "rfc8707-2.2 resource not granted", Want: jsonError(400, oauth.InvalidTarget), Do: func(w *World) testx.Answer {
			form := w.code(w.App)
			form.Set("resource", resource)
			return w.Token(w.App, form)
		}},
		{Name: "refresh", Want: ok, Do: func(w *World) testx.Answer {
			return w.Token(w.Native, refreshWith(w.Tokens(w.Native, w.Ada).Text("refresh_token")))
		}},
		{Name: "refresh for less", Want: Want{Status: 200, Body: []string{`"scope":"profile"`}}, WantNot: []string{"id_token"}, Do: func(w *World) testx.Answer {
			form := refreshWith(w.Tokens(w.App, w.Ada).Text("refresh_token"))
			form.Set("scope", "profile")
			return w.Token(w.App, form)
		}},
		{Name: "refresh for more", Rule: "refresh: wider scope", Want: jsonError(400, oauth.InvalidScope), Do: func(w *World) testx.Answer {
			form := refreshWith(w.Tokens(w.App, w.Ada).Text("refresh_token"))
			form.Set("scope", "openid phone")
			return w.Token(w.App, form)
		}},
		{Name: "refresh by another client", Rule: "refresh: another client", Want: grant, Do: func(w *World) testx.Answer {
			return w.Token(w.Other, refreshWith(w.Tokens(w.App, w.Ada).Text("refresh_token")))
		}},
		{Name: "refresh by a confidential client without its secret", Want: unknown, Do: func(w *World) testx.Answer {
			form := refreshWith(w.Tokens(w.App, w.Ada).Text("refresh_token"))
			form.Set("client_id", w.App.ClientID)
			return w.Post("/oauth/token", form)
		}},
		{Name: "refresh again at once gives the same successor", Rule: "refresh: again within the window", Want: ok, Do: func(w *World) testx.Answer {
			form := refreshWith(w.Tokens(w.Native, w.Ada).Text("refresh_token"))
			first, second := w.Token(w.Native, form), w.Token(w.Native, form)
			if first.Text("refresh_token") != second.Text("refresh_token") {
				w.T.Error("the successors differ")
			}
			return w.Token(w.Native, refreshWith(second.Text("refresh_token")))
		}},
		{Name: "refresh again after the window ends the family", Rule: "trap-20 reuse after the window", Want: Want{Status: http.StatusUnauthorized}, Do: func(w *World) testx.Answer {
			form := refreshWith(w.Tokens(w.Native, w.Ada).Text("refresh_token"))
			successor := w.Token(w.Native, form)
			w.Clock.Advance(31 * time.Second)
			if answer := w.Token(w.Native, form); answer.Text("error") != "invalid_grant" {
				w.T.Errorf("the reuse is answered with %d %s", answer.Status, answer.Text("error"))
			}
			if answer := w.Token(w.Native, refreshWith(successor.Text("refresh_token"))); answer.Text("error") != "invalid_grant" {
				w.T.Errorf("the successor still works: %d", answer.Status)
			}
			return w.Get("/oidc/userinfo", testx.Bearer(successor.Text("access_token")))
		}},
		{Name: "an access token is no refresh token", Want: grant, Do: func(w *World) testx.Answer {
			return w.Token(w.App, refreshWith(w.Tokens(w.App, w.Ada).Text("access_token")))
		}},
		{Name: "a code is no refresh token", Want: grant, Do: func(w *World) testx.Answer { return w.Token(w.App, refreshWith(w.code(w.App).Get("code"))) }},
	})
}

func TestUserInfoIntrospectionRevocation(t *testing.T) {
	t.Parallel()
	token := Want{Status: http.StatusUnauthorized, Header: map[string]string{"WWW-Authenticate": `error="invalid_token"`, "Cache-Control": "no-store"}}
	inactive, active := Want{Status: http.StatusOK, Active: "false"}, Want{Status: http.StatusOK, Active: "true"}
	access := func(w *World) string { return w.Tokens(w.App, w.Ada).Text("access_token") }
	play(t, []Scenario{
		{Name: "userinfo", Want: Want{Status: 200, Header: map[string]string{"Cache-Control": "no-store"}, Body: []string{`"sub"`, "ada Example"}}, WantNot: []string{"phone", "email", "Set-Cookie"}, Do: func(w *World) testx.Answer {
			return w.Get("/oidc/userinfo", testx.Bearer(access(w)))
		}},
		{Name: "userinfo with POST and a form", Want: Want{Status: 200, Body: []string{`"sub"`}}, Do: func(w *World) testx.Answer { return w.Post("/oidc/userinfo", set("access_token", access(w))) }},
		{Name: "userinfo with the scope phone", Want: Want{Status: 200, Body: []string{"+4915112345678"}}, Do: func(w *World) testx.Answer {
			return w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(w.App, w.Ada, set("scope", "openid phone")).Text("access_token")))
		}},
		{Name: "rfc6750-3.1 userinfo without a token", Want: Want{Status: 401, Header: map[string]string{"WWW-Authenticate": "Bearer realm="}}, WantNot: []string{"error="}, Do: func(w *World) testx.Answer { return w.Get("/oidc/userinfo") }},
		{Name: "userinfo with nonsense", Want: token, Do: func(w *World) testx.Answer { return w.Get("/oidc/userinfo", testx.Bearer("nonsense")) }},
		{Name: "userinfo with an ID token", Want: token, Do: func(w *World) testx.Answer {
			return w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(w.App, w.Ada).Text("id_token")))
		}},
		{Name: "userinfo with alg none", Want: token, Do: func(w *World) testx.Answer {
			parts := strings.Split(access(w), ".")
			return w.Get("/oidc/userinfo", testx.Bearer(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))+"."+parts[1]+"."))
		}},
		{Name: "userinfo with a token in the query", Want: Want{Status: 400}, Do: func(w *World) testx.Answer { return w.Get("/oidc/userinfo?access_token=" + url.QueryEscape(access(w))) }},
		{Name: "userinfo without openid", Want: Want{Status: 403, Header: map[string]string{"WWW-Authenticate": `error="insufficient_scope"`}}, Do: func(w *World) testx.Answer {
			return w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(w.App, w.Ada, set("scope", "profile")).Text("access_token")))
		}},
		{Name: "userinfo with a machine's token", Want: Want{Status: 403}, Do: func(w *World) testx.Answer {
			return w.Get("/oidc/userinfo", testx.Bearer(w.Token(w.App, machine()).Text("access_token")))
		}},
		{Name: "userinfo with an expired token", Want: token, Do: func(w *World) testx.Answer {
			issued := access(w)
			w.Clock.Advance(w.Settings.Tokens.AccessTokenLifetime + time.Second)
			return w.Get("/oidc/userinfo", testx.Bearer(issued))
		}},
		{Name: "introspection by the owner", Want: active, Do: func(w *World) testx.Answer { return w.Introspect(w.App, access(w)) }},
		{Name: "introspection of a refresh token by the owner", Want: active, Do: func(w *World) testx.Answer {
			return w.Introspect(w.App, w.Tokens(w.App, w.Ada).Text("refresh_token"))
		}},
		{Name: "introspection by the resource server", Want: active, Do: func(w *World) testx.Answer {
			return w.Introspect(w.Guard, w.Tokens(w.App, w.Ada, set("resource", resource)).Text("access_token"))
		}},
		{Name: "introspection by the resource server of another token", Want: inactive, Do: func(w *World) testx.Answer { return w.Introspect(w.Guard, access(w)) }},
		{Name: "introspection of a refresh token by the resource server", Want: inactive, Do: func(w *World) testx.Answer {
			return w.Introspect(w.Guard, w.Tokens(w.App, w.Ada, set("resource", resource)).Text("refresh_token"))
		}},
		{Name: "introspection by another client", Want: inactive, Do: func(w *World) testx.Answer { return w.Introspect(w.Other, access(w)) }},
		{Name: "introspection of nonsense", Want: inactive, Do: func(w *World) testx.Answer { return w.Introspect(w.App, "nonsense") }},
		{Name: "introspection of an ID token", Want: inactive, Do: func(w *World) testx.Answer { return w.Introspect(w.App, w.Tokens(w.App, w.Ada).Text("id_token")) }},
		{Name: "introspection of a code", Want: inactive, Do: func(w *World) testx.Answer { return w.Introspect(w.App, w.code(w.App).Get("code")) }},
		{Name: "introspection by a public client", Want: jsonError(401, oauth.InvalidClient), Do: func(w *World) testx.Answer {
			return w.Post("/oauth/introspect", url.Values{"token": {access(w)}, "client_id": {w.Native.ClientID}})
		}},
		{Name: "introspection by nobody", Want: jsonError(401, oauth.InvalidClient), Do: func(w *World) testx.Answer { return w.Post("/oauth/introspect", set("token", "x")) }},
		{Name: "introspection with a bearer token of the client", Want: Want{Status: 401}, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/introspect", set("token", "x"), testx.Bearer(access(w)))
		}},
		{Name: "introspection without a token", Want: jsonError(400, oauth.InvalidRequest), Do: func(w *World) testx.Answer { return w.Post("/oauth/introspect", url.Values{}, testx.As(w.App)) }},
		{Name: "introspection is not for scripts", Want: active, WantNot: []string{"Access-Control-Allow-Origin"}, Do: func(w *World) testx.Answer {
			return w.Post("/oauth/introspect", set("token", access(w)), testx.As(w.App), testx.Header("Origin", "https://app.example"))
		}},
		{Name: "revoking the access token ends the family", Want: jsonError(400, oauth.InvalidGrant), Do: func(w *World) testx.Answer {
			tokens := w.Tokens(w.App, w.Ada)
			w.Revoke(w.App, tokens.Text("access_token"))
			if answer := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); answer.Status != http.StatusUnauthorized {
				w.T.Errorf("userinfo: %d", answer.Status)
			}
			return w.Token(w.App, refreshWith(tokens.Text("refresh_token")))
		}},
		{Name: "revoking the refresh token ends the access tokens", Want: inactive, Do: func(w *World) testx.Answer {
			tokens := w.Tokens(w.Native, w.Ada, set("scope", "openid"))
			w.Revoke(w.Native, tokens.Text("refresh_token"))
			if answer := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); answer.Status != http.StatusUnauthorized {
				w.T.Errorf("userinfo: %d", answer.Status)
			}
			return w.Introspect(w.Guard, tokens.Text("access_token"))
		}},
		{Name: "revoking a rotated token ends the family", Want: jsonError(400, oauth.InvalidGrant), Do: func(w *World) testx.Answer {
			old := w.Tokens(w.Native, w.Ada).Text("refresh_token")
			successor := w.Token(w.Native, refreshWith(old))
			w.Revoke(w.Native, old)
			return w.Token(w.Native, refreshWith(successor.Text("refresh_token")))
		}},
		{Name: "revoking a machine's token", Want: inactive, Do: func(w *World) testx.Answer {
			issued := w.Token(w.App, machine()).Text("access_token")
			w.Revoke(w.App, issued)
			return w.Introspect(w.App, issued)
		}},
		{Name: "rfc7009-2.2 revoking nonsense", Want: Want{Status: 200}, Do: func(w *World) testx.Answer { return w.Revoke(w.App, "nonsense") }},
		{Name: "another client's token is left alone", Want: active, Do: func(w *World) testx.Answer {
			issued := access(w)
			if answer := w.Revoke(w.Other, issued); answer.Status != http.StatusOK {
				w.T.Errorf("revocation: %d", answer.Status)
			}
			return w.Introspect(w.App, issued)
		}},
		{Name: "revocation by nobody", Want: jsonError(401, oauth.InvalidClient), Do: func(w *World) testx.Answer { return w.Post("/oauth/revoke", set("token", "x")) }},
		{Name: "revocation without a token", Want: jsonError(400, oauth.InvalidRequest), Do: func(w *World) testx.Answer { return w.Post("/oauth/revoke", url.Values{}, testx.As(w.App)) }},
		{Name: "opaque token", Want: active, Do: func(w *World) testx.Answer {
			made := w.Confidential(callback, func(n *client.Metadata) { n.AccessTokenFormat = client.FormatOpaque })
			issued := w.Tokens(made, w.Ada).Text("access_token")
			if strings.Contains(issued, ".") {
				w.T.Error("the token is a JWT")
			}
			return w.Introspect(made, issued)
		}},
	})
}

// Disabling or deleting ends everything at once, at every endpoint.
func TestDisabled(t *testing.T) {
	t.Parallel()
	var scenarios []Scenario
	for _, change := range []struct {
		name  string
		apply func(w *World, known testx.Client, person testx.Person) error
		whose string
	}{
		{"user disabled", func(w *World, _ testx.Client, p testx.Person) error { return w.Users.Disable(w.T.Context(), p.ID) }, "user"},
		{"user deleted", func(w *World, _ testx.Client, p testx.Person) error { return w.Users.Delete(w.T.Context(), p.ID) }, "user"},
		{"client disabled", func(w *World, c testx.Client, _ testx.Person) error { return w.Clients.Disable(w.T.Context(), c.ID) }, "client"},
		{"client deleted", func(w *World, c testx.Client, _ testx.Person) error { return w.Clients.Delete(w.T.Context(), c.ID) }, "client"},
	} {
		refused := jsonError(400, oauth.InvalidGrant)
		owner := Want{Status: 200, Active: "false"}
		if change.whose == "client" {
			refused = jsonError(401, oauth.InvalidClient)
			owner = refused
		}
		begin := func(w *World, changes ...url.Values) (testx.Client, testx.Person, testx.Answer) {
			person := w.Person(strings.ToLower("p" + rand.Text()))
			made := w.Confidential(callback, func(n *client.Metadata) { n.Resources = []string{resource} })
			return made, person, w.Tokens(made, person, changes...)
		}
		for _, use := range []struct {
			name string
			want Want
			do   func(w *World, known testx.Client, tokens testx.Answer) testx.Answer
		}{
			{"userinfo", Want{Status: 401, Header: map[string]string{"WWW-Authenticate": `error="invalid_token"`}}, func(w *World, _ testx.Client, tokens testx.Answer) testx.Answer {
				return w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
			}},
			{"refresh", refused, func(w *World, known testx.Client, tokens testx.Answer) testx.Answer {
				return w.Token(known, refreshWith(tokens.Text("refresh_token")))
			}},
			{"introspection by the owner", owner, func(w *World, known testx.Client, tokens testx.Answer) testx.Answer {
				return w.Introspect(known, tokens.Text("access_token"))
			}},
			{"introspection of the refresh token", owner, func(w *World, known testx.Client, tokens testx.Answer) testx.Answer {
				return w.Introspect(known, tokens.Text("refresh_token"))
			}},
			{"introspection by the resource server", Want{Status: 200, Active: "false"}, func(w *World, _ testx.Client, tokens testx.Answer) testx.Answer {
				return w.Introspect(w.Guard, tokens.Text("access_token"))
			}},
		} {
			scenarios = append(scenarios, Scenario{Name: change.name + ": " + use.name, Rule: "access: disabled and deleted accounts and clients", Want: use.want, Do: func(w *World) testx.Answer {
				asked := []url.Values{set("resource", resource)}
				if use.name == "userinfo" {
					asked = nil // a token for a resource would be refused anyway
				}
				known, person, tokens := begin(w, asked...)
				must(w.T, change.apply(w, known, person))
				return use.do(w, known, tokens)
			}})
		}
		scenarios = append(scenarios, Scenario{Name: change.name + ": code", Want: refused, Do: func(w *World) testx.Answer {
			known, person, _ := begin(w)
			request, browser := w.Request(known), w.Browser()
			response := browser.Through(browser.Open(w.AuthorizeURL(request)), person)
			must(w.T, change.apply(w, known, person))
			return w.Redeem(known, request, response)
		}})
	}
	play(t, scenarios)
}

// What is in the tokens (RFC 9068 section 2.2, OpenID Connect Core 1.0 section 2).
func TestTokenContents(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{
		Name: "access token and ID token", Want: Want{Status: 200},
		Do: func(w *World) testx.Answer {
			answer := w.Tokens(w.App, w.Ada, set("nonce", "the nonce"))
			header, claims := jwt(w.T, answer.Text("access_token"))
			for name, want := range map[string]any{"iss": w.Issuer, "sub": w.Ada.Subject(), "aud": w.Issuer, "client_id": w.App.ClientID, "scope": answer.Text("scope")} {
				if claims[name] != want {
					w.T.Errorf("access token: %s is %v, want %v", name, claims[name], want)
				}
			}
			if header["typ"] != "at+jwt" || claims["jti"] == nil {
				w.T.Errorf("access token: header %v, jti %v", header, claims["jti"])
			}
			header, claims = jwt(w.T, answer.Text("id_token"))
			for name, want := range map[string]any{"iss": w.Issuer, "sub": w.Ada.Subject(), "aud": w.App.ClientID, "nonce": "the nonce"} {
				if claims[name] != want {
					w.T.Errorf("ID token: %s is %v, want %v", name, claims[name], want)
				}
			}
			if header["alg"] != "RS256" || claims["email"] != nil || claims["auth_time"] == nil {
				w.T.Errorf("ID token: header %v, claims %v", header, claims)
			}
			return answer
		},
	}})
}

func jwt(t testing.TB, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("not a JWT")
	}
	for i, target := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		must(t, err)
		must(t, json.Unmarshal(text, target))
	}
	return header, claims
}
