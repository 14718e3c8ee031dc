package http_test

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// OpenID Connect Core 1.0 sections 2, 5.4 and 12.2: the ID token has protocol claims and
// no others, whatever the scopes; a refresh says the same about the same sign-in.
func TestIDTokenThroughItsLife(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			for name, known := range map[string]testx.Client{
				"public": w.Public(callback, nil), "pairwise": w.Confidential(callback, func(m *client.Metadata) { m.SubjectType = client.SubjectPairwise }),
			} {
				signedInAt := w.Clock.Now()
				tokens := w.Tokens(known, w.Ada, set("scope", "openid profile email address phone offline_access"), set("nonce", "n-0S6"))
				first := checkIDToken(t, w, known, tokens, signedInAt)
				if first["nonce"] != "n-0S6" {
					t.Errorf("%s: nonce %v", name, first["nonce"])
				}
				for range 2 { // SU-04: however often it is used
					w.Clock.Advance(5 * time.Minute)
					tokens = w.Token(known, refreshWith(tokens.Text("refresh_token")))
					again := checkIDToken(t, w, known, tokens, signedInAt)
					for _, claim := range []string{"iss", "sub", "aud", "auth_time", "sid", "acr"} {
						if again[claim] != first[claim] {
							t.Errorf("OC-15 %s: %s was %v and is %v", name, claim, first[claim], again[claim])
						}
					}
					if again["nonce"] != nil || again["iat"] == first["iat"] {
						t.Errorf("OC-15 %s: nonce %v, iat %v", name, again["nonce"], again["iat"])
					}
				}
			}
			if _, claims := jwt(t, w.Tokens(w.App, w.Ada, set("nonce")).Text("id_token")); claims["nonce"] != nil {
				t.Errorf("a nonce that nobody sent: %v", claims["nonce"])
			}
		})
	}
}

// checkIDToken checks a token response that has an ID token, and returns its claims.
func checkIDToken(t *testing.T, w *World, known testx.Client, tokens testx.Answer, signedInAt time.Time) map[string]any {
	t.Helper()
	header, claims := jwt(t, tokens.Text("id_token"))
	names := slices.Sorted(maps.Keys(claims))
	want := []string{"acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "sid", "sub"}
	if claims["nonce"] != nil {
		want = slices.Sorted(slices.Values(append(want, "nonce")))
	}
	if !slices.Equal(names, want) || header["kid"] == nil || claims["aud"] != known.ClientID {
		t.Errorf("header %v, claims %v", header, claims)
	}
	methods, _ := claims["amr"].([]any)
	if len(methods) != 1 || methods[0] != "pwd" || claims["acr"] != "urn:authly:acr:password" || claims["auth_time"] != float64(signedInAt.Unix()) {
		t.Errorf("amr %v, acr %v, auth_time %v", claims["amr"], claims["acr"], claims["auth_time"])
	}
	digest := sha256.Sum256([]byte(tokens.Text("access_token")))
	if claims["at_hash"] != base64.RawURLEncoding.EncodeToString(digest[:16]) {
		t.Errorf("at_hash %v is not that of the access token", claims["at_hash"])
	}
	// SU-02: a resource server learns the same from the access token and from introspection.
	_, inAccessToken := jwt(t, tokens.Text("access_token"))
	told := inAccessToken
	if !known.IsPublic() {
		told = w.Introspect(known, tokens.Text("access_token")).JSON
	}
	for _, claim := range []string{"acr", "auth_time", "sub"} {
		if inAccessToken[claim] != claims[claim] || told[claim] != claims[claim] {
			t.Errorf("SU-02 %s: %v in the access token, %v by introspection, %v in the ID token", claim, inAccessToken[claim], told[claim], claims[claim])
		}
	}
	return claims
}

// OC-09: hints that mean nothing here are no errors, in whatever order and however written.
func TestHintsAreNoErrors(t *testing.T) {
	t.Parallel()
	code := Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "s"}}
	var scenarios []Scenario
	for _, change := range []url.Values{
		set("ui_locales", "se"), set("ui_locales", "xx-nonsense fr-CA en"), set("ui_locales", "de", "fr"), set("claims_locales", "se"), set("claims_locales", "!!"),
		set("display", "page"), set("display", "touch"), set("display", "wap"), set("display", "hologram"), set("acr_values", "1 2"), set("acr_values", "  "),
		set("login_hint", "nobody@nowhere.example"), set("login_hint", "\u202e<b>"), set("extra", "foobar"), set("scope", "offline_access unheard_of profile openid"),
	} {
		scenarios = append(scenarios, Scenario{Name: "OC-09 " + slug(change.Encode()), Want: code, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), change, set("state", "s")))
		}})
	}
	play(t, scenarios)
}

// What a client's record says has an effect, member by member. Those that stand elsewhere:
// pkce (TestTraps, internal/authorize), assertion_audience (TestClientAssertions), response_modes
// (TestResponseModeOfTheClient), default_max_age (TestTrap13TimeOfAuthentication), and the
// algorithms (TestMetadataTruthOfAlgorithms).
func TestMembersOfTheClientsPolicy(t *testing.T) {
	t.Parallel()
	token := Want{Status: http.StatusUnauthorized, Header: map[string]string{"WWW-Authenticate": `error="invalid_token"`}}
	login, consent := Want{Status: http.StatusOK, Body: []string{`id="login-form"`}}, Want{Status: http.StatusOK, Body: []string{`id="consent-form"`}}
	code := Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": ""}}
	twice := func(known func(m *client.Metadata), more ...url.Values) func(w *World) testx.Answer {
		return func(w *World) testx.Answer {
			made, browser := w.Confidential(callback, known), w.Browser()
			browser.Through(browser.Open(w.AuthorizeURL(w.Request(made))), w.Ada)
			return browser.Open(w.AuthorizeURL(w.Request(made, more...)))
		}
	}
	with := func(policy client.ConsentPolicy) func(m *client.Metadata) {
		return func(m *client.Metadata) { m.Consent = policy }
	}
	play(t, []Scenario{
		{Name: "access_token_lifetime", Want: token, Do: func(w *World) testx.Answer {
			tokens := w.Tokens(w.Confidential(callback, func(m *client.Metadata) { m.AccessTokenLifetime = 60 }), w.Ada)
			if _, claims := jwt(w.T, tokens.Text("access_token")); tokens.JSON["expires_in"] != float64(60) || claims["exp"] != float64(w.Clock.Now().Add(time.Minute).Unix()) {
				w.T.Errorf("expires_in %v, exp %v", tokens.JSON["expires_in"], claims["exp"])
			}
			w.Clock.Advance(time.Minute)
			return w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
		}},
		{Name: "refresh_token_lifetime", Want: jsonError(http.StatusBadRequest, oauth.InvalidGrant), Do: func(w *World) testx.Answer {
			known := w.Confidential(callback, func(m *client.Metadata) { m.RefreshTokenLifetime = client.SecondsOf(time.Hour) })
			tokens := w.Tokens(known, w.Ada)
			w.Clock.Advance(59 * time.Minute)
			tokens = w.Token(known, refreshWith(tokens.Text("refresh_token")))
			if tokens.Status != http.StatusOK || tokens.JSON["expires_in"] != float64(60) {
				w.T.Errorf("nothing outlives the authorization: %s", tokens.Body)
			}
			w.Clock.Advance(time.Minute)
			return w.Token(known, refreshWith(tokens.Text("refresh_token")))
		}},
		{Name: "refresh_token_rotation rotate", Want: jsonError(http.StatusBadRequest, oauth.InvalidGrant), Do: func(w *World) testx.Answer {
			known := w.Confidential(callback, func(m *client.Metadata) { m.RefreshTokenRotation = client.Rotate })
			first := w.Tokens(known, w.Ada).Text("refresh_token")
			if second := w.Token(known, refreshWith(first)).Text("refresh_token"); second == "" || second == first {
				w.T.Errorf("the refresh token stayed: %q", second)
			}
			w.Clock.Advance(time.Minute)
			return w.Token(known, refreshWith(first))
		}},
		{Name: "refresh_token_rotation static", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
			known := w.Confidential(callback, func(m *client.Metadata) { m.RefreshTokenRotation = client.Static })
			first := w.Tokens(known, w.Ada).Text("refresh_token")
			w.Token(known, refreshWith(first))
			w.Clock.Advance(time.Minute) // certification section 7, 5: the old one works after 30 seconds
			return w.Token(known, refreshWith(first))
		}},
		{Name: "consent remember", Want: code, Do: twice(with(client.ConsentRemember), set("prompt", "none"))},
		{Name: "consent always", Want: consent, Do: twice(with(client.ConsentAlways))},
		{Name: "consent always, silently", Want: Want{Status: http.StatusSeeOther, Error: oauth.ConsentRequired}, Do: twice(with(client.ConsentAlways), set("prompt", "none"))},
		{Name: "consent skip", Want: code, Do: func(w *World) testx.Answer {
			return w.SignedIn().Open(w.AuthorizeURL(w.Request(w.Confidential(callback, with(client.ConsentSkip)), set("prompt", "none"))))
		}},
		{Name: "consent skip, and prompt=consent", Want: consent, Do: func(w *World) testx.Answer {
			return w.SignedIn().Open(w.AuthorizeURL(w.Request(w.Confidential(callback, with(client.ConsentSkip)), set("prompt", "consent"))))
		}},
		{Name: "rfc8252-8.6 consent skip of a public client", Want: Want{Status: http.StatusSeeOther, Header: map[string]string{"Location": "code="}}, Do: func(w *World) testx.Answer {
			return w.SignedIn().Open(w.AuthorizeURL(w.Request(w.Public("http://127.0.0.1/callback", with(client.ConsentSkip)))))
		}},
		{Name: "require_auth_time", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
			tokens := w.Tokens(w.Confidential(callback, func(m *client.Metadata) { m.RequireAuthTime = true }), w.Ada)
			if _, claims := jwt(w.T, tokens.Text("id_token")); claims["auth_time"] != float64(w.Clock.Now().Unix()) {
				w.T.Errorf("auth_time %v", claims["auth_time"])
			}
			return tokens
		}},
		{Name: "default_max_age of no time at all", Want: login, Do: twice(func(m *client.Metadata) { m.DefaultMaxAge = new(client.Seconds) })},
	}, testx.WithConfig(func(c *config.Config) { c.Tokens.RefreshTokenReuseWindow = 30 * time.Second }))
}
