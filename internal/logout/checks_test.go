package logout_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// RP-Initiated Logout 1.0 sections 2 and 4: what is wrong with a hint, a client or an address
// ends nothing and leads nowhere. The logout that is asked for last is a good one.
func TestLogoutRequestsAreChecked(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			const after = "https://shop.example/signed-out"
			s := testx.NewServer(t, engine)
			shop := s.Confidential("https://shop.example/callback", func(m *client.Metadata) { m.PostLogoutRedirectURIs = []string{after} })
			other := s.Confidential("https://other.example/callback", nil)
			ada, browser, request := s.Person("ada"), s.Browser(), s.Request(shop)
			tokens := s.Redeem(shop, request, browser.Through(browser.Open(s.AuthorizeURL(request)), ada))
			hint := tokens.Text("id_token")
			if hint == "" {
				t.Fatal(tokens.Body)
			}
			parts := strings.Split(hint, ".")
			signature := []byte(parts[2])
			signature[10] ^= 3 // another letter
			for name, sent := range map[string]url.Values{
				"a hint with another signature": {"id_token_hint": {parts[0] + "." + parts[1] + "." + string(signature)}, "post_logout_redirect_uri": {after}},
				"an unsigned hint": {
					"id_token_hint": {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."}, "post_logout_redirect_uri": {after},
				},
				"an access token as a hint":         {"id_token_hint": {tokens.Text("access_token")}, "post_logout_redirect_uri": {after}},
				"another client than the hint's":    {"id_token_hint": {hint}, "client_id": {other.ClientID}},
				"another client with its address":   {"id_token_hint": {hint}, "client_id": {other.ClientID}, "post_logout_redirect_uri": {after}},
				"an address that is not registered": {"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://evil.example/"}},
				"an address with more behind it":    {"id_token_hint": {hint}, "post_logout_redirect_uri": {after + "?x=1"}},
				"the client's redirect URI":         {"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://shop.example/callback"}},
			} {
				answer := browser.Open(s.Issuer + "/oidc/logout?" + sent.Encode())
				if answer.Status != http.StatusBadRequest || answer.Header.Get("Location") != "" || len(answer.Header.Values("Set-Cookie")) > 0 {
					t.Errorf("%s: %d to %q", name, answer.Status, answer.Header.Get("Location"))
				}
			}

			// The page's form counts for the session that it was shown in.
			page := browser.Open(s.Issuer + "/logout")
			if page.Form().ID != "logout-form" {
				t.Fatalf("nobody is signed in any more: %d\n%s", page.Status, page.Body)
			}
			elsewhere := s.Browser()
			elsewhere.Through(elsewhere.Open(s.AuthorizeURL(s.Request(shop))), ada)
			foreign := elsewhere.Open(s.Issuer + "/logout").Form().Fields.Get("csrf_token")
			for name, token := range map[string]string{"no token": "", "a made up one": strings.Repeat("A", 43), "one of another session": foreign} {
				answer := browser.Send(s.Issuer+"/logout", url.Values{"decision": {"logout"}, "csrf_token": {token}})
				if answer.Status != http.StatusForbidden || answer.Form().ID != "logout-form" {
					t.Errorf("%s: %d %q", name, answer.Status, answer.Form().ID)
				}
			}
			answer := browser.Submit(page, url.Values{"decision": {"logout"}})
			if again := browser.Open(s.Issuer + "/logout"); answer.Status >= http.StatusBadRequest || again.Form().ID == "logout-form" {
				t.Errorf("the form itself: %d, then %q", answer.Status, again.Form().ID)
			}
		})
	}
}
