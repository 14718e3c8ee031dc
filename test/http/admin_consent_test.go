package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/testx"
)

// Somebody who is no administrator is not asked about scopes of the administration, and
// does not get them; an administrator is asked in words.
func TestConsentToTheAdministration(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, _ testx.RequestOption) {
		robot, ada, root := a.robot(), a.Person("ada"), a.administrator("root")
		ask := func(person testx.Person, scope string) (testx.Request, *testx.Browser, testx.Answer) {
			request, browser := a.Request(robot, url.Values{"scope": {scope}, "resource": {a.Issuer + adminPath}}), a.Browser()
			return request, browser, browser.SignIn(browser.Open(a.AuthorizeURL(request)), person)
		}
		const words = "Add, change and remove applications"
		request, browser, page := ask(ada, "openid admin:clients:write")
		if page.Form().ID != "consent-form" || strings.Contains(page.Body, words) || strings.Contains(page.Body, "admin:") {
			t.Errorf("somebody is asked: %s", page.Body)
		}
		answer := a.wants(a.Redeem(robot, request, browser.Decide(page, "allow")), http.StatusOK)
		if answer.Text("scope") != "openid" {
			t.Errorf("somebody got %q", answer.Text("scope"))
		}
		if _, _, page = ask(ada, "admin:clients:write"); page.Query().Get("error") != "invalid_scope" {
			t.Errorf("somebody asked for that alone: %d %s", page.Status, page.Header.Get("Location"))
		}
		request, browser, page = ask(root, "openid admin:clients:write")
		if !strings.Contains(page.Body, words) {
			t.Errorf("an administrator is not told: %s", page.Body)
		}
		answer = a.wants(a.Redeem(robot, request, browser.Decide(page, "allow")), http.StatusOK)
		if answer.Text("scope") != "openid admin:clients:write" {
			t.Errorf("an administrator got %q", answer.Text("scope"))
		}
		if metadata := a.Get("/.well-known/openid-configuration"); strings.Contains(metadata.Body, "admin:") {
			t.Error("the discovery document has scopes of the administration")
		}
	})
}
