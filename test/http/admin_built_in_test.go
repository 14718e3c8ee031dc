package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// ownClient returns one of the server's own clients, with the redirect URI that it uses now.
func (a *administration) ownClient(clientID, redirectURI string) testx.Client {
	a.t.Helper()
	known, err := a.Clients.Find(a.t.Context(), clientID)
	if err != nil {
		a.t.Fatal(err)
	}
	known.RedirectURIs = []string{redirectURI}
	return testx.Client{Client: known}
}

// The first minutes of an administrator: a program on their machine signs in, with no
// client having been registered, and administers. Nobody else gets that far with it. The
// console has no pages yet: its client is refused until an administrator enables it.
func TestSignInWithTheServersOwnClients(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		root, ada := a.administrator("root"), a.Person("ada")
		for clientID, redirectURI := range map[string]string{"authly-cli": "http://127.0.0.1:49152/callback", "authly-console": a.Issuer + "/console/callback"} {
			known := a.ownClient(clientID, redirectURI)
			if clientID == "authly-console" {
				if page := a.Get(a.AuthorizeURL(a.Request(known))); page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" {
					a.t.Errorf("%s is let in: %d", clientID, page.Status)
				}
				if answer := a.Token(known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}); answer.Text("error") != string(oauth.InvalidClient) {
					a.t.Errorf("%s may ask for tokens: %s", clientID, answer.Body)
				}
				a.wants(a.send(token, http.MethodPost, "/clients/"+clientID+"/enable", ""), http.StatusOK, `"state":"active"`)
			}
			wanted := url.Values{"scope": {known.Scopes.String()}, "resource": {a.Issuer + adminPath}}
			begin := func(person testx.Person) (testx.Request, *testx.Browser, testx.Answer) {
				request, browser := a.Request(known, wanted), a.Browser()
				return request, browser, browser.SignIn(browser.Open(a.AuthorizeURL(request)), person)
			}
			request, browser, page := begin(root)
			if page.Form().ID != "consent-form" || !strings.Contains(page.Body, known.Name) || !strings.Contains(page.Body, "Add, change, disable and remove accounts") {
				a.t.Fatalf("%s: an administrator is not told: %s", clientID, page.Body)
			}
			answer := browser.Decide(page, "allow") // the console's address is this server's
			if clientID == "authly-cli" {
				tokens := a.wants(a.Redeem(known, request, answer), http.StatusOK)
				if tokens.JSON["expires_in"] != float64(300) || tokens.Text("scope") != known.Scopes.String() {
					a.t.Errorf("%s got %s", clientID, tokens.Body)
				}
				a.wants(a.Get(adminPath+"/clients", testx.Bearer(tokens.Text("access_token"))), http.StatusOK, `"built_in":true`)
				refreshed := a.wants(a.Token(known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}}), http.StatusOK)
				a.wants(a.Get(adminPath+"/clients", testx.Bearer(refreshed.Text("access_token"))), http.StatusOK)
			}
			request, browser, page = begin(ada)
			if strings.Contains(page.Body, "accounts") {
				a.t.Errorf("%s: somebody is asked: %s", clientID, page.Body)
			}
			if answer = browser.Decide(page, "allow"); clientID == "authly-cli" {
				tokens := a.wants(a.Redeem(known, request, answer), http.StatusOK)
				if strings.Contains(tokens.Text("scope"), "admin:") {
					a.t.Errorf("%s: somebody got %q", clientID, tokens.Text("scope"))
				}
				a.wants(a.Get(adminPath+"/clients", testx.Bearer(tokens.Text("access_token"))), http.StatusForbidden)
			}
			if answer := a.Token(known, url.Values{"grant_type": {"client_credentials"}}); answer.Status == http.StatusOK {
				a.t.Errorf("%s got a token of its own", clientID)
			}
		}
	})
}

// Nobody changes or deletes one over the API; disabled, it lets nobody in.
func TestTheServersOwnClientsAreNotChanged(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const own = "/clients/authly-cli"
		before := a.wants(a.send(token, http.MethodGet, own, ""), http.StatusOK, `"built_in":true`)
		for _, attempt := range []struct{ method, path, body, kind string }{
			{http.MethodPatch, own, `{"redirect_uris":["https://evil.example/callback"]}`, "client.built_in"},
			{http.MethodPatch, own, `{"consent":"skip"}`, "client.built_in"},
			{http.MethodDelete, own, "", "client.built_in"},
			{http.MethodDelete, "/clients/authly-console", "", "client.built_in"},
			{http.MethodPost, own + "/secrets", `{}`, "client.has_no_secret"},
		} {
			answer := a.send(token, attempt.method, attempt.path, attempt.body)
			if answer.Status != http.StatusConflict || answer.Text("type") != "urn:authly:problem:"+attempt.kind {
				a.t.Errorf("%s %s %s: %d %s", attempt.method, attempt.path, attempt.body, answer.Status, answer.Body)
			}
		}
		if after := a.send(token, http.MethodGet, own, ""); after.Body != before.Body {
			a.t.Errorf("it has changed:\n%s\n%s", before.Body, after.Body)
		}
		a.wants(a.send(token, http.MethodPost, "/clients", `{"client_name":"Mine","built_in":true,"redirect_uris":["https://a.example/cb"]}`), http.StatusUnprocessableEntity)
		a.wants(a.send(token, http.MethodPost, own+"/disable", ""), http.StatusOK, `"state":"disabled"`)
		known := a.ownClient("authly-cli", "http://127.0.0.1:1/callback")
		if page := a.Get(a.AuthorizeURL(a.Request(known))); page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" {
			a.t.Errorf("disabled, it is let in: %d", page.Status)
		}
		if answer := a.Token(known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}); answer.Text("error") != string(oauth.InvalidClient) {
			a.t.Errorf("disabled: %s", answer.Body)
		}
		a.wants(a.send(token, http.MethodPost, own+"/enable", ""), http.StatusOK, `"state":"active"`)
	})
}
