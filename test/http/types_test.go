package http_test

import (
	"net/http"
	"net/url"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/registration"
	"authly/internal/testx"
)

// RFC 8725 sections 3.11 and 3.12: every kind of token that this server or its
// clients make, at every place where one is taken. Each place takes its own kind alone.
func TestEveryTokenIsOfItsKind(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "jose: every type, everywhere")
			w := newWorld(t, engine, withRegistration(registration.Open), unlimited)
			known := w.Keyed(jose.RS256, func(m *client.Metadata) {
				m.UserInfoAlgorithm, m.PostLogoutRedirectURIs = jose.RS256, []string{afterLogout}
			})
			browser := w.Browser()
			code := func() string {
				return browser.Through(browser.Open(w.AuthorizeURL(w.Request(known.Client))), w.Ada).Query().Get("code")
			}
			request := w.Request(known.Client)
			first := browser.Through(browser.Open(w.AuthorizeURL(request)), w.Ada).Query().Get("code")
			tokens := w.Post("/oauth/token", asserted(url.Values{
				"grant_type": {"authorization_code"}, "code": {first}, "redirect_uri": {callback}, "code_verifier": {request.Verifier},
			}, w.assert(known, jose.TypeJWT, w.claims(known, nil))))
			machineToken := w.Token(w.App, machine())
			_, claims := jwt(t, tokens.Text("id_token"))
			sid, _ := claims["sid"].(string)
			logoutToken, err := w.Keys().Sign(jose.RS256, jose.TypeLogoutToken, oidc.LogoutToken{
				ID: "x", Issuer: w.Issuer, ClientID: known.ClientID, Subject: w.Ada.Subject(), SessionID: sid, IssuedAt: w.Clock.Now(),
			}.Claims())
			must(t, err)
			record := w.enrolled("", plain)
			made := map[string]func() string{
				"ID token":        func() string { return tokens.Text("id_token") },
				"access token":    func() string { return tokens.Text("access_token") },
				"machine's token": func() string { return machineToken.Text("access_token") },
				"refresh token":   func() string { return tokens.Text("refresh_token") },
				"UserInfo":        func() string { return w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))).Body },
				"signed response": func() string {
					return browser.Open(w.AuthorizeURL(w.Request(known.Client, set("response_mode", "jwt")))).Query().Get("response")
				},
				"logout token":       func() string { return logoutToken },
				"code":               code,
				"client assertion":   func() string { return w.assert(known, jose.TypeJWT, w.claims(known, nil)) },
				"request object":     func() string { return w.object(known, w.Request(known.Client, set("prompt", "none")), nil) },
				"registration token": func() string { return record.Text("registration_access_token") },
			}
			takes := map[string]struct {
				kinds []string
				use   func(token string) bool
			}{
				"id_token_hint": {[]string{"ID token"}, func(token string) bool {
					return browser.Open(w.AuthorizeURL(w.Request(known.Client, set("prompt", "none"), set("id_token_hint", token)))).Query().Get("code") != ""
				}},
				"id_token_hint of a logout": {[]string{"ID token"}, func(token string) bool {
					return w.Get("/oidc/logout?"+url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {afterLogout}}.Encode()).Header.Get("Location") == afterLogout
				}},
				"UserInfo": {[]string{"access token"}, func(token string) bool { return w.Get("/oidc/userinfo", testx.Bearer(token)).Status == http.StatusOK }},
				"introspection": {[]string{"access token", "refresh token"}, func(token string) bool {
					return w.Post("/oauth/introspect", asserted(set("token", token), w.assert(known, jose.TypeJWT, w.claims(known, nil)))).JSON["active"] == true
				}},
				"client_assertion": {[]string{"client assertion"}, func(token string) bool {
					return w.Post("/oauth/token", asserted(machine(), token)).Status == http.StatusOK
				}},
				"request": {[]string{"request object"}, func(token string) bool {
					return w.open(browser, url.Values{"client_id": {known.ClientID}, "request": {token}, "redirect_uri": {callback}, "prompt": {"none"}}).Query().Get("code") != ""
				}},
				"registration": {[]string{"registration token"}, func(token string) bool {
					return w.Get(record.Text("registration_client_uri"), testx.Bearer(token)).Status == http.StatusOK
				}},
				"initial registration": {nil, func(token string) bool { return w.enroll(token, plain).Status == http.StatusCreated }},
				"code": {nil, func(token string) bool { // a code needs its verifier, which nothing here has
					return w.Post("/oauth/token", asserted(url.Values{"grant_type": {"authorization_code"}, "code": {token}, "redirect_uri": {callback}, "code_verifier": {request.Verifier}},
						w.assert(known, jose.TypeJWT, w.claims(known, nil)))).Status == http.StatusOK
				}},
				"refresh_token": {nil, func(token string) bool {
					if token == tokens.Text("refresh_token") {
						return false // it is good, and would be another one afterwards
					}
					return w.Post("/oauth/token", asserted(url.Values{"grant_type": {string(oauth.RefreshToken)}, "refresh_token": {token}},
						w.assert(known, jose.TypeJWT, w.claims(known, nil)))).Status == http.StatusOK
				}},
			}
			for place, taking := range takes {
				for kind, token := range made {
					presented := token()
					if presented == "" {
						t.Fatalf("there is no %s: %s", kind, tokens.Body)
					}
					want := false
					for _, own := range taking.kinds {
						want = want || own == kind
					}
					if got := taking.use(presented); got != want {
						t.Errorf("%s taken as %s: %t, want %t", kind, place, got, want)
					}
				}
			}
		})
	}
}
