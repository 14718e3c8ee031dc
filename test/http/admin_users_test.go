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
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
	"authly/internal/user"
)

const adaBody = `{"username":"Ada","email":"ada@people.example","email_verified":true,"given_name":"Ada","family_name":"Lovelace",` +
	`"birthdate":"1815-12-10","zoneinfo":"Europe/London","locale":"en-GB","website":"https://ada.example","phone_number":"+442012345678",` +
	`"phone_number_verified":true,"address":{"locality":"London","country":"UK"},"password":"engine of analysis 1843","require_password_change":false}`

func TestUserFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const password = "engine of analysis 1843"
		a.Secret(password)
		made := a.wants(a.send(token, http.MethodPost, "/users", adaBody), http.StatusCreated, `"state":"active"`, `"active_sessions":0`, `"has_password":true`,
			`"address":{"locality":"London","country":"UK"}`, `"phone_number_verified":true`)
		id := made.Text("id")
		read := a.wants(a.send(token, http.MethodGet, "/users/"+id, ""), http.StatusOK)
		if read.Body != made.Body || read.Header.Get("ETag") != made.Header.Get("ETag") || strings.Contains(read.Body, "argon2") || strings.Contains(read.Body, password) {
			a.t.Errorf("read %s with %s", read.Body, read.Header.Get("ETag"))
		}

		// A sign-in is counted, and is no change.
		app := a.Confidential("https://app.example/callback", nil)
		ada := testx.Person{Password: password}
		ada.Username = "ada"
		first := a.Tokens(app, ada).Text("refresh_token")
		refreshes := func(refresh string) int {
			return a.Token(app, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}).Status
		}
		if again := a.wants(a.send(token, http.MethodGet, "/users/"+id, ""), http.StatusOK, `"active_sessions":1`, `"last_login_at":"`); again.Header.Get("ETag") != read.Header.Get("ETag") {
			a.t.Error("a sign-in changes the entity tag")
		}

		// What is not named stays, null clears, a new address is not verified, and an old tag changes nothing.
		a.Clock.Advance(time.Second)
		ifMatch := testx.Header("If-Match", read.Header.Get("ETag"))
		changed := a.wants(a.send(token, http.MethodPatch, "/users/"+id, `{"email":"countess@people.example","website":null,"address":null,"nickname":"Countess"}`, ifMatch),
			http.StatusOK, `"email_verified":false`, `"nickname":"Countess"`, `"given_name":"Ada"`, `"phone_number_verified":true`)
		if strings.Contains(changed.Body, "website") || strings.Contains(changed.Body, "address\":{") {
			a.t.Errorf("changed %s", changed.Body)
		}
		for _, late := range []struct{ method, path, body string }{
			{http.MethodPatch, "", `{"nickname":"Late"}`},
			{http.MethodDelete, "", ""},
			{http.MethodPost, "/disable", ""},
			{http.MethodPost, "/enable", ""},
			{http.MethodPost, "/require-password-change", ""},
			{http.MethodPost, "/unlock", ""},
		} {
			a.wants(a.send(token, late.method, "/users/"+id+late.path, late.body, ifMatch), http.StatusPreconditionFailed)
		}

		a.wants(a.send(token, http.MethodPost, "/users/"+id+"/disable", ""), http.StatusOK, `"state":"disabled"`, `"active_sessions":0`)
		if refreshes(first) != http.StatusBadRequest {
			a.t.Error("who is disabled has tokens refreshed")
		}
		a.wants(a.send(token, http.MethodPost, "/users/"+id+"/enable", ""), http.StatusOK, `"state":"active"`)
		if refreshes(first) != http.StatusBadRequest {
			a.t.Error("what was ended lives again")
		}
		a.Tokens(app, ada)
		a.wants(a.send(token, http.MethodDelete, "/users/"+id, ""), http.StatusNoContent)
		a.wants(a.send(token, http.MethodGet, "/users/"+id, ""), http.StatusNotFound)
		a.wants(a.send(token, http.MethodPost, "/users", adaBody), http.StatusCreated)

		page, err := a.Audit.List(a.t.Context(), audit.Query{TargetKind: "user", TargetID: id})
		if err != nil {
			a.t.Fatal(err)
		}
		var actions []string
		for _, event := range page.Events {
			actions = append(actions, string(event.Action))
			if text := fmt.Sprint(event); strings.Contains(text, password) || strings.Contains(text, "argon2") || event.Actor.Kind != audit.Client {
				a.t.Errorf("the event %v", event)
			}
		}
		if got := strings.Join(actions, " "); got != "user.delete user.enable user.disable user.update user.create" {
			a.t.Errorf("the log has %s", got)
		}
	})
}

func TestWrongInputForUsers(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		known := a.wants(a.send(token, http.MethodPost, "/users", adaBody), http.StatusCreated).Text("id")
		before := a.wants(a.send(token, http.MethodGet, "/users?limit=200", ""), http.StatusOK).Body
		good := `"username":"bob","password":"correct horse of bob"`
		for name, wrong := range map[string]struct {
			body   string
			status int
			part   string
		}{
			"no JSON":           {`{"username":`, 400, ""},
			"an unknown member": {`{` + good + `,"hunter2-role":1}`, 422, "body.hunter2-role"},
			"a wrong type":      {`{` + good + `,"administrator":"yes"}`, 422, "body.administrator"},
			"no username":       {`{"password":"correct horse of bob"}`, 422, "body.username"},
			"a wrong one":       {`{"username":"a@b","password":"correct horse of bob"}`, 422, "body.username"},
			"one that is taken": {`{"username":"ADA","password":"correct horse of bob"}`, 409, "body.username"},
			"a taken address":   {`{` + good + `,"email":"ADA@people.example"}`, 409, "body.email"},
			"no password":       {`{"username":"bob"}`, 422, "body.password"},
			"a short password":  {`{"username":"bob","password":"hunter2"}`, 422, "body.password"},
			"a script":          {`{` + good + `,"website":"javascript:alert(1)"}`, 422, "body.website"},
			"a birthdate":       {`{` + good + `,"birthdate":"10.12.1815"}`, 422, "body.birthdate"},
			"a locale":          {`{` + good + `,"locale":"` + strings.Repeat("a-", 60) + `a"}`, 422, "body.locale"},
			"a phone number":    {`{` + good + `,"phone_number":"0123"}`, 422, "body.phone_number"},
			"an address":        {`{` + good + `,"address":{"planet":"Mars"}}`, 422, "body.address.planet"},
			"a state":           {`{` + good + `,"state":"gone"}`, 422, "body.state"},
			"its id":            {`{` + good + `,"id":"0190d8b2-0000-7000-8000-000000000000"}`, 422, "body.id"},
			"a hash":            {`{` + good + `,"password_hash":"x"}`, 422, "body.password_hash"},
		} {
			answer := a.send(token, http.MethodPost, "/users", wrong.body)
			if answer.Status != wrong.status || wrong.part != "" && !strings.Contains(answer.Body, `"`+wrong.part+`"`) || strings.Contains(answer.Body, `"hunter2"`) {
				a.t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
		}
		for _, query := range []string{
			"limit=0", "limit=201", "cursor=!!", "state=gone", "administrator=maybe", "email_verified=1", "created_after=yesterday", "last_login_before=2026",
			"skip=1", "username=" + strings.Repeat("a", 201),
		} {
			a.wants(a.send(token, http.MethodGet, "/users?"+query, ""), http.StatusUnprocessableEntity)
		}
		for _, wrong := range []struct{ method, path, body string }{
			{http.MethodPatch, "/users/" + known, `{"username":null}`},
			{http.MethodPatch, "/users/" + known, `{"email":"nowhere"}`},
			{http.MethodPatch, "/users/" + known, `{"password":"correct horse of bob"}`},
			{http.MethodPatch, "/users/" + known, `{"state":"disabled"}`},
		} {
			a.wants(a.send(token, wrong.method, wrong.path, wrong.body), http.StatusUnprocessableEntity)
		}
		for nobody, status := range map[string]int{
			"nobody": http.StatusUnprocessableEntity, "0190d8b2-0000-7000-8000-000000000000": http.StatusNotFound,
			strings.ToUpper(known): http.StatusNotFound, "{" + known + "}": http.StatusUnprocessableEntity,
		} {
			path := "/users/" + url.PathEscape(nobody)
			a.wants(a.send(token, http.MethodGet, path, ""), status)
			a.wants(a.send(token, http.MethodPatch, path, `{}`), status)
			a.wants(a.send(token, http.MethodDelete, path, ""), status)
			for _, action := range []string{"/disable", "/enable", "/require-password-change", "/unlock", "/password", "/invitation"} {
				a.wants(a.send(token, http.MethodPost, path+action, ""), status)
			}
		}
		if after := a.send(token, http.MethodGet, "/users?limit=200", "").Body; after != before {
			a.t.Errorf("something changed:\n%s", after)
		}
	})
}

func TestUsersPageByPage(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		for i := range 7 {
			person := a.Person(fmt.Sprintf("page_%d", i))
			if i == 3 {
				a.wants(a.send(token, http.MethodPost, "/users/"+person.Subject()+"/disable", ""), http.StatusOK)
			}
		}
		a.Person("pagexother")
		walk := func(query string) string {
			var names []string
			cursor := ""
			for range 9 {
				answer := a.wants(a.send(token, http.MethodGet, "/users?limit=3&"+query+"&cursor="+cursor, ""), http.StatusOK)
				var page struct {
					Users []struct{ Username string }
					Next  string `json:"next_cursor"`
				}
				if err := json.Unmarshal([]byte(answer.Body), &page); err != nil {
					a.t.Fatal(err)
				}
				for _, each := range page.Users {
					names = append(names, strings.TrimPrefix(each.Username, "page_"))
				}
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			return strings.Join(names, " ")
		}
		for query, want := range map[string]string{
			"username=AGE_":                         "0 1 2 3 4 5 6",
			"username=age_&state=active":            "0 1 2 4 5 6",
			"email=_5%40PEOPLE&email_verified=true": "5",
			"administrator=true":                    "",
			"created_before=2026-11-25T00:00:00Z":   "",
			"username=age_&created_after=2026-01-01T00:00:00%2B02:00&require_password_change=false": "0 1 2 3 4 5 6",
			"last_login_after=2026-01-01T00:00:00Z":                                                 "",
		} {
			if got := walk(query); got != want {
				a.t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
	})
}

// Of 32 that create the same user at once, one does; a password can't be guessed from what is kept of it.
func TestUserSentAgain(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		key := testx.Header("Idempotency-Key", "order-1")
		answers := make([]testx.Answer, 8)
		var racing sync.WaitGroup
		for i := range answers {
			racing.Go(func() { answers[i] = a.send(token, http.MethodPost, "/users", adaBody, key) })
		}
		racing.Wait()
		made, replayed := map[string]bool{}, 0
		for _, answer := range answers {
			made[a.wants(answer, http.StatusCreated).Text("id")] = true
			if answer.Header.Get("Idempotent-Replayed") == "true" {
				replayed++
			}
		}
		if len(made) != 1 || replayed != len(answers)-1 {
			a.t.Errorf("%d users were made, %d answers are replayed", len(made), replayed)
		}
		a.wants(a.send(token, http.MethodPost, "/users", strings.Replace(adaBody, "1843", "1844", 1), key), http.StatusUnprocessableEntity, "idempotency_key_reused")
	})
}

// Nothing ends the last administrator; who is demoted has no say from the next request on.
func TestLastAdministratorOverHTTP(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		root := a.administrator("root").Subject()
		for _, attempt := range []struct{ method, path, body string }{
			{http.MethodDelete, "", ""},
			{http.MethodPost, "/disable", ""},
			{http.MethodPost, "/require-password-change", ""},
			{http.MethodPatch, "", `{"administrator":false}`},
			{http.MethodPatch, "", `{"require_password_change":true}`},
		} {
			a.wants(a.send(token, attempt.method, "/users/"+root+attempt.path, attempt.body), http.StatusConflict, "user.last_administrator")
		}
		a.wants(a.send(token, http.MethodPatch, "/users/"+root, `{"nickname":"Chief"}`), http.StatusOK, `"administrator":true`)

		second := a.administrator("second")
		hers := testx.Bearer(a.on(a.robot(), second, adminScopes().String()))
		a.wants(a.send(hers, http.MethodGet, "/users/"+root, ""), http.StatusOK)
		a.wants(a.send(token, http.MethodPatch, "/users/"+second.Subject(), `{"administrator":false}`), http.StatusOK, `"administrator":false`)
		a.wants(a.send(hers, http.MethodGet, "/users/"+root, ""), http.StatusForbidden, "not_administrator")
		a.wants(a.send(hers, http.MethodPatch, "/users/"+second.Subject(), `{"administrator":true}`), http.StatusForbidden, "not_administrator")

		// All at once, each by another: one stays.
		ids := []string{root}
		for i := range 31 {
			ids = append(ids, a.inOffice(fmt.Sprintf("root%d", i)))
		}
		ways := []struct{ method, path, body string }{
			{http.MethodDelete, "", ""}, {http.MethodPost, "/disable", ""}, {http.MethodPost, "/require-password-change", ""}, {http.MethodPatch, "", `{"administrator":false}`},
		}
		statuses := make([]int, len(ids))
		var racing sync.WaitGroup
		for i, id := range ids {
			racing.Go(func() {
				way := ways[i%len(ways)]
				statuses[i] = a.send(token, way.method, "/users/"+id+way.path, way.body).Status
			})
		}
		racing.Wait()
		count := map[int]int{}
		for _, status := range statuses {
			count[status]++
		}
		if count[http.StatusConflict] != 1 || count[http.StatusOK]+count[http.StatusNoContent] != len(ids)-1 {
			a.t.Errorf("answered with %v", count)
		}
	})
}

// inOffice makes an administrator with a password that nobody knows; hashing one takes long.
func (a *administration) inOffice(name string) string {
	a.t.Helper()
	made, err := a.Users.Create(a.t.Context(), user.New{Username: name, Administrator: true})
	if err != nil {
		a.t.Fatal(err)
	}
	a.change(`UPDATE users SET password_hash = 'none' WHERE id = $1`, made.ID)
	return made.Subject()
}

// Who was kept out by wrong passwords can try again.
func TestUnlock(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Throttle.AccountBurst = 2 }))
			token := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
			person := a.Person("ada")
			try := func(identifier, password string) int {
				browser := a.Browser()
				return browser.Submit(browser.Open(a.Issuer+"/login"), url.Values{"username": {identifier}, "password": {password}}).Status
			}
			for _, identifier := range []string{"ada", "ADA@people.example"} {
				for range 2 {
					try(identifier, "wrong horse battery")
				}
				if status := try(identifier, person.Password); status != http.StatusTooManyRequests {
					t.Errorf("%s is not kept out: %d", identifier, status)
				}
			}
			a.wants(a.send(token, http.MethodPost, "/users/"+person.Subject()+"/unlock", ""), http.StatusOK)
			for _, identifier := range []string{"ada", "ADA@people.example"} {
				if status := try(identifier, person.Password); status != http.StatusOK {
					t.Errorf("%s is still kept out: %d", identifier, status)
				}
			}
			page, err := a.Audit.List(t.Context(), audit.Query{Action: audit.UserUnlock, TargetID: person.Subject()})
			if err != nil || len(page.Events) != 1 {
				t.Errorf("%d events, %v", len(page.Events), err)
			}
		})
	}
}
