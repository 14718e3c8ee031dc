package http_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/testx"
)

const newPassword = "my own horse battery"

// hired makes a user with a temporary password.
func (a *administration) hired(token testx.RequestOption, name string) testx.Person {
	a.t.Helper()
	made := a.wants(a.send(token, http.MethodPost, "/users", `{"username":"`+name+`","temporary_password":true}`), http.StatusCreated, `"require_password_change":true`)
	known, err := a.Users.FindByIdentifier(a.t.Context(), name)
	if err != nil {
		a.t.Fatal(err)
	}
	a.Secret(made.Text("temporary_password"), newPassword)
	return testx.Person{User: known, Password: made.Text("temporary_password")}
}

// chooses fills in the page that asks for a new password.
func (a *administration) chooses(browser *testx.Browser, page testx.Answer, password, again string) testx.Answer {
	a.t.Helper()
	if page.Form().ID != "password-form" {
		a.t.Fatalf("no new password is asked for at %s (%d):\n%s", page.URL, page.Status, page.Body)
	}
	return browser.Submit(page, url.Values{"password": {password}, "password_confirmation": {again}})
}

// actions returns what was done to a user, the newest first, but for sign-ins.
func (a *administration) actions(target string) string {
	a.t.Helper()
	page, err := a.Audit.List(a.t.Context(), audit.Query{TargetKind: "user", TargetID: target})
	if err != nil {
		a.t.Fatal(err)
	}
	var actions []string
	for _, event := range page.Events {
		if event.Action != audit.SignIn {
			actions = append(actions, string(event.Action))
		}
	}
	return strings.Join(actions, " ")
}

// Whoever was given a password gets nothing for it but the page that asks for another one.
func TestTemporaryPasswordHasToBeChanged(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ada, app := a.hired(token, "ada"), a.Confidential("https://app.example/callback", nil)
		browser, request := a.Browser(), a.Request(app)
		page := browser.SignIn(browser.Open(a.AuthorizeURL(request)), ada)
		if page.Form().ID != "password-form" || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
			a.t.Fatalf("after the sign-in: %d %v\n%s", page.Status, page.Header, page.Body)
		}
		a.Secret(page.Form().Fields.Get("ticket"))

		// There is no way around it.
		for _, address := range []string{a.AuthorizeURL(request), a.Issuer + "/login"} {
			if around := browser.Open(address); around.Form().ID != "login-form" {
				a.t.Errorf("around it by %s: %s", address, around.Body)
			}
		}
		a.wants(a.send(token, http.MethodGet, "/users/"+ada.Subject(), ""), http.StatusOK, `"active_sessions":0`)

		// What can be put right is asked for again, and neither another browser nor another form fits.
		for _, wrong := range []struct {
			password, again string
			status          int
			part            string
		}{
			{newPassword, "another horse battery", http.StatusBadRequest, "password_confirmation-error"},
			{"short", "short", http.StatusBadRequest, "password-error"},
			{ada.Password, ada.Password, http.StatusBadRequest, "the password that you have already"},
		} {
			answer := a.chooses(browser, page, wrong.password, wrong.again)
			if answer.Status != wrong.status || answer.Form().ID != "password-form" || !strings.Contains(answer.Body, wrong.part) {
				a.t.Errorf("%q: %d %s", wrong.password, answer.Status, answer.Body)
			}
		}
		choice := url.Values{"password": {newPassword}, "password_confirmation": {newPassword}}
		for name, forged := range map[string]url.Values{
			"without a form token": {"csrf_token": {""}}, "with that of the sign-in": {"csrf_token": {browser.Open(a.AuthorizeURL(request)).Form().Fields.Get("csrf_token")}},
		} {
			form := testx.Form{Fields: page.Form().With(choice)}
			if answer := browser.Send(a.Issuer+"/login/password", form.With(forged)); answer.Status != http.StatusForbidden {
				a.t.Errorf("%s: %d", name, answer.Status)
			}
		}
		if answer := a.Browser().Send(a.Issuer+"/login/password", page.Form().With(choice)); answer.Status != http.StatusNotFound {
			a.t.Errorf("in another browser: %d", answer.Status)
		}
		if answer := browser.Submit(page, url.Values{"password": {newPassword}, "password_confirmation": {newPassword}, "ticket": {"guessed"}}); answer.Status != http.StatusNotFound {
			a.t.Errorf("with a ticket that is none: %d", answer.Status)
		}

		// The sign-in goes on where it was, once.
		tokens := a.Redeem(app, request, browser.Through(a.chooses(browser, page, newPassword, newPassword), ada))
		a.wants(tokens, http.StatusOK, `"refresh_token":"`)
		if answer := browser.Submit(page, choice); answer.Status == http.StatusOK || answer.Form().ID == "password-form" {
			a.t.Errorf("a second time: %d %s", answer.Status, answer.Body)
		}
		a.wants(a.send(token, http.MethodGet, "/users/"+ada.Subject(), ""), http.StatusOK, `"active_sessions":1`, `"require_password_change":false`)
		if got := a.actions(ada.Subject()); got != "user.password_change user.create" {
			a.t.Errorf("the log has %s", got)
		}
		second := a.Browser()
		if answer := second.SignIn(second.Open(a.Issuer+"/login"), ada); answer.Form().ID != "login-form" {
			a.t.Errorf("the old password still does something: %s", answer.Body)
		}
		ada.Password = newPassword
		if answer := second.SignIn(second.Open(a.Issuer+"/login"), ada); answer.Form().ID != "" {
			a.t.Errorf("the new one does not sign in: %s", answer.Body)
		}
	})
}

// Without an interaction it is the same, and takes ten minutes at most.
func TestNewPasswordWithoutAnApplication(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		ada, browser := a.hired(token, "ada"), a.Browser()
		page := browser.SignIn(browser.Open(a.Issuer+"/login"), ada)
		a.Clock.Advance(10 * time.Minute)
		if late := a.chooses(browser, page, newPassword, newPassword); late.Status != http.StatusNotFound || !strings.Contains(late.Body, "This took too long") {
			a.t.Errorf("late: %d %s", late.Status, late.Body)
		}
		page = browser.SignIn(browser.Open(a.Issuer+"/login"), ada)
		other := browser.SignIn(browser.Open(a.Issuer+"/login"), ada) // in a second tab
		if first := a.chooses(browser, page, newPassword, newPassword); first.Status != http.StatusNotFound {
			a.t.Errorf("with a ticket that was replaced: %d", first.Status)
		}
		if done := a.chooses(browser, other, newPassword, newPassword); done.Status != http.StatusOK || !strings.Contains(done.Body, "You are signed in") {
			a.t.Errorf("done: %d %s", done.Status, done.Body)
		}
	})
}

// What somebody has does not count while a new password is required, however that came about.
func TestNothingCountsWhileANewPasswordIsRequired(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		app := a.Confidential("https://app.example/callback", nil)
		start := func(name string) (testx.Person, *testx.Browser, testx.Answer) {
			person, browser, request := a.Person(name), a.Browser(), a.Request(app)
			tokens := a.Redeem(app, request, browser.Through(browser.Open(a.AuthorizeURL(request)), person))
			return person, browser, a.wants(tokens, http.StatusOK)
		}
		dead := func(how string, browser *testx.Browser, tokens testx.Answer) {
			a.t.Helper()
			if page := browser.Open(a.AuthorizeURL(a.Request(app))); page.Form().ID != "login-form" {
				a.t.Errorf("%s: the session goes on: %d %s", how, page.Status, page.Body)
			}
			if answer := a.Token(app, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}}); answer.Text("error") != "invalid_grant" {
				a.t.Errorf("%s: the refresh token: %d %s", how, answer.Status, answer.Body)
			}
			if answer := a.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); answer.Status != http.StatusUnauthorized {
				a.t.Errorf("%s: the access token: %d %s", how, answer.Status, answer.Body)
			}
		}
		marked, browser, tokens := start("marked")
		request := a.Request(app)
		code := browser.Through(browser.Open(a.AuthorizeURL(request)), marked)
		a.change(`UPDATE users SET require_password_change = $1 WHERE id = $2`, true, marked.ID)
		dead("marked", browser, tokens)
		if answer := a.Redeem(app, request, code); answer.Text("error") != "invalid_grant" {
			a.t.Errorf("a code: %d %s", answer.Status, answer.Body)
		}

		required, browser, tokens := start("required")
		a.wants(a.send(token, http.MethodPost, "/users/"+required.Subject()+"/require-password-change", ""), http.StatusOK, `"require_password_change":true`, `"active_sessions":0`)
		dead("required", browser, tokens)
		page := browser.SignIn(browser.Open(a.Issuer+"/login"), required)
		a.chooses(browser, page, newPassword, newPassword)
		if answer := a.Token(app, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}}); answer.Text("error") != "invalid_grant" {
			a.t.Errorf("the refresh token lives again: %d %s", answer.Status, answer.Body)
		}

		reset, browser, tokens := start("reset")
		a.Clock.Advance(time.Second)
		stale := testx.Header("If-Match", `"stale"`)
		a.wants(a.send(token, http.MethodPost, "/users/"+reset.Subject()+"/password", "", stale), http.StatusPreconditionFailed)
		given := a.wants(a.send(token, http.MethodPost, "/users/"+reset.Subject()+"/password", ""), http.StatusOK, `"require_password_change":true`)
		dead("reset", browser, tokens)
		if page := browser.SignIn(browser.Open(a.Issuer+"/login"), reset); page.Form().ID != "login-form" {
			a.t.Errorf("the password of before: %s", page.Body)
		}
		reset.Password = given.Text("temporary_password")
		a.Secret(reset.Password)
		a.chooses(browser, browser.SignIn(browser.Open(a.Issuer+"/login"), reset), newPassword, newPassword)
		if got := a.actions(reset.Subject()); !strings.HasPrefix(got, "user.password_change user.password_reset") {
			a.t.Errorf("the log has %s", got)
		}
		root := a.administrator("root").Subject()
		a.wants(a.send(token, http.MethodPost, "/users/"+root+"/password", ""), http.StatusConflict, "user.last_administrator")
	})
}

// An invitation works once, for three days, and only the newest.
func TestInvitation(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "account: an invitation is used once")
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const order = `{"username":"ada","invitation":true}`
		key := testx.Header("Idempotency-Key", "order-1")
		made := a.wants(a.send(token, http.MethodPost, "/users", order, key), http.StatusCreated, `"has_password":false`)
		again := a.wants(a.send(token, http.MethodPost, "/users", order, key), http.StatusCreated)
		if again.Header.Get("Idempotent-Replayed") != "true" || strings.Contains(again.Body, `"invitation"`) {
			a.t.Errorf("sent again: %s", again.Body)
		}
		id := made.Text("id")
		address := func(answer map[string]any) string {
			link, _ := answer["url"].(string)
			ticket, found := strings.CutPrefix(link, a.Issuer+"/invitation/")
			if !found {
				a.t.Fatalf("the URL is %q", link)
			}
			a.Secret(ticket)
			return link
		}
		first := address(made.JSON["invitation"].(map[string]any))
		browser := a.Browser()
		page := browser.Open(first)
		if page.Status != http.StatusOK || page.Form().ID != "password-form" || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
			a.t.Fatalf("the page: %d %v\n%s", page.Status, page.Header, page.Body)
		}
		if answer := a.chooses(browser, page, newPassword, "another"); answer.Status != http.StatusBadRequest {
			a.t.Errorf("two passwords: %d", answer.Status)
		}
		if answer := a.chooses(browser, page, "short", "short"); answer.Status != http.StatusBadRequest {
			a.t.Errorf("a short password: %d", answer.Status)
		}

		a.wants(a.send(token, http.MethodPost, "/users/"+id+"/invitation", "", testx.Header("If-Match", `"stale"`)), http.StatusPreconditionFailed)
		second := address(a.wants(a.send(token, http.MethodPost, "/users/"+id+"/invitation", ""), http.StatusCreated, `"expires_at":"2026-11-28T12:00:00Z"`).JSON)
		gone := func(how string, page testx.Answer, link string) {
			a.t.Helper()
			if answer := a.chooses(browser, page, newPassword, newPassword); answer.Status != http.StatusNotFound {
				a.t.Errorf("%s: %d", how, answer.Status)
			}
			if answer := browser.Open(link); answer.Status != http.StatusNotFound || !strings.Contains(answer.Body, "This link doesn’t work") {
				a.t.Errorf("%s: %d %s", how, answer.Status, answer.Body)
			}
		}
		gone("replaced", page, first)
		page = browser.Open(second)
		a.Clock.Advance(72 * time.Hour)
		gone("expired", page, second)

		token = testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
		third := address(a.wants(a.send(token, http.MethodPost, "/users/"+id+"/invitation", ""), http.StatusCreated).JSON)
		page = browser.Open(third)
		a.Secret(newPassword)
		if answer := a.chooses(browser, page, newPassword, newPassword); answer.Status != http.StatusOK || !strings.Contains(answer.Body, "Your account is ready") {
			a.t.Errorf("done: %d %s", answer.Status, answer.Body)
		}
		gone("used", page, third)
		ada := testx.Person{Password: newPassword}
		ada.Username = "ada"
		if answer := browser.SignIn(browser.Open(a.Issuer+"/login"), ada); !strings.Contains(answer.Body, "You are signed in") {
			a.t.Errorf("the sign-in: %d %s", answer.Status, answer.Body)
		}
		if got := a.actions(id); got != "invitation.use invitation.create invitation.create invitation.create user.create" {
			a.t.Errorf("the log has %s", got)
		}

		a.wants(a.send(token, http.MethodPost, "/users/"+id+"/disable", ""), http.StatusOK)
		a.wants(a.send(token, http.MethodPost, "/users/"+id+"/invitation", ""), http.StatusConflict, "user.disabled")
		for _, wrong := range []string{
			`{"username":"bob"}`, `{"username":"bob","invitation":true,"temporary_password":true}`, `{"username":"bob","invitation":true,"password":"correct horse of bob"}`,
			`{"username":"bob","invitation":true,"state":"disabled"}`, `{"username":"bob","invitation":false}`,
		} {
			a.wants(a.send(token, http.MethodPost, "/users", wrong), http.StatusUnprocessableEntity)
		}
	})
}

// A temporary password that nobody used in three days is worth nothing, which only the log and the administrator are told.
func TestTemporaryPasswordExpires(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		made, given := a.hired(token, "ada"), a.Person("bob")
		reset := a.wants(a.send(token, http.MethodPost, "/users/"+given.Subject()+"/password", ""), http.StatusOK, `"password_expires_at":"2026-11-28T12:00:00Z"`)
		given.Password = reset.Text("temporary_password")
		a.Secret(given.Password)
		if letters := strings.ReplaceAll(given.Password, "-", ""); len(letters) != 26 { // of 5 bits each
			a.t.Errorf("the password has %d letters", len(letters))
		}
		for _, person := range []testx.Person{made, given} {
			a.Clock.Advance(-time.Microsecond)
			a.Clock.Advance(72 * time.Hour)
			browser := a.Browser()
			if page := browser.SignIn(browser.Open(a.Issuer+"/login"), person); page.Form().ID != "password-form" {
				a.t.Errorf("%s in time: %d %s", person.Username, page.Status, page.Body)
			}
			a.Clock.Advance(time.Microsecond)
			late := browser.SignIn(browser.Open(a.Issuer+"/login"), person)
			if late.Status != http.StatusForbidden || !strings.Contains(late.Body, "don’t match") {
				a.t.Errorf("%s later: %d %s", person.Username, late.Status, late.Body)
			}
			logged, err := a.Audit.List(a.t.Context(), audit.Query{Action: audit.SignIn, TargetID: person.Subject(), TargetKind: "user", Limit: 1})
			if err != nil || len(logged.Events) != 1 || logged.Events[0].Outcome != audit.Failure || logged.Events[0].Details.Reason != "password_expired" {
				a.t.Errorf("the log says %+v, %v", logged.Events, err)
			}
			a.Clock.Advance(-72 * time.Hour)
		}
	})
}

// A password that an administrator chose has to be changed, unless it is said that it hasn't.
func TestChosenPasswordHasToBeChanged(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const password = "correct horse of everyone"
		a.Secret(password)
		for said, wanted := range map[string]string{``: "true", `,"require_password_change":null`: "true", `,"require_password_change":true`: "true", `,"require_password_change":false`: "false"} {
			name := "user" + strconv.Itoa(len(said)) + wanted + strconv.FormatBool(strings.Contains(said, "null"))
			made := a.wants(a.send(token, http.MethodPost, "/users", `{"username":"`+name+`","password":"`+password+`"`+said+`}`),
				http.StatusCreated, `"require_password_change":`+wanted)
			if strings.Contains(made.Body, "password_expires_at") {
				a.t.Errorf("%s: it expires: %s", said, made.Body)
			}
			person, browser := testx.Person{Password: password}, a.Browser()
			person.Username = name
			if page := browser.SignIn(browser.Open(a.Issuer+"/login"), person); (page.Form().ID == "password-form") != (wanted == "true") {
				a.t.Errorf("%s: %d %s", said, page.Status, page.Body)
			}
		}
		a.wants(a.send(token, http.MethodPost, "/users", `{"username":"invited","invitation":true}`), http.StatusCreated, `"require_password_change":false`)
	})
}
