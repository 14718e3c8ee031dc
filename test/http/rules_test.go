package http_test

import (
	"net/http"
	"net/url"
	"os"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/testx/rules"
)

// ledger records which rules of the catalogue the tests of this package held.
var ledger = rules.For(rules.Server)

func TestMain(m *testing.M) { os.Exit(ledger.Run(m)) }

func TestTrapsOfTokens(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{
			Name: "trap-2 the implicit grant is not claimed", Rule: "trap-2 no implicit grant", Want: Want{Status: http.StatusOK, Body: []string{`"response_types_supported":["code"]`}},
			WantNot: []string{`"implicit"`, `"id_token token"`},
			Do:      func(w *World) testx.Answer { return w.Get("/.well-known/openid-configuration") },
		},
		{Name: "trap-12 scope claims are in UserInfo alone", Rule: "trap-12 claims of scopes in UserInfo alone", Want: Want{Status: http.StatusOK, Body: []string{`"email":`}}, Do: func(w *World) testx.Answer {
			tokens := w.Tokens(w.App, w.Ada, set("scope", "openid email"))
			_, claims := jwt(w.T, tokens.Text("id_token"))
			info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
			if claims["email"] != nil || claims["sub"] != info.JSON["sub"] {
				w.T.Errorf("the ID token says %v, UserInfo %s", claims, info.Body)
			}
			return info
		}},
	})
}

// What the metadata does not list is refused, by its own error.
func TestUnadvertisedGrants(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "metadata: unadvertised grants")
	w := newWorld(t, db.SQLite)
	for _, grant := range []string{
		"password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"urn:ietf:params:oauth:grant-type:token-exchange", "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:saml2-bearer",
	} {
		answer := w.Token(w.App, url.Values{"grant_type": {grant}, "assertion": {"x"}, "device_code": {"x"}, "subject_token": {"x"}})
		if answer.Status != http.StatusBadRequest || answer.Text("error") != string(oauth.UnsupportedGrantType) {
			t.Errorf("%s: %d %s", grant, answer.Status, answer.Body)
		}
	}
}
