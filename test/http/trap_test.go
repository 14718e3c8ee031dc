package http_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/keys"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// withoutChallenge takes PKCE out of a request.
func withoutChallenge(more url.Values) url.Values {
	changed := url.Values{"code_challenge": nil, "code_challenge_method": nil}
	for name, values := range more {
		changed[name] = values
	}
	return changed
}

// What servers usually get wrong at the authorization endpoint, one by one.
func TestTraps(t *testing.T) {
	t.Parallel()
	code := Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": ""}}
	refused := func(code oauth.ErrorCode) Want {
		return Want{Status: http.StatusSeeOther, Error: code, Redirect: map[string]string{"code": ""}}
	}
	through := func(w *World, known testx.Client, changes ...url.Values) testx.Answer {
		browser := w.Browser()
		return browser.Through(browser.Open(w.AuthorizeURL(w.Request(known, changes...))), w.Ada)
	}
	legacy := func(m *client.Metadata) { m.SecurityProfile = client.ProfileOpenIDLegacy }
	play(t, []Scenario{
		{Name: "trap-1 a legacy OpenID client needs neither challenge nor nonce", Want: code, Do: func(w *World) testx.Answer {
			return through(w, w.Confidential(callback, legacy), withoutChallenge(set("nonce")))
		}},
		{Name: "trap-1 any other client needs a challenge", Rule: "trap-1 a challenge for everybody", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			return through(w, w.App, withoutChallenge(nil))
		}},
		{Name: "trap-1 a public client needs one whatever its profile", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			return through(w, w.Public("http://127.0.0.1/callback", legacy), withoutChallenge(nil))
		}},
		{Name: "trap-1 what a legacy client sends is enforced", Want: jsonError(http.StatusBadRequest, oauth.InvalidGrant), Do: func(w *World) testx.Answer {
			known := w.Confidential(callback, legacy)
			return w.Redeem(known, testx.Request{Values: set("redirect_uri", callback)}, through(w, known))
		}},
		{Name: "trap-9 a missing method is plain", Rule: "trap-9 a missing method is plain", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			return through(w, w.Confidential(callback, legacy), set("code_challenge_method"))
		}},
		{Name: "trap-10 request_uri is never passed over", Rule: "trap-10 request_uri is not passed over", Want: refused(oauth.RequestURINotSupported), Do: func(w *World) testx.Answer {
			return through(w, w.App, set("request_uri", "https://app.example/object"))
		}},
		{Name: "trap-10 request is never passed over", Want: refused(oauth.InvalidRequestObject), Do: func(w *World) testx.Answer {
			return through(w, w.App, set("request", "eyJhbGciOiJub25lIn0.e30."))
		}},
		{
			Name: "trap-10 trap-15 the metadata says so, although the defaults would not", Want: Want{Status: http.StatusOK, Body: []string{
				`"request_uri_parameter_supported":false`, `"request_parameter_supported":true`, `"authorization_response_iss_parameter_supported":true`,
			}},
			Do: func(w *World) testx.Answer { return w.Get("/.well-known/openid-configuration") },
		},
		{Name: "trap-11 a request that another site posts finds the session", Rule: "trap-11 a request that another site posts", Want: code, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			// SameSite=Lax: the browser sends no cookie with the post, and all of them with the redirect.
			stored := w.Post("/oauth/authorize", w.Request(w.App, set("prompt", "none")).Values,
				testx.Header("Origin", "https://app.example"), testx.Header("Sec-Fetch-Site", "cross-site"))
			return withIssuer(w, browser.Open(stored.Header.Get("Location")))
		}},
		{Name: "trap-14 a hint that has expired and whose key has retired", Rule: "trap-14 an expired hint", Want: code, Do: func(w *World) testx.Answer {
			old := w.Tokens(w.App, w.Ada).Text("id_token")
			_, err := w.Keys().Rotate(w.T.Context(), keys.RotateOptions{Force: true})
			must(w.T, err)
			w.Clock.Advance(3 * time.Hour)
			return withIssuer(w, w.Authorize(w.SignedIn(), set("prompt", "none"), set("id_token_hint", old)))
		}},
		{Name: "trap-15 iss comes with an error before any sign-in", Rule: "trap-15 iss with an error", Want: refused(oauth.LoginRequired), Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.Browser(), set("prompt", "none")))
		}},
	})
}

// authTime redeems a response and returns the time of authentication.
func authTime(w *World, known testx.Client, request testx.Request, response testx.Answer) time.Time {
	w.T.Helper()
	tokens := w.Redeem(known, request, response)
	_, claims := jwt(w.T, tokens.Text("id_token"))
	seconds, ok := claims["auth_time"].(float64)
	if !ok {
		w.T.Fatalf("no auth_time: %v, %s", claims, tokens.Body)
	}
	return time.Unix(int64(seconds), 0)
}

// OpenID Connect Core 1.0 section 3.1.2.1: what max_age and prompt do to the session,
// and what auth_time says afterwards.
func TestTrap13TimeOfAuthentication(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "trap-13 time of authentication")
			w := newWorld(t, engine)
			known := w.Confidential(callback, func(m *client.Metadata) {
				age := client.Seconds(60)
				m.DefaultMaxAge = &age
			})
			browser := w.SignedIn()
			first := w.Clock.Now()
			ask := func(name string, asked testx.Client, signsIn bool, want time.Time, changes ...url.Values) {
				t.Helper()
				request := w.Request(asked, changes...)
				answer := browser.Open(w.AuthorizeURL(request))
				if got := answer.Form().ID == "login-form"; got != signsIn {
					t.Fatalf("trap-13 %s: the sign-in page is shown: %t (%d)\n%s", name, got, answer.Status, answer.Body)
				}
				if signsIn {
					want = w.Clock.Now()
				}
				if got := authTime(w, asked, request, browser.Through(answer, w.Ada)); !got.Equal(want) {
					t.Errorf("trap-13 %s: auth_time %s, want %s", name, got, want)
				}
			}
			w.Clock.Advance(2 * time.Second)
			ask("max_age that is kept", w.App, false, first, set("max_age", "15000"))
			w.Clock.Advance(2 * time.Second)
			ask("a silent sign-in keeps the time", w.App, false, first, set("max_age", "10000"), set("prompt", "none"))
			ask("max_age=1 after more than a second", w.App, true, time.Time{}, set("max_age", "1"))
			w.Clock.Advance(2 * time.Second)
			ask("prompt=login", w.App, true, time.Time{}, set("prompt", "login"), set("max_age", "10000"))
			w.Clock.Advance(2 * time.Second)
			ask("max_age=0", w.App, true, time.Time{}, set("max_age", "0"))
			second := w.Clock.Now()
			w.Clock.Advance(30 * time.Second)
			ask("default_max_age that is kept", known, false, second)
			w.Clock.Advance(31 * time.Second)
			ask("max_age goes before default_max_age", known, false, second, set("max_age", "3600"))
			ask("default_max_age", known, true, time.Time{})
		})
	}
}

// A client assertion is a JWT of the same client for the same server; RFC 9101
// section 10.8 is about taking one kind for another.
func TestRequestObjectsAreNoOtherTokens(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{Name: "rfc9101-10.8 a request object as a client assertion", Want: jsonError(http.StatusUnauthorized, oauth.InvalidClient), Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			object := w.object(known, w.Request(known.Client), map[string]any{"jti": "once", "grant_type": "client_credentials"})
			return w.Post("/oauth/token", asserted(machine(), object))
		}},
		{Name: "rfc9101-10.8 with the claims of one", Want: jsonError(http.StatusUnauthorized, oauth.InvalidClient), Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.ES256, nil)
			return w.Post("/oauth/token", asserted(machine(), w.assert(known, jose.TypeRequestObject, w.claims(known, nil))))
		}},
		{Name: "a token of ours as a request object", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequestObject}, Do: func(w *World) testx.Answer {
			known := w.Keyed(jose.RS256, nil)
			return w.open(w.SignedIn(), outside(known, set("prompt", "none"), set("redirect_uri", callback), set("request", w.Tokens(w.App, w.Ada).Text("id_token"))))
		}},
		{Name: "a UserInfo response of ours as a hint", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest}, Do: func(w *World) testx.Answer {
			known, browser := w.Confidential(callback, func(m *client.Metadata) { m.UserInfoAlgorithm = jose.RS256 }), w.SignedIn()
			info := w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(known, w.Ada).Text("access_token")))
			if _, claims := jwt(w.T, info.Body); claims["sub"] != w.Ada.Subject() {
				w.T.Fatalf("no signed response: %s", info.Body)
			}
			return withIssuer(w, browser.Open(w.AuthorizeURL(w.Request(known, set("prompt", "none"), set("id_token_hint", info.Body)))))
		}},
		{Name: "a response of ours as a hint", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			response := w.Authorize(browser, set("response_mode", "jwt")).Query().Get("response")
			if response == "" {
				w.T.Fatal("no signed response")
			}
			return withIssuer(w, w.Authorize(browser, set("prompt", "none"), set("id_token_hint", response)))
		}},
	})
}
