package http_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/testx"
)

func TestTokensFromTheirIssueToTheirEnd(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ada, shop := a.Person("ada"), a.Confidential("https://shop.example/callback", nil)
		tokens := a.Tokens(shop, ada, url.Values{"scope": {"openid offline_access"}})
		a.Clock.Advance(time.Second)
		second := a.Token(shop, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}})
		own := a.Token(shop, url.Values{"grant_type": {"client_credentials"}})
		counts := func(token string) bool { return a.Introspect(shop, token).JSON["active"] == true }

		family := a.listed(token, "/tokens?kind=family&active=true&user_id="+ada.ID.String(), "tokens", "id")
		inIt := a.listed(token, "/tokens?limit=1&family_id="+family[0], "tokens", "id")
		itself := a.listed(token, "/tokens?kind=access_token&client_id="+shop.ClientID, "tokens", "id")
		if len(family) != 1 || len(inIt) != 2 || len(itself) != 1 || len(a.listed(token, "/tokens?limit=1&client_id="+shop.ClientID, "tokens", "id")) != 2 {
			a.t.Fatalf("families %v with %v, and %v", family, inIt, itself)
		}
		seen := a.wants(a.send(token, http.MethodGet, "/tokens/"+family[0], ""), http.StatusOK, `"kind":"family"`, `"active":true`, `"offline_access":true`, `"username":"ada"`).Body +
			a.wants(a.send(token, http.MethodGet, "/tokens/"+inIt[0], ""), http.StatusOK, `"kind":"access_token"`, `"refreshed":true`, `"family_id":"`+family[0]+`"`).Body +
			a.wants(a.send(token, http.MethodGet, "/tokens/"+inIt[1], ""), http.StatusOK, `"refreshed":false`, `"client_id":"`+shop.ClientID).Body +
			a.wants(a.send(token, http.MethodGet, "/tokens/"+itself[0], ""), http.StatusOK, `"active":true`).Body
		for _, secret := range []string{tokens.Text("access_token"), tokens.Text("refresh_token"), own.Text("access_token"), "hash"} {
			if strings.Contains(seen, secret) {
				a.t.Errorf("%s is in %s", secret, seen)
			}
		}

		// One access token ends alone, a family with all that is in it.
		a.wants(a.send(token, http.MethodDelete, "/tokens/"+inIt[0], ""), http.StatusNoContent)
		if counts(second.Text("access_token")) || !counts(tokens.Text("access_token")) || !a.refreshes(shop, second) {
			a.t.Error("the end of one access token is not the end of that one alone")
		}
		a.wants(a.send(token, http.MethodDelete, "/tokens/"+family[0], ""), http.StatusNoContent)
		a.wants(a.send(token, http.MethodDelete, "/tokens/"+family[0], ""), http.StatusNoContent)
		if counts(tokens.Text("access_token")) || a.refreshes(shop, second) || !counts(own.Text("access_token")) {
			a.t.Error("the end of a family is not the end of just its tokens")
		}
		a.wants(a.send(token, http.MethodGet, "/tokens/"+family[0], ""), http.StatusOK, `"active":false`, `"revocation_reason":"revoked_by_administrator"`)
		a.wants(a.send(token, http.MethodDelete, "/tokens/"+itself[0], ""), http.StatusNoContent)
		if counts(own.Text("access_token")) {
			a.t.Error("a client's own token outlived its end")
		}
		var ended []string
		for _, event := range a.logged(audit.TokenRevoke) {
			ended = append(ended, event.Target.Kind+" "+event.Target.ID+" "+event.Details.Subject)
			if event.Actor.Kind != audit.Client || !strings.Contains(fmt.Sprint(event.Details.Changes), "{active true false}") {
				a.t.Errorf("the log has %+v", event)
			}
		}
		want := []string{"access_token " + inIt[0] + " " + ada.ID.String(), "token_family " + family[0] + " " + ada.ID.String(), "access_token " + itself[0] + " "}
		if fmt.Sprint(ended) != fmt.Sprint(want) {
			a.t.Errorf("the log has %v, want %v", ended, want)
		}
	})
}

func TestTokensEndAtOnce(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ada, shop, forum := a.Person("ada"), a.Confidential("https://shop.example/callback", nil), a.Confidential("https://forum.example/callback", nil)
		first := a.Tokens(shop, ada)
		var racing sync.WaitGroup
		which := a.listed(token, "/tokens?kind=family&limit=1", "tokens", "id")[0]
		for range 32 {
			racing.Go(func() {
				if answer := a.send(token, http.MethodDelete, "/tokens/"+which, ""); answer.Status != http.StatusNoContent {
					a.t.Errorf("%d %s", answer.Status, answer.Body)
				}
			})
		}
		racing.Wait()
		if events := a.logged(audit.TokenRevoke); len(events) != 1 || a.refreshes(shop, first) {
			a.t.Errorf("%d events for one end", len(events))
		}
		at, elsewhere := a.Tokens(shop, ada), a.Tokens(forum, ada)
		own := a.Token(shop, url.Values{"grant_type": {"client_credentials"}})
		request, browser := a.Request(shop), a.Browser()
		response := browser.Through(browser.Open(a.AuthorizeURL(request)), ada)
		a.wants(a.send(token, http.MethodDelete, "/clients/"+shop.ClientID+"/tokens", ""), http.StatusOK, `"ended":2`)
		if a.refreshes(shop, at) || !a.refreshes(forum, elsewhere) || a.Introspect(shop, own.Text("access_token")).JSON["active"] != false {
			a.t.Error("the end of all of a client is not that of just those")
		}
		if a.Redeem(shop, request, response).Status == http.StatusOK {
			a.t.Error("a code outlived the end of all")
		}
		a.wants(a.send(token, http.MethodDelete, "/users/"+ada.ID.String()+"/tokens", ""), http.StatusOK, `"ended":1`)
		a.wants(a.send(token, http.MethodDelete, "/users/"+ada.ID.String()+"/tokens", ""), http.StatusOK, `"ended":0`)
		if a.refreshes(forum, elsewhere) {
			a.t.Error("a refresh token outlived the end of all")
		}
		var counted []string
		for _, event := range a.logged(audit.TokenRevoke)[1:] {
			counted = append(counted, event.Target.Kind+" "+event.Target.ID+" "+fmt.Sprint(event.Details.Changes))
		}
		want := []string{"client " + shop.ClientID + " [{families 1 0}]", "client " + shop.ClientID + " [{access_tokens 1 0}]", "user " + ada.ID.String() + " [{families 1 0}]"}
		if fmt.Sprint(counted) != fmt.Sprint(want) {
			a.t.Errorf("the log has %v, want %v", counted, want)
		}
	})
}

func TestWrongInputForTokens(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const nobody = "0190d8b2-0000-7000-8000-000000000000"
		for _, query := range []string{"limit=0", "limit=201", "cursor=!!", "kind=code", "active=maybe", "user_id=ada", "family_id=x", "page=2", "client_id=" + strings.Repeat("a", 256)} {
			a.wants(a.send(token, http.MethodGet, "/tokens?"+query, ""), http.StatusUnprocessableEntity)
		}
		a.wants(a.send(token, http.MethodGet, "/tokens?client_id=nobody", ""), http.StatusOK, `"tokens":[]`)
		for path, status := range map[string]int{
			"GET /tokens/" + nobody: 404, "DELETE /tokens/" + nobody: 404, "DELETE /users/" + nobody + "/tokens": 404, "DELETE /clients/nobody/tokens": 404,
			"GET /tokens/x": 422, "DELETE /users/ada/tokens": 422,
		} {
			method, path, _ := strings.Cut(path, " ")
			if answer := a.wants(a.send(token, method, path, ""), status); answer.Header.Get("Content-Type") != "application/problem+json" {
				a.t.Errorf("%s %s: %s", method, path, answer.Body)
			}
		}
		if events := a.logged(audit.TokenRevoke); len(events) != 0 {
			a.t.Errorf("the log has %+v", events)
		}
	})
}
