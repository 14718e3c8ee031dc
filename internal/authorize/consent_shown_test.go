package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/testx"
)

// A consent form allows what its page showed, and no more: when that has changed, the page is shown again.
func TestConsentAllowsWhatItShowed(t *testing.T) {
	t.Parallel()
	asked := url.Values{
		"scope": {"openid email profile"}, "resource": {resource, "https://other.example"}, "claims": {`{"userinfo":{"phone_number":null}}`},
	}
	for name, test := range map[string]struct {
		change string
		shows  string // on the page that is shown again
	}{
		"client renamed":         {`UPDATE clients SET client_name = 'Another App'`, "Another App"},
		"other terms":            {`UPDATE clients SET tos_uri = 'https://app.example/terms'`, "https://app.example/terms"},
		"a scope taken":          {`UPDATE clients SET scopes = '["openid","profile","phone"]'`, `data-scope="profile"`},
		"a resource taken":       {`UPDATE clients SET resources = '["` + resource + `"]'`, `data-resource="` + resource + `"`},
		"a claim's scope taken":  {`UPDATE clients SET scopes = '["openid","profile","email"]'`, `data-scope="email"`},
		"user renamed":           {`UPDATE users SET username = 'ada2'`, "ada2"},
		"access that lasts less": {`UPDATE clients SET refresh_token_lifetime_seconds = 7200`, "up to 2 hours"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				w.exec(`UPDATE clients SET resources = '["` + resource + `","https://other.example"]'`)
				browser := w.signedIn()
				page := browser.Open(w.AuthorizeURL(w.Request(w.app, asked)))
				for _, text := range []string{
					`data-resource="` + resource + `"`, `data-resource="https://other.example"`, `data-claim="phone_number"`, "up to 90 days", `id="consent-sign-out"`,
				} {
					if !strings.Contains(page.Body, text) {
						t.Fatalf("the page lacks %s:\n%s", text, page.Body)
					}
				}
				before := w.count(`SELECT count(*) FROM authorization_codes`)
				w.exec(test.change)
				again := browser.Send("/consent", decided(page, "allow"))
				wantNoCode(t, name, again)
				if again.Status != http.StatusConflict || again.Form().ID != "consent-form" || !strings.Contains(again.Body, "consent-error") || !strings.Contains(again.Body, test.shows) {
					t.Fatalf("%d\n%s", again.Status, again.Body)
				}
				if w.count(`SELECT count(*) FROM authorization_codes`) != before || w.count(`SELECT count(*) FROM grants WHERE decided_by = 'user' AND claims <> '[]'`) != 0 {
					t.Error("something was allowed")
				}
				if answer := browser.Send("/consent", decided(again, "allow")); answer.Query().Get("code") == "" {
					t.Errorf("what is shown now can't be allowed: %d", answer.Status)
				}
			})
		})
	}
}

// The digest of what was shown is bound to the form: an old one can't be sent with a new token, nor a new one with an old.
func TestWhatWasShownIsBoundToTheForm(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser, _, old := w.atConsent()
		w.exec(`UPDATE clients SET client_name = 'Another App'`)
		now := browser.Send("/consent", decided(old, "allow"))
		for name, mixed := range map[string][2]testx.Answer{"new digest": {old, now}, "new token": {now, old}} {
			form := decided(mixed[0], "allow")
			form.Set("shown", mixed[1].Form().Fields.Get("shown"))
			answer := browser.Send("/consent", form)
			wantNoCode(t, name, answer)
			if answer.Status != http.StatusForbidden {
				t.Errorf("%s: %d", name, answer.Status)
			}
		}
		if answer := browser.Send("/consent", decided(old, "deny")); answer.Query().Get("error") != "access_denied" {
			t.Errorf("it can't be denied any more: %d", answer.Status)
		}
	})
}
