package http_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// What an operator has said one by one about the clients of a token has its effect,
// and a client that registers as public gets the strict ones all the same.
func TestRegistrationPolicy(t *testing.T) {
	t.Parallel()
	policy := registration.Policy{
		PKCE: client.PKCEOrNonce, AssertionAudience: client.AudienceIssuerOrEndpoint, ResponseModes: []oauth.ResponseMode{oauth.ResponseModeQuery},
		RefreshTokenRotation: client.Rotate, AccessTokenLifetime: 60, RefreshTokenLifetime: 3600,
	}
	refreshing := plain.with(object{"grant_types": []string{"authorization_code", "refresh_token"}})
	under := func(w *World, policy registration.Policy, changes object) testx.Client {
		return w.asClient(w.enrolled(w.permit(registration.NewInitialToken{Policy: policy}), refreshing.with(changes)))
	}
	ask := func(changes ...url.Values) func(w *World) testx.Answer {
		return func(w *World) testx.Answer {
			browser := w.Browser()
			return browser.Through(browser.Open(w.AuthorizeURL(w.Request(under(w, policy, nil), changes...))), w.Ada)
		}
	}
	code := Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": ""}}
	refused := func(code oauth.ErrorCode) Want { return Want{Status: http.StatusSeeOther, Error: code} }
	play(t, []Scenario{
		{Name: "nonce_or_pkce: a nonce", Want: code, Do: ask(withoutChallenge(set("nonce", "n")))},
		{Name: "nonce_or_pkce: neither", Want: refused(oauth.InvalidRequest), Do: ask(withoutChallenge(set("nonce")))},
		{Name: "response_modes: another one", Want: refused(oauth.UnauthorizedClient), Do: ask(set("response_mode", "form_post"))},
		{Name: "lifetimes and rotation", Want: jsonError(http.StatusBadRequest, oauth.InvalidGrant), Do: func(w *World) testx.Answer {
			known := under(w, policy, nil)
			tokens := w.Tokens(known, w.Ada)
			next := w.Token(known, refreshWith(tokens.Text("refresh_token")))
			if tokens.JSON["expires_in"] != float64(60) || next.Text("refresh_token") == tokens.Text("refresh_token") {
				w.T.Errorf("expires_in %v, the refresh token stayed: %t", tokens.JSON["expires_in"], next.Text("refresh_token") == tokens.Text("refresh_token"))
			}
			w.Clock.Advance(time.Hour)
			return w.Token(known, refreshWith(next.Text("refresh_token")))
		}},
		{Name: "they stay when the client changes its record", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
			made := w.enrolled(w.permit(registration.NewInitialToken{Policy: policy}), refreshing)
			before := w.stored(made).Metadata
			answer := w.change(made, object{"client_name": "Renamed", "pkce": "optional", "access_token_lifetime": 1 << 20})
			after := w.stored(made).Metadata
			if before.PKCE != client.PKCEOrNonce || after.PKCE != before.PKCE || after.AssertionAudience != client.AudienceIssuerOrEndpoint ||
				after.AccessTokenLifetime != 60 || !slices.Equal(after.ResponseModes, policy.ResponseModes) || after.RefreshTokenRotation != client.Rotate {
				w.T.Errorf("now it is %+v", after)
			}
			return answer
		}},
		{Name: "a public client needs a challenge all the same", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			known := under(w, registration.Policy{PKCE: client.PKCEOptional, RefreshTokenRotation: client.Static}, object{"token_endpoint_auth_method": "none", "jwks": absent})
			if known.PKCE != client.PKCERequired || known.RefreshTokenRotation != client.Rotate {
				w.T.Errorf("it is registered with %s and %s", known.PKCE, known.RefreshTokenRotation)
			}
			browser := w.Browser()
			return browser.Through(browser.Open(w.AuthorizeURL(w.Request(known, withoutChallenge(set("nonce", "n"))))), w.Ada)
		}},
	}, withRegistration(registration.InitialAccessToken))
}
