package authorize_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"authly/internal/client"
	"authly/internal/testx"
)

// racers is how many post the same form at the same time.
const racers = 32

func race(do func(i int) testx.Answer) []testx.Answer {
	answers, begin := make([]testx.Answer, racers), make(chan struct{})
	var running sync.WaitGroup
	for i := range answers {
		running.Go(func() {
			<-begin
			answers[i] = do(i)
		})
	}
	close(begin)
	running.Wait()
	return answers
}

func TestConsentRaceGivesOneCode(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser, request, page := w.atConsent()
		before := w.count(`SELECT count(*) FROM authorization_codes`)
		var winner testx.Answer
		won := 0
		for _, answer := range race(func(int) testx.Answer { return browser.Send("/consent", decided(page, "allow")) }) {
			switch {
			case answer.Query().Get("code") != "":
				won, winner = won+1, answer
			case answer.Status >= http.StatusInternalServerError:
				t.Errorf("a second click was answered with %d", answer.Status)
			}
		}
		if issued := w.count(`SELECT count(*) FROM authorization_codes`) - before; won != 1 || issued != 1 {
			t.Fatalf("%d answers with a code, %d codes were made; want 1 of each", won, issued)
		}
		if grants := w.count(`SELECT count(*) FROM grants WHERE revoked_at IS NULL`); grants != 1 {
			t.Errorf("%d live grants", grants)
		}
		if tokens := w.Redeem(w.app, request, winner); tokens.Status != http.StatusOK {
			t.Errorf("the one code is worth nothing: %s", tokens.Body)
		}
	})
}

func TestConsentRaceOfAllowAndDeny(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser, _, page := w.atConsent()
		answered := 0
		for _, answer := range race(func(i int) testx.Answer {
			return browser.Send("/consent", decided(page, []string{"allow", "deny"}[i%2]))
		}) {
			if answer.Query().Get("code") != "" || answer.Query().Get("error") != "" {
				answered++
			}
		}
		if answered != 1 {
			t.Errorf("the client was answered %d times", answered)
		}
	})
}

func TestConsentRaceOfSeveralTabs(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser := w.signedIn()
		pages := make([]testx.Answer, 8)
		for i := range pages {
			pages[i] = browser.Open(w.AuthorizeURL(w.Request(w.app)))
		}
		codes := sync.Map{}
		race(func(i int) testx.Answer {
			answer := browser.Send("/consent", decided(pages[i%len(pages)], "allow"))
			if code := answer.Query().Get("code"); code != "" {
				if _, twice := codes.LoadOrStore(i%len(pages), code); twice {
					t.Errorf("tab %d has two codes", i%len(pages))
				}
			}
			return answer
		})
		for i := range pages {
			if _, has := codes.Load(i); !has {
				t.Errorf("tab %d has no code", i)
			}
		}
	})
}

// What changes between the page and the decision counts at the decision.
func TestConsentAfterSomethingChanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(w *world, browser *testx.Browser)
		status int
		form   string
	}{
		"client disabled": {func(w *world, _ *testx.Browser) {
			if err := w.Clients.Disable(w.t.Context(), w.app.ID); err != nil {
				w.t.Fatal(err)
			}
		}, http.StatusBadRequest, ""},
		"client deleted": {func(w *world, _ *testx.Browser) {
			if err := w.Clients.Delete(w.t.Context(), w.app.ID); err != nil {
				w.t.Fatal(err)
			}
		}, http.StatusNotFound, ""},
		"redirect URI taken away": {func(w *world, _ *testx.Browser) {
			w.exec(`UPDATE clients SET redirect_uris = '["https://app.example/elsewhere"]'`)
		}, http.StatusBadRequest, ""},
		"user disabled": {func(w *world, _ *testx.Browser) {
			if err := w.Users.Disable(w.t.Context(), w.person.ID); err != nil {
				w.t.Fatal(err)
			}
		}, http.StatusOK, "login-form"},
		"signed out in another tab": {func(_ *world, browser *testx.Browser) {
			browser.Submit(browser.Open("/logout"), url.Values{"decision": {"logout"}})
		}, http.StatusOK, "login-form"},
		"somebody else signed in in another tab": {func(w *world, browser *testx.Browser) {
			browser.SignIn(browser.Open(w.AuthorizeURL(w.Request(w.app, url.Values{"prompt": {"login"}}))), w.Person("grace"))
		}, http.StatusForbidden, "consent-form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				browser, _, page := w.atConsent()
				test.change(w, browser)
				before := w.count(`SELECT count(*) FROM authorization_codes`)
				answer := browser.Send("/consent", decided(page, "allow"))
				wantNoCode(t, name, answer)
				if answer.Status != test.status || answer.Form().ID != test.form {
					t.Errorf("%d with the form %q, want %d with %q", answer.Status, answer.Form().ID, test.status, test.form)
				}
				if answer.Header.Get("Location") != "" {
					t.Errorf("the browser was sent to %s", answer.Header.Get("Location"))
				}
				if after := w.count(`SELECT count(*) FROM authorization_codes`); after > before {
					t.Error("a code was made")
				}
			})
		})
	}
}

// RFC 6749 section 10.12.
func TestConsentFormBelongsToItsInteraction(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser, _, page := w.atConsent()
		other := browser.Open(w.AuthorizeURL(w.Request(w.app)))
		strangers, _, strangersPage := w.atConsent()
		for name, form := range map[string]url.Values{
			"no token":                     {"csrf_token": nil},
			"empty token":                  {"csrf_token": {""}},
			"token of another interaction": {"csrf_token": other.Form().Fields["csrf_token"]},
			"token of another browser":     {"csrf_token": strangersPage.Form().Fields["csrf_token"]},
			"token in another case":        {"csrf_token": {swapCase(page.Form().Fields.Get("csrf_token"))}},
		} {
			sent := page.Form().With(form)
			sent.Set("decision", "allow")
			answer := browser.Send("/consent", sent)
			wantNoCode(t, name, answer)
			if answer.Status != http.StatusForbidden {
				t.Errorf("%s: %d", name, answer.Status)
			}
		}
		for name, id := range map[string]string{
			"another browser's interaction": strangersPage.Form().Fields.Get("interaction"),
			"no interaction":                "",
			"no identifier":                 "../../etc",
			"braces":                        "{" + page.Form().Fields.Get("interaction") + "}",
		} {
			form := decided(page, "allow")
			form.Set("interaction", id)
			answer := browser.Send("/consent", form)
			wantNoCode(t, name, answer)
			if answer.Status != http.StatusNotFound {
				t.Errorf("%s: %d", name, answer.Status)
			}
		}
		if answer := strangers.Decide(strangersPage, "allow"); answer.Query().Get("code") == "" {
			t.Errorf("its own browser can't go on: %d", answer.Status)
		}
		if answer := browser.Decide(page, "allow"); answer.Query().Get("code") == "" {
			t.Errorf("the attempts spoilt the interaction: %d", answer.Status)
		}
		again := browser.Open("/oauth/authorize?interaction=" + page.Form().Fields.Get("interaction"))
		wantNoCode(t, "a finished interaction", again)
		if again.Status != http.StatusOK || again.Form().ID != "" {
			t.Errorf("a finished interaction gives %d with the form %q", again.Status, again.Form().ID)
		}
	})
}

// RFC 8252 section 8.6: whoever can be impersonated asks each time.
func TestConsentIsRememberedOnlyForWhoCanBeKnown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for name, test := range map[string]struct {
			client testx.Client
			asks   bool
		}{
			"confidential":            {w.Confidential(callback, nil), false},
			"always":                  {w.app, true},
			"public with https":       {w.Public("https://spa.example/callback", nil), false},
			"public on loopback":      {w.Public("http://127.0.0.1/callback", nil), true},
			"public, private scheme":  {w.Public("com.example.app:/callback", nil), true},
			"skipped, first to begin": {w.Confidential(callback, func(n *client.Metadata) { n.Consent = client.ConsentSkip }), false},
		} {
			browser := w.signedIn()
			first := browser.Open(w.AuthorizeURL(w.Request(test.client)))
			if first.Form().ID == "consent-form" {
				first = browser.Decide(first, "allow")
			}
			if first.Query().Get("code") == "" {
				t.Fatalf("%s: no code: %d\n%s", name, first.Status, first.Body)
			}
			second := browser.Open(w.AuthorizeURL(w.Request(test.client)))
			if asks := second.Form().ID == "consent-form"; asks != test.asks {
				t.Errorf("%s: asks again: %v", name, asks)
			}
			silent := browser.Open(w.AuthorizeURL(w.Request(test.client, url.Values{"prompt": {"none"}})))
			if refused := silent.Query().Get("error") == "consent_required"; refused != test.asks {
				t.Errorf("%s: prompt=none gives %s", name, silent.Header.Get("Location"))
			}
		}
	})
}

func swapCase(text string) string {
	swapped := []byte(text)
	for i, c := range swapped {
		if c >= 'a' && c <= 'z' {
			swapped[i] = c - 'a' + 'A'
		}
	}
	return string(swapped)
}
