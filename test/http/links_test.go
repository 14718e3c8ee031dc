package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// opensFromAnywhere checks what holds for every link with a secret that is passed on: those who look at it use
// nothing up, and the secret stays in no address, no log and no other browser. It returns a browser that has
// followed the link, and the page.
func opensFromAnywhere(t testing.TB, s *testx.Server, link, path, form string) (*testx.Browser, testx.Answer) {
	t.Helper()
	token, found := strings.CutPrefix(link, s.Issuer+path+"/")
	if !found || strings.ContainsAny(token, "?&=#/") {
		t.Fatal("the link has its secret elsewhere")
	}
	s.Secret(token) // nowhere in the log, which the end of the test looks at
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		answer := s.Call(method, link, nil, testx.Header("User-Agent", "a scanner of mail"))
		if answer.Status != http.StatusSeeOther || strings.Contains(answer.Header.Get("Location")+answer.Body, token) {
			t.Errorf("%s: %d to %s", method, answer.Status, answer.Header.Get("Location"))
		}
		if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: the redirect may be stored, or its address told to others", method)
		}
		if page := s.Get(answer.Header.Get("Location")); page.Status != http.StatusNotFound || page.Form().ID != "" || !strings.Contains(page.Body, "Open the link again") {
			t.Errorf("the page's address without the cookie: %d with the form %q", page.Status, page.Form().ID)
		}
	}
	for _, other := range []string{path, path + "?token=" + token, path + "?link=" + token, path + "/" + token + "."} {
		if page := s.Browser().Open(s.Issuer + other); page.Status != http.StatusNotFound || page.Form().ID != "" || !strings.Contains(page.Body, "Open the link again") {
			t.Errorf("%s: %d with the form %q", strings.ReplaceAll(other, token, "SECRET"), page.Status, page.Form().ID)
		}
	}
	browser := s.Browser()
	page := browser.Open(link)
	if page.Status != http.StatusOK || page.Form().ID != form || strings.Contains(page.URL, token) {
		t.Fatalf("%d with the form %q", page.Status, page.Form().ID)
	}
	if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Error("the page may be stored, or its address told to others")
	}
	if !strings.Contains(s.Log(), `"route":"`+s.Path()+path+`/{token}"`) {
		t.Error("the log has no line of the link, so that this shows nothing")
	}
	return browser, page
}

func TestSetupLinkLeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "account: secrets of links stay in no address")
	for _, engine := range dbtest.Engines(t) {
		for _, path := range []string{"", "/auth"} {
			t.Run(string(engine)+path, func(t *testing.T) {
				t.Parallel()
				s := testx.NewServer(t, engine, testx.WithPath(path))
				notice, err := s.Notice(t.Context())
				must(t, err)
				link, password := notice.SetupURL.Reveal(), "battery staple of links"
				s.Secret(password)
				browser, page := opensFromAnywhere(t, s, link, "/setup", "setup-form")
				done := browser.Submit(page, url.Values{
					"username": {"root"}, "email": {"root@people.example"}, "password": {password}, "password_confirmation": {password},
				})
				if done.Status != http.StatusOK || len(browser.Cookies()) > 0 {
					t.Errorf("%d with %d cookies: %s", done.Status, len(browser.Cookies()), done.Body)
				}
				if again := browser.Open(link); again.Status != http.StatusNotFound || !strings.Contains(again.Body, "This link doesn’t work") {
					t.Errorf("the link that was used: %d", again.Status)
				}
			})
		}
	}
}

// Two people follow their invitations in one browser: each page stays that of its own person.
func TestInvitationsInOneBrowser(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		invite := func(username string) string {
			made := a.wants(a.send(token, http.MethodPost, "/users", `{"username":"`+username+`","invitation":true}`), http.StatusCreated)
			link, _ := made.JSON["invitation"].(map[string]any)["url"].(string)
			a.Secret(link)
			return link
		}
		browser, first := opensFromAnywhere(a.t, a.Server, invite("ada"), "/invitation", "password-form")
		bob := invite("bob")
		second := browser.Open(bob)
		if !strings.Contains(first.Body, "ada") || !strings.Contains(second.Body, "bob") || first.URL == second.URL {
			a.t.Errorf("the pages are %s and %s", first.URL, second.URL)
		}
		if again := browser.Open(first.URL); again.Form().ID != "" || !strings.Contains(again.Body, "Open the link again") {
			a.t.Errorf("the first page, after the second: %d with the form %q", again.Status, again.Form().ID)
		}
		const password = "eleven quiet lanterns"
		a.Secret(password)
		if done := a.chooses(browser, first, password, password); done.Status != http.StatusOK {
			a.t.Errorf("the first form: %d", done.Status)
		}
		if again := browser.Open(second.URL); again.Form().ID != "password-form" || !strings.Contains(again.Body, "bob") {
			a.t.Errorf("the second page, after the first was used: %d", again.Status)
		}
		ada := testx.Person{Password: password}
		ada.Username = "ada"
		if answer := browser.SignIn(browser.Open(a.Issuer+"/login"), ada); !strings.Contains(answer.Body, "You are signed in") {
			a.t.Errorf("ada: %d", answer.Status)
		}
		if done := a.chooses(browser, second, password+" two", password+" two"); done.Status != http.StatusOK {
			a.t.Errorf("the second form: %d", done.Status)
		}
	})
}
