package http_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// onEveryEngine runs a test of the administration with the right token.
func onEveryEngine(t *testing.T, test func(a *administration, token testx.RequestOption)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			test(a, testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath)))
		})
	}
}

func (a *administration) send(token testx.RequestOption, method, path, body string, options ...testx.RequestOption) testx.Answer {
	a.t.Helper()
	all := append([]testx.RequestOption{token}, options...)
	if body != "" {
		all = append(all, testx.JSON(body))
	}
	return a.Call(method, adminPath+path, nil, all...)
}

func (a *administration) wants(answer testx.Answer, status int, parts ...string) testx.Answer {
	a.t.Helper()
	if answer.Status != status {
		a.t.Fatalf("%s %s: %d, want %d\n%s", answer.Method, answer.URL, answer.Status, status, answer.Body)
	}
	for _, part := range parts {
		if !strings.Contains(answer.Body, part) {
			a.t.Errorf("%s %s: no %s in\n%s", answer.Method, answer.URL, part, answer.Body)
		}
	}
	return answer
}

const webApp = `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scopes":["openid","profile"],"access_token_lifetime":60,"default_max_age":300}`

func TestClientFromItsCreationToItsEnd(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		made := a.wants(a.send(token, http.MethodPost, "/clients", webApp), http.StatusCreated, `"client_secret":"`)
		id, password := made.Text("client_id"), made.Text("client_secret")
		if made.JSON["access_token_lifetime"] != float64(60) || made.JSON["default_max_age"] != float64(300) || made.Text("registered_by") != "administrator" {
			a.t.Errorf("made %s", made.Body)
		}
		read := a.wants(a.send(token, http.MethodGet, "/clients/"+id, ""), http.StatusOK)
		if strings.Contains(read.Body, "secret\":") || strings.Contains(read.Body, password) || read.Header.Get("ETag") != made.Header.Get("ETag") {
			a.t.Errorf("read %s with %s", read.Body, read.Header.Get("ETag"))
		}

		// What is not named stays, null is the default, and an old ETag changes nothing.
		a.Clock.Advance(time.Second)
		ifMatch := testx.Header("If-Match", read.Header.Get("ETag"))
		changed := a.wants(a.send(token, http.MethodPatch, "/clients/"+id, `{"access_token_lifetime":null,"default_max_age":null,"client_name":"Shop 2"}`, ifMatch), http.StatusOK)
		if changed.Text("client_name") != "Shop 2" || changed.JSON["access_token_lifetime"] != float64(0) || changed.JSON["default_max_age"] != nil ||
			!strings.Contains(changed.Body, `"scopes":["openid","profile"]`) || changed.Text("client_secret") != "" {
			a.t.Errorf("changed %s", changed.Body)
		}
		a.wants(a.send(token, http.MethodPatch, "/clients/"+id, `{"client_name":"Late"}`, ifMatch), http.StatusPreconditionFailed)
		a.wants(a.send(token, http.MethodDelete, "/clients/"+id, "", ifMatch), http.StatusPreconditionFailed)

		// Secrets overlap, and then they don't.
		known := func(secret string) bool {
			return a.Post("/oauth/introspect", url.Values{"token": {"x"}}, func(r *http.Request) { r.SetBasicAuth(id, secret) }).Status == http.StatusOK
		}
		second := a.wants(a.send(token, http.MethodPost, "/clients/"+id+"/secrets", `{"overlap_seconds":60}`), http.StatusCreated).Text("client_secret")
		if !known(password) || !known(second) {
			a.t.Error("one of two secrets that overlap is refused")
		}
		a.Clock.Advance(61 * time.Second)
		if known(password) || !known(second) {
			a.t.Error("the old secret outlived its time")
		}
		listed := a.wants(a.send(token, http.MethodGet, "/clients/"+id+"/secrets", ""), http.StatusOK)
		if strings.Contains(listed.Body, second) || strings.Contains(listed.Body, "hash") {
			a.t.Errorf("the list has a secret: %s", listed.Body)
		}
		var secrets struct{ Secrets []struct{ ID string } }
		if err := json.Unmarshal([]byte(listed.Body), &secrets); err != nil || len(secrets.Secrets) != 2 {
			a.t.Fatalf("%s: %v", listed.Body, err)
		}
		a.wants(a.send(token, http.MethodDelete, "/clients/"+id+"/secrets/"+secrets.Secrets[1].ID, ""), http.StatusConflict, "client.last_secret")
		a.wants(a.send(token, http.MethodDelete, "/clients/"+id+"/secrets/"+secrets.Secrets[0].ID, ""), http.StatusNoContent)

		a.wants(a.send(token, http.MethodPost, "/clients/"+id+"/disable", ""), http.StatusOK, `"state":"disabled"`)
		if known(second) {
			a.t.Error("a disabled client is let in")
		}
		a.wants(a.send(token, http.MethodPost, "/clients/"+id+"/enable", ""), http.StatusOK, `"state":"active"`)
		a.wants(a.send(token, http.MethodDelete, "/clients/"+id, ""), http.StatusNoContent)
		a.wants(a.send(token, http.MethodGet, "/clients/"+id, ""), http.StatusNotFound)

		// Everything is in the log, in its order, and nothing of it is a secret.
		page, err := a.Audit.List(a.t.Context(), audit.Query{TargetKind: "client", TargetID: id})
		if err != nil {
			a.t.Fatal(err)
		}
		var actions []string
		for _, event := range page.Events {
			actions = append(actions, string(event.Action))
			if event.Action == audit.ClientAuthenticate { // by who doesn't know the secret
				continue
			}
			if text := fmt.Sprint(event); strings.Contains(text, password) || strings.Contains(text, second) || event.Actor.Kind != audit.Client || event.Actor.ID == "" {
				a.t.Errorf("the event %v", event)
			}
		}
		want := "client.delete client.enable client.authenticate client.disable client_secret.delete client.authenticate client_secret.create client.update client.create"
		if got := strings.Join(actions, " "); got != want {
			a.t.Errorf("the log has %s", got)
		}
	})
}

func TestWrongInputForClients(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		before := a.wants(a.send(token, http.MethodGet, "/clients?limit=200", ""), http.StatusOK).Body
		for name, wrong := range map[string]struct {
			body   string
			status int
			part   string
		}{
			"no JSON":             {`{"client_name":`, 400, ""},
			"an array":            {`[]`, 422, ""},
			"an unknown member":   {`{"client_name":"A","hunter2-member":1}`, 422, "body.hunter2-member"},
			"a wrong type":        {`{"client_name":7}`, 422, "body.client_name"},
			"an empty name":       {`{"client_name":" ","redirect_uris":["https://a.example/cb"]}`, 422, "body.client_name"},
			"no redirect URI":     {`{"client_name":"A"}`, 422, "body.redirect_uris"},
			"a wrong one":         {`{"client_name":"A","redirect_uris":["https://a.example/cb","javascript:alert(1)"]}`, 422, "body.redirect_uris[1]"},
			"no name":             {`{"redirect_uris":["https://a.example/cb"]}`, 422, "body.client_name"},
			"a scope of nobody":   {`{"client_name":"A","redirect_uris":["https://a.example/cb"],"scopes":["openid","opeind"]}`, 422, "body.scopes[1]"},
			"a wrong scope":       {`{"client_name":"A","redirect_uris":["https://a.example/cb"],"scopes":["a b"]}`, 422, "body.scopes"},
			"a wrong profile":     {`{"client_name":"A","redirect_uris":["https://a.example/cb"],"security_profile":"none"}`, 422, "body.security_profile"},
			"a wrong lifetime":    {`{"client_name":"A","redirect_uris":["https://a.example/cb"],"access_token_lifetime":9223372036854775807}`, 422, "body.access_token_lifetime"},
			"a public robot":      {`{"client_name":"A","redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"none","administrator":true}`, 422, "body.administrator"},
			"registered_by":       {`{"client_name":"A","redirect_uris":["https://a.example/cb"],"registered_by":"client"}`, 422, "body.registered_by"},
			"too much":            {`{"client_name":"` + strings.Repeat("a", 70<<10) + `"}`, 413, ""},
			"a secret of its own": {`{"client_name":"A","redirect_uris":["https://a.example/cb"],"client_secret":"hunter2"}`, 422, "body.client_secret"},
		} {
			answer := a.send(token, http.MethodPost, "/clients", wrong.body)
			if answer.Status != wrong.status || wrong.part != "" && !strings.Contains(answer.Body, `"`+wrong.part+`"`) ||
				answer.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(answer.Body, `"value"`) || strings.Contains(answer.Body, `"hunter2"`) {
				a.t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
		}
		for _, query := range []string{"?limit=0", "?limit=201", "?limit=x", "?cursor=!!", "?state=gone", "?type=x", "?page=2"} {
			a.wants(a.send(token, http.MethodGet, "/clients"+query, ""), http.StatusUnprocessableEntity)
		}
		a.wants(a.send(token, http.MethodPatch, "/clients/nobody", `{}`), http.StatusNotFound)
		a.wants(a.Call(http.MethodPost, adminPath+"/clients", nil, token, testx.JSON(`{}`), testx.Header("Content-Type", "text/plain")), http.StatusUnsupportedMediaType)
		if after := a.send(token, http.MethodGet, "/clients?limit=200", "").Body; after != before {
			a.t.Errorf("something changed:\n%s", after)
		}
	})
}

func TestClientsPageByPage(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		for i := range 7 {
			a.wants(a.send(token, http.MethodPost, "/clients", strings.Replace(webApp, "Shop", fmt.Sprintf("Page_%%%d", i), 1)), http.StatusCreated)
		}
		a.wants(a.send(token, http.MethodPost, "/clients", strings.Replace(webApp, "Shop", "PagesXother", 1)), http.StatusCreated)
		var names []string
		cursor, pages := "", 0
		for {
			answer := a.wants(a.send(token, http.MethodGet, "/clients?limit=3&q=page_%25&type=confidential&state=active&registered_by=administrator&cursor="+cursor, ""), http.StatusOK)
			var page struct {
				Clients []struct {
					Name string `json:"client_name"`
				}
				Next string `json:"next_cursor"`
			}
			if err := json.Unmarshal([]byte(answer.Body), &page); err != nil {
				a.t.Fatal(err)
			}
			for _, each := range page.Clients {
				names = append(names, each.Name)
			}
			if pages++; page.Next == "" || pages > 9 {
				break
			}
			cursor = page.Next
		}
		if got := strings.Join(names, " "); pages != 3 || got != "Page_%0 Page_%1 Page_%2 Page_%3 Page_%4 Page_%5 Page_%6" {
			a.t.Errorf("%d pages: %s", pages, got)
		}
		a.wants(a.send(token, http.MethodGet, "/clients?type=public&q=page", ""), http.StatusOK, `"clients":[]`)
		robots := a.listed(token, "/clients?administrator=true", "clients", "client_id")
		if len(robots) != 1 || len(a.listed(token, "/clients?administrator=false&q=page", "clients", "client_id")) != 8 {
			a.t.Errorf("%v may administer", robots)
		}
		part := strings.ToUpper(robots[0][2:12])
		if found := a.listed(token, "/clients?q="+part, "clients", "client_id"); !slices.Equal(found, robots) {
			a.t.Errorf("%s finds %v, not %v", part, found, robots)
		}
	})
}

// Of 32 that create the same client at once, one does, and only one is told the secret.
func TestCreationSentAgain(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		key := testx.Header("Idempotency-Key", "order-1")
		answers := make([]testx.Answer, 32)
		var racing sync.WaitGroup
		for i := range answers {
			racing.Go(func() { answers[i] = a.send(token, http.MethodPost, "/clients", webApp, key) })
		}
		racing.Wait()
		told, made := 0, map[string]bool{}
		for _, answer := range answers {
			if answer.Status != http.StatusCreated {
				a.t.Errorf("%d %s", answer.Status, answer.Body)
				continue
			}
			made[answer.Text("client_id")] = true
			replayed := answer.Header.Get("Idempotent-Replayed") == "true"
			if (answer.Text("client_secret") == "") != replayed {
				a.t.Errorf("replayed is %v in %s", replayed, answer.Body)
			}
			if !replayed {
				told++
			}
		}
		if told != 1 || len(made) != 1 {
			a.t.Errorf("%d were told a secret of %d clients", told, len(made))
		}
		a.wants(a.send(token, http.MethodPost, "/clients", strings.Replace(webApp, "Shop", "Other", 1), key), http.StatusUnprocessableEntity, "idempotency_key_reused")

		// The same key and body at another operation, or for another client, is another request: it is refused, and does nothing.
		first, second := a.Confidential("https://one.example/callback", nil), a.Confidential("https://two.example/callback", nil)
		added := testx.Header("Idempotency-Key", "order-3")
		a.wants(a.send(token, http.MethodPost, "/clients/"+first.ClientID+"/secrets", `{}`, added), http.StatusCreated)
		for _, path := range []string{"/clients/" + second.ClientID + "/secrets", "/clients", "/scopes", "/users", "/initial-access-tokens"} {
			body := map[string]string{"/scopes": `{"name":"elsewhere"}`, "/clients": webApp, "/users": `{"username":"elsewhere","invitation":true}`, "/initial-access-tokens": `{"name":"elsewhere"}`}[path]
			if body == "" {
				body = `{}`
			}
			a.wants(a.send(token, http.MethodPost, path, body, added), http.StatusUnprocessableEntity, "idempotency_key_reused")
		}
		if secrets := a.wants(a.send(token, http.MethodGet, "/clients/"+second.ClientID+"/secrets", ""), http.StatusOK); strings.Count(secrets.Body, `"id":`) != 1 {
			a.t.Errorf("the second client has %s", secrets.Body)
		}

		// A creation that failed has used up nothing.
		other := testx.Header("Idempotency-Key", "order-2")
		a.wants(a.send(token, http.MethodPost, "/clients", `{"client_name":"A"}`, other), http.StatusUnprocessableEntity)
		a.wants(a.send(token, http.MethodPost, "/clients", webApp, other), http.StatusCreated, `"client_secret":"`)

		// Keys are one caller's own.
		stranger := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
		a.wants(a.send(stranger, http.MethodPost, "/clients", webApp, key), http.StatusCreated, `"client_secret":"`)
	})
}

// Of 32 who change what they have all read, one does; nobody's change is lost unnoticed.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "access: changes at once")
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		made := a.wants(a.send(token, http.MethodPost, "/clients", webApp), http.StatusCreated)
		a.Clock.Advance(time.Second)
		path, ifMatch := "/clients/"+made.Text("client_id"), testx.Header("If-Match", made.Header.Get("ETag"))
		statuses := make([]int, 32)
		var racing sync.WaitGroup
		for i := range statuses {
			racing.Go(func() {
				statuses[i] = a.send(token, http.MethodPatch, path, fmt.Sprintf(`{"client_name":"Shop %d"}`, i), ifMatch).Status
			})
		}
		racing.Wait()
		count := map[int]int{}
		for _, status := range statuses {
			count[status]++
		}
		if count[http.StatusOK] != 1 || count[http.StatusPreconditionFailed] != 31 {
			a.t.Errorf("answered with %v", count)
		}
	})
}

// What is so already is no change: nobody's ETag ends for it, and nothing is in the log.
func TestChangesOfNothing(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		shop, ada := a.Confidential("https://shop.example/callback", nil), a.Person("ada")
		gone, bob, carl := a.Confidential("https://gone.example/callback", nil), a.Person("bob"), a.Person("carl")
		a.wants(a.send(token, http.MethodPost, "/scopes", `{"name":"orders","description":"see your orders"}`), http.StatusCreated)
		for _, path := range []string{"/clients/" + gone.ClientID + "/disable", "/users/" + bob.Subject() + "/disable", "/users/" + carl.Subject() + "/require-password-change"} {
			a.wants(a.send(token, http.MethodPost, path, ""), http.StatusOK)
		}
		for _, change := range []struct{ path, method, suffix, body string }{
			{"/clients/" + shop.ClientID, http.MethodPatch, "", `{}`},
			{"/clients/" + shop.ClientID, http.MethodPatch, "", `{"client_name":"Web App","contacts":[],"logo_uri":null}`},
			{"/clients/" + shop.ClientID, http.MethodPost, "/enable", ""},
			{"/users/" + ada.Subject(), http.MethodPatch, "", `{}`},
			{"/users/" + ada.Subject(), http.MethodPatch, "", `{"username":"ada","phone_number_verified":true,"nickname":null}`},
			{"/users/" + ada.Subject(), http.MethodPost, "/enable", ""},
			{"/scopes/orders", http.MethodPatch, "", `{"description":"see your orders","default":false}`},
			{"/clients/" + gone.ClientID, http.MethodPost, "/disable", ""},
			{"/users/" + bob.Subject(), http.MethodPost, "/disable", ""},
			{"/users/" + carl.Subject(), http.MethodPost, "/require-password-change", ""},
		} {
			before, events := a.wants(a.send(token, http.MethodGet, change.path, ""), http.StatusOK), a.send(token, http.MethodGet, "/audit-events", "").Body
			a.Clock.Advance(time.Second)
			a.wants(a.send(token, change.method, change.path+change.suffix, change.body), http.StatusOK)
			after := a.send(token, http.MethodGet, change.path, "")
			if after.Body != before.Body || after.Header.Get("ETag") != before.Header.Get("ETag") || a.send(token, http.MethodGet, "/audit-events", "").Body != events {
				a.t.Errorf("%s %s%s %s changed something:\n%s\n%s", change.method, change.path, change.suffix, change.body, before.Body, after.Body)
			}
		}
	})
}
