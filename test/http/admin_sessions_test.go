package http_test

import (
	"encoding/json"
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

// listed reads all pages of a list and returns the member of each of its items.
func (a *administration) listed(token testx.RequestOption, path, list, member string) (all []string) {
	a.t.Helper()
	for cursor, pages := "", 0; pages < 100; pages++ {
		address := path
		if cursor != "" {
			address += "&cursor=" + cursor
		}
		answer := a.wants(a.send(token, http.MethodGet, address, ""), http.StatusOK)
		var read map[string]json.RawMessage
		var items []map[string]any
		if err := json.Unmarshal([]byte(answer.Body), &read); err != nil {
			a.t.Fatal(err)
		}
		if err := json.Unmarshal(read[list], &items); err != nil {
			a.t.Fatalf("%s: %v", answer.Body, err)
		}
		for _, each := range items {
			all = append(all, fmt.Sprint(each[member]))
		}
		if cursor = answer.Text("next_cursor"); cursor == "" {
			return all
		}
	}
	a.t.Fatal("the list has no end")
	return nil
}

// logged returns the events of an action, the oldest first.
func (a *administration) logged(action audit.Action) []audit.Event {
	a.t.Helper()
	read, err := a.Audit.List(a.t.Context(), audit.Query{Action: action})
	if err != nil {
		a.t.Fatal(err)
	}
	for i, j := 0, len(read.Events)-1; i < j; i, j = i+1, j-1 {
		read.Events[i], read.Events[j] = read.Events[j], read.Events[i]
	}
	return read.Events
}

// sid returns the session of an ID token.
func (a *administration) sid(tokens testx.Answer) string {
	a.t.Helper()
	_, claims := jwt(a.t, tokens.Text("id_token"))
	return fmt.Sprint(claims["sid"])
}

func (a *administration) refreshes(known testx.Client, tokens testx.Answer) bool {
	a.t.Helper()
	return a.Token(known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}}).Status == http.StatusOK
}

func TestSessionFromItsBeginningToItsEnd(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ada, shop := a.Person("ada"), a.Confidential("https://shop.example/callback", nil)
		request, browser := a.Request(shop, url.Values{"scope": {"openid"}}), a.Browser()
		tokens := a.Redeem(shop, request, browser.Through(browser.Open(a.AuthorizeURL(request)), ada))
		sid := a.sid(tokens)
		all := a.wants(a.send(token, http.MethodGet, "/sessions?user_id="+ada.ID.String(), ""), http.StatusOK, sid, `"username":"ada"`, `"state":"active"`, `"authentication_methods":["pwd"]`)
		other := a.Confidential("https://forum.example/callback", nil)
		a.wants(a.send(token, http.MethodGet, "/sessions?client_id="+shop.ClientID, ""), http.StatusOK, sid)
		for _, none := range []string{other.ClientID, "nobody"} {
			a.wants(a.send(token, http.MethodGet, "/sessions?client_id="+none, ""), http.StatusOK, `{"sessions":[]}`)
		}
		one := a.wants(a.send(token, http.MethodGet, "/sessions/"+sid, ""), http.StatusOK, `"clients":["`+shop.ClientID+`"]`, `"address":"127.0.0.1"`)
		for _, cookie := range browser.Cookies() {
			if strings.Contains(all.Body+one.Body, cookie.Value) || strings.Contains(all.Body+one.Body, "hash") {
				a.t.Errorf("the session's token is in %s", one.Body)
			}
		}

		// Its end is the end of what was issued in it, and of being signed in.
		a.wants(a.send(token, http.MethodDelete, "/sessions/"+sid, ""), http.StatusNoContent)
		if a.refreshes(shop, tokens) || a.Introspect(shop, tokens.Text("access_token")).JSON["active"] != false {
			a.t.Error("a token outlived its session")
		}
		if page := browser.Open(a.AuthorizeURL(request)); !strings.Contains(page.Body, `name="password"`) {
			a.t.Errorf("still signed in: %s", page.Body)
		}
		a.wants(a.send(token, http.MethodGet, "/sessions/"+sid, ""), http.StatusOK, `"state":"ended"`, `"ended_at":"`)
		a.wants(a.send(token, http.MethodDelete, "/sessions/"+sid, ""), http.StatusNoContent)
		if events := a.logged(audit.SessionEnd); len(events) != 1 || events[0].Target.ID != sid || events[0].Actor.Kind != audit.Client || events[0].Details.Subject != ada.ID.String() ||
			fmt.Sprint(events[0].Details.Changes) != fmt.Sprintf("[{ended_at <nil> %s} {state active ended}]", a.Clock.Now().UTC().Format(time.RFC3339)) {
			a.t.Errorf("the log has %+v", events)
		}
		if events := a.logged(audit.SignOut); len(events) != 0 {
			a.t.Errorf("nobody signed out, and the log has %+v", events)
		}
	})
}

// A session of many who end it at once ends once; all of a user and all of a client are counted.
func TestSessionsEndAtOnce(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ada, bob, shop, forum := a.Person("ada"), a.Person("bob"), a.Confidential("https://shop.example/callback", nil), a.Confidential("https://forum.example/callback", nil)
		raced := a.sid(a.Tokens(shop, ada))
		var racing sync.WaitGroup
		for range 32 {
			racing.Go(func() {
				if answer := a.send(token, http.MethodDelete, "/sessions/"+raced, ""); answer.Status != http.StatusNoContent {
					a.t.Errorf("%d %s", answer.Status, answer.Body)
				}
			})
		}
		racing.Wait()
		if events := a.logged(audit.SessionEnd); len(events) != 1 {
			a.t.Errorf("%d events for one end", len(events))
		}
		for range 3 {
			a.Tokens(shop, ada)
			a.Clock.Advance(time.Second)
		}
		a.Tokens(forum, ada)
		offline := a.Tokens(shop, bob, url.Values{"scope": {"openid offline_access"}})
		a.wants(a.send(token, http.MethodDelete, "/clients/"+shop.ClientID+"/sessions", ""), http.StatusOK, `"ended":4`)
		if !a.refreshes(shop, offline) {
			a.t.Error("offline access ended with the session")
		}
		a.wants(a.send(token, http.MethodDelete, "/users/"+ada.ID.String()+"/sessions", ""), http.StatusOK, `"ended":1`)
		a.wants(a.send(token, http.MethodDelete, "/users/"+ada.ID.String()+"/sessions", ""), http.StatusOK, `"ended":0`)
		events := a.logged(audit.SessionEnd)
		if len(events) != 3 || events[1].Target != (audit.Target{Kind: "client", ID: shop.ClientID, Name: shop.Name}) || fmt.Sprint(events[1].Details.Changes) != "[{active_sessions 4 0}]" ||
			events[2].Target != (audit.Target{Kind: "user", ID: ada.ID.String(), Name: "ada"}) {
			a.t.Errorf("the log has %+v", events)
		}

		// Page by page, by every filter.
		whole := a.listed(token, "/sessions?limit=2", "sessions", "created_at")
		if len(whole) != 6 {
			a.t.Errorf("%d sessions on all pages", len(whole))
		}
		ofAda, ofBob, ofNobody := "user_id="+ada.ID.String(), "user_id="+bob.ID.String()+"&state=ended", "user_id=0190d8b2-0000-7000-8000-000000000000"
		since, until := "created_since="+whole[1], "created_until="+whole[1]
		for query, want := range map[string]int{
			ofAda:           5,
			ofBob:           1,
			"state=active":  0,
			"state=expired": 0,
			since:           2, // both in one second
			until:           4,
			ofNobody:        0,
		} {
			if got := a.listed(token, "/sessions?limit=1&"+query, "sessions", "id"); len(got) != want {
				a.t.Errorf("%s: %d sessions, want %d", query, len(got), want)
			}
		}
	})
}

func TestWrongInputForSessions(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const nobody = "0190d8b2-0000-7000-8000-000000000000"
		for _, query := range []string{"limit=0", "limit=201", "cursor=!!", "cursor=AAAA", "state=gone", "user_id=ada", "created_since=yesterday", "page=2"} {
			a.wants(a.send(token, http.MethodGet, "/sessions?"+query, ""), http.StatusUnprocessableEntity)
		}
		for path, status := range map[string]int{
			"GET /sessions/" + nobody: 404, "DELETE /sessions/" + nobody: 404, "DELETE /users/" + nobody + "/sessions": 404, "DELETE /clients/nobody/sessions": 404,
			"GET /sessions/x": 422, "DELETE /users/ada/sessions": 422, "PUT /sessions/" + nobody: 405,
		} {
			method, path, _ := strings.Cut(path, " ")
			answer := a.wants(a.send(token, method, path, ""), status)
			if status != 405 && answer.Header.Get("Content-Type") != "application/problem+json" {
				a.t.Errorf("%s %s: %s", method, path, answer.Body)
			}
		}
		if events := a.logged(audit.SessionEnd); len(events) != 0 {
			a.t.Errorf("the log has %+v", events)
		}
	})
}
