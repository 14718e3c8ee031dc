package authorize_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// RFC 9207 section 2 and JARM section 2.1: every response says which issuer it is from, in
// each mode, and a signed one also for whom it is and until when.
func TestResponsesNameIssuerAndAudience(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		known, browser := w.Confidential(callback, nil), w.signedIn()
		browser.Through(browser.Open(w.AuthorizeURL(w.Request(known))), w.person)
		for _, mode := range []oauth.ResponseMode{"", oauth.ResponseModeQuery, oauth.ResponseModeFormPost} {
			for outcome, changes := range map[string]url.Values{"code": nil, "error": {"scope": {"admin"}}} {
				request := w.Request(known, url.Values{"prompt": {"none"}, "response_mode": {string(mode)}}, changes)
				if mode == "" {
					request.Del("response_mode")
				}
				got := browser.Open(w.AuthorizeURL(request)).Response()
				if got.Get("iss") != w.Issuer || !got.Has(outcome) || got.Get("state") != request.Get("state") {
					t.Errorf("%q, %s: %v", mode, outcome, got)
				}
			}
		}
		for _, mode := range []oauth.ResponseMode{oauth.ResponseModeJWT, oauth.ResponseModeQueryJWT, oauth.ResponseModeFormPostJWT} {
			for outcome, changes := range map[string]url.Values{"code": nil, "error": {"scope": {"admin"}}} {
				request := w.Request(known, url.Values{"prompt": {"none"}, "response_mode": {string(mode)}}, changes)
				got := browser.Open(w.AuthorizeURL(request)).Response()
				payload, err := w.Keys().Verify(got.Get("response"), jose.TypeJWT, known.ResponseAlgorithm)
				if err != nil {
					t.Errorf("%s, %s: %v in %v", mode, outcome, err, got)
					continue
				}
				var claims map[string]any
				if err := json.Unmarshal(payload, &claims); err != nil {
					t.Fatal(err)
				}
				if claims["iss"] != w.Issuer || claims["aud"] != known.ClientID || claims["state"] != request.Get("state") || claims[outcome] == nil || len(got) != 1 {
					t.Errorf("%s, %s: %v", mode, outcome, claims)
				}
				if end, _ := claims["exp"].(float64); int64(end) <= noon.Unix() || int64(end) > noon.Unix()+600 {
					t.Errorf("%s, %s: exp %v", mode, outcome, claims["exp"])
				}
			}
		}
	})
}

// OAuth 2.1 section 4.1.2.1: nobody is sent anywhere for a client or a redirect URI that is
// not established, whoever is signed in.
func TestNobodyIsSentToAnUnknownPlace(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser := w.signedIn()
		disabled := w.Confidential(callback, nil)
		if err := w.Clients.Disable(t.Context(), disabled.ID); err != nil {
			t.Fatal(err)
		}
		for name, request := range map[string]testx.Request{
			"another redirect URI": w.Request(w.app, url.Values{"redirect_uri": {"https://evil.example/"}}),
			"one with more behind": w.Request(w.app, url.Values{"redirect_uri": {callback + "/x"}}),
			"no redirect URI":      w.Request(w.app, url.Values{"redirect_uri": nil}),
			"a disabled client":    w.Request(disabled),
			"a client of nobody":   w.Request(w.app, url.Values{"client_id": {"client_nobody"}}),
		} {
			for _, prompt := range []string{"", "none"} {
				if prompt != "" {
					request.Set("prompt", prompt)
				}
				answer := browser.Open(w.AuthorizeURL(request))
				if answer.Status != http.StatusBadRequest || answer.Header.Get("Location") != "" {
					t.Errorf("%s, prompt %q: %d to %q", name, prompt, answer.Status, answer.Header.Get("Location"))
				}
			}
		}
	})
}

// RFC 9101 sections 4 and 10.8: a request object is of this client and for this server, or it
// counts for nothing.
func TestWhomARequestObjectIsFor(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		signer, err := jose.GenerateKey(jose.ES256)
		if err != nil {
			t.Fatal(err)
		}
		key := jose.SigningKey{KeyID: "1", Algorithm: jose.ES256, Signer: signer}
		document, err := jose.JWKS([]jose.VerificationKey{key.Verification()})
		if err != nil {
			t.Fatal(err)
		}
		known := w.Confidential(callback, func(m *client.Metadata) { m.JWKS = document })
		browser := w.signedIn()
		browser.Through(browser.Open(w.AuthorizeURL(w.Request(known))), w.person)
		for _, test := range []struct {
			name    string
			changes map[string]any // nil removes a claim
			good    bool
		}{
			{"a good one", nil, true},
			{"without iss and aud", map[string]any{"iss": nil, "aud": nil}, true},
			{"aud in a list", map[string]any{"aud": []string{"https://other.example", w.Issuer}}, true},
			{"another server", map[string]any{"aud": "https://other.example"}, false},
			{"other servers", map[string]any{"aud": []string{"https://other.example"}}, false},
			{"aud is a number", map[string]any{"aud": 1}, false},
			{"another client as iss", map[string]any{"iss": w.app.ClientID}, false},
			{"another client as client_id", map[string]any{"client_id": w.app.ClientID}, false},
			{"expired", map[string]any{"exp": noon.Unix() - 60}, false},
			{"not yet", map[string]any{"nbf": noon.Unix() + 120}, false},
			{"one within", map[string]any{"request": "x.y.z"}, false},
		} {
			request := w.Request(known, url.Values{"prompt": {"none"}})
			claims := map[string]any{"iss": known.ClientID, "aud": w.Issuer}
			for name := range request.Values {
				claims[name] = request.Get(name)
			}
			maps.Copy(claims, test.changes)
			maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
			object, err := jose.Sign(key, jose.TypeRequestObject, claims)
			if err != nil {
				t.Fatal(err)
			}
			answer := browser.Open(w.Issuer + "/oauth/authorize?" + url.Values{
				"client_id": {known.ClientID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {callback}, "prompt": {"none"}, "request": {object},
			}.Encode())
			if got := answer.Query(); got.Has("code") != test.good || !test.good && got.Get("error") != string(oauth.InvalidRequestObject) {
				t.Errorf("%s: %d to %q", test.name, answer.Status, answer.Header.Get("Location"))
			}
		}
	})
}
