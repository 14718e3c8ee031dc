package http_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"authly/internal/audit"
	"authly/internal/testx"
)

func TestGrantsFromTheirBeginningToTheirEnd(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ada, bob := a.Person("ada"), a.Person("bob")
		shop, forum := a.Confidential("https://shop.example/callback", nil), a.Confidential("https://forum.example/callback", nil)
		offline := url.Values{"scope": {"openid offline_access"}}
		atShop, atForum, bobs := a.Tokens(shop, ada, offline), a.Tokens(forum, ada, offline), a.Tokens(shop, bob, offline)
		request, browser := a.Request(shop), a.Browser()
		response := browser.Through(browser.Open(a.AuthorizeURL(request)), ada)
		for query, want := range map[string]int{
			"": 3, "&user_id=" + ada.ID.String(): 2, "&client_id=" + shop.ClientID: 2, "&client_id=nobody": 0,
			"&user_id=" + bob.ID.String() + "&client_id=" + forum.ClientID: 0, "&active=true": 3, "&active=false": 0,
		} {
			if got := a.listed(token, "/grants?limit=1"+query, "grants", "id"); len(got) != want {
				a.t.Errorf("%q: %d grants, want %d", query, len(got), want)
			}
		}
		which := a.listed(token, "/grants?user_id="+ada.ID.String()+"&client_id="+shop.ClientID, "grants", "id")[0]
		a.wants(a.send(token, http.MethodGet, "/grants/"+which, ""), http.StatusOK, `"active":true`, `"username":"ada"`, `"client_id":"`+shop.ClientID+`"`, `"offline_access"`)

		// Its end is the end of what was issued from it, also of what is a code yet; of many who end it, one does.
		var racing sync.WaitGroup
		for range 32 {
			racing.Go(func() {
				if answer := a.send(token, http.MethodDelete, "/grants/"+which, ""); answer.Status != http.StatusNoContent {
					a.t.Errorf("%d %s", answer.Status, answer.Body)
				}
			})
		}
		racing.Wait()
		if a.refreshes(shop, atShop) || a.Introspect(shop, atShop.Text("access_token")).JSON["active"] != false || a.Redeem(shop, request, response).Status == http.StatusOK {
			a.t.Error("what was issued outlived the grant")
		}
		if !a.refreshes(forum, atForum) || !a.refreshes(shop, bobs) {
			a.t.Error("what was issued from another grant ended")
		}
		a.wants(a.send(token, http.MethodGet, "/grants/"+which, ""), http.StatusOK, `"active":false`, `"revoked_at":"`)
		if page := browser.Open(a.AuthorizeURL(request)); !strings.Contains(page.Body, "decision") {
			a.t.Errorf("nobody asks for consent again: %s", page.Body)
		}

		a.wants(a.send(token, http.MethodDelete, "/users/"+ada.ID.String()+"/grants", ""), http.StatusOK, `"ended":1`)
		a.wants(a.send(token, http.MethodDelete, "/clients/"+shop.ClientID+"/grants", ""), http.StatusOK, `"ended":1`)
		a.wants(a.send(token, http.MethodDelete, "/clients/"+shop.ClientID+"/grants", ""), http.StatusOK, `"ended":0`)
		if a.refreshes(forum, atForum) || a.refreshes(shop, bobs) {
			a.t.Error("what was issued outlived all grants")
		}
		var told []string
		for _, event := range a.logged(audit.ConsentRevoke) {
			told = append(told, event.Target.Kind+" "+event.Target.ID+" "+event.Details.Subject)
		}
		if want := []string{"grant " + which + " " + ada.ID.String(), "user " + ada.ID.String() + " ", "client " + shop.ClientID + " "}; fmt.Sprint(told) != fmt.Sprint(want) {
			a.t.Errorf("the log has %v, want %v", told, want)
		}
	})
}

func TestWrongInputForGrants(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const nobody = "0190d8b2-0000-7000-8000-000000000000"
		for _, query := range []string{"limit=0", "limit=201", "cursor=!!", "active=maybe", "user_id=ada", "page=2"} {
			a.wants(a.send(token, http.MethodGet, "/grants?"+query, ""), http.StatusUnprocessableEntity)
		}
		for path, status := range map[string]int{
			"GET /grants/" + nobody: 404, "DELETE /grants/" + nobody: 404, "DELETE /users/" + nobody + "/grants": 404, "DELETE /clients/nobody/grants": 404,
			"GET /grants/x": 422, "DELETE /users/ada/grants": 422,
		} {
			method, path, _ := strings.Cut(path, " ")
			if answer := a.wants(a.send(token, method, path, ""), status); answer.Header.Get("Content-Type") != "application/problem+json" {
				a.t.Errorf("%s %s: %s", method, path, answer.Body)
			}
		}
		if events := a.logged(audit.ConsentRevoke); len(events) != 0 {
			a.t.Errorf("the log has %+v", events)
		}
	})
}
