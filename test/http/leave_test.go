package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// leavePage is what a browser gets in place of a redirect: a page that says where it would go.
func leavePage(t *testing.T, name string, answer testx.Answer, code oauth.ErrorCode) {
	t.Helper()
	status := http.StatusBadRequest
	if code == oauth.AccessDenied {
		status = http.StatusOK
	}
	if answer.Status != status || answer.Header.Get("Location") != "" {
		t.Errorf("%s: %d to %q, want the page\n%s", name, answer.Status, answer.Header.Get("Location"), answer.Body)
		return
	}
	link := "error=" + string(code) + "&amp;"
	for _, part := range []string{`id="page-leave"`, `<strong id="leave-host"><bdi>evil.example</bdi></strong>`, `<code id="leave-code">` + string(code) + `</code>`, `id="leave-continue" href="https://evil.example/callback?`, link, "state=s", "iss="} {
		if !strings.Contains(answer.Body, part) {
			t.Errorf("%s: %s is not in\n%s", name, part, answer.Body)
		}
	}
	if strings.Contains(answer.Body, "http-equiv") || strings.Contains(answer.Body, "<script") {
		t.Errorf("%s: the page can go on by itself:\n%s", name, answer.Body)
	}
}

// RFC 9700 section 4.11.2: a client that anyone could register is no way to send people
// somewhere. Without a consent of the person who is signed in, no error redirects to it.
func TestOpenlyRegisteredClientsAreNoOpenRedirector(t *testing.T) {
	t.Parallel()
	evil := plain.with(object{"redirect_uris": []string{"https://evil.example/callback"}, "grant_types": []string{"authorization_code", "refresh_token"}})
	state := set("state", "s")
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, withRegistration(registration.Open), unlimited)
			w.T = t
			open := func() testx.Client { return w.asClient(w.enrolled("", evil)) }
			request := func(known testx.Client, changes ...url.Values) string {
				return w.AuthorizeURL(w.Request(known, append(changes, state)...))
			}
			none, wrong := set("prompt", "none"), set("code_challenge")

			leavePage(t, "prompt=none, not signed in", w.Browser().Open(request(open(), none)), oauth.LoginRequired)
			leavePage(t, "prompt=none, not allowed", w.SignedIn().Open(request(open(), none)), oauth.ConsentRequired)
			leavePage(t, "prompt=none with something else", w.SignedIn().Open(request(open(), set("prompt", "none login"))), oauth.InvalidRequest)
			leavePage(t, "no code challenge", w.SignedIn().Open(request(open(), wrong)), oauth.InvalidRequest)
			leavePage(t, "wrong scope", w.SignedIn().Open(request(open(), set("scope", "admin:users:read"))), oauth.InvalidScope)
			leavePage(t, "wrong response type", w.SignedIn().Open(request(open(), set("response_type", "token"))), oauth.UnsupportedResponseType)
			leavePage(t, "wrong resource", w.SignedIn().Open(request(open(), set("resource", "https://other.example"))), oauth.InvalidTarget)
			leavePage(t, "posted", w.SignedIn().Send("/oauth/authorize", w.Request(open(), state, wrong).Values), oauth.InvalidRequest)
			browser := w.Browser()
			leavePage(t, "a sign-in first", browser.SignIn(browser.Open(request(open(), wrong)), w.Ada), oauth.InvalidRequest)
			browser = w.SignedIn()
			leavePage(t, "Deny", browser.Decide(browser.Open(request(open())), "deny"), oauth.AccessDenied)

			posted := w.Browser().Open(request(open(), none, set("response_mode", "form_post")))
			for _, part := range []string{`id="page-leave"`, `<form id="leave-form" method="post" action="https://evil.example/callback">`, `name="error" value="login_required"`} {
				if !strings.Contains(posted.Body, part) || strings.Contains(posted.Body, "<script") {
					t.Errorf("form_post: %s is not in\n%s", part, posted.Body)
				}
			}
			signed := w.Browser().Open(request(open(), none, set("response_mode", "jwt")))
			if signed.Header.Get("Location") != "" || !strings.Contains(signed.Body, `id="leave-continue" href="https://evil.example/callback?response=`) {
				t.Errorf("jwt: %d to %s\n%s", signed.Status, signed.Header.Get("Location"), signed.Body)
			}

			// With a consent of that person, the client hears of errors as any other; another person's is none.
			known, own := open(), w.SignedIn()
			if allowed := own.Through(own.Open(request(known)), w.Ada); allowed.Query().Get("code") == "" {
				t.Fatalf("allow: %d %s", allowed.Status, allowed.Body)
			}
			own.Open(request(known, set("scope", "openid email"))) // asks for more; the question stays open
			for name, change := range map[string]url.Values{"wrong": wrong, "none for more": none} {
				told := own.Open(request(known, change, set("scope", "openid email phone")))
				if told.Status != http.StatusSeeOther || told.Query().Get("error") == "" || !strings.HasPrefix(told.Header.Get("Location"), "https://evil.example/callback?") {
					t.Errorf("%s, allowed before: %d to %s", name, told.Status, told.Header.Get("Location"))
				}
			}
			ben, other := w.Person("ben"), w.Browser()
			other.Through(other.Open(w.AuthorizeURL(w.Request(w.App))), ben)
			leavePage(t, "another person's consent", other.Open(request(known, none)), oauth.ConsentRequired)
			leavePage(t, "not signed in, allowed before", w.Browser().Open(request(known, none)), oauth.LoginRequired)
			if _, err := w.Database().Write(t.Context()).Exec(t.Context(), `UPDATE grants SET revoked_at = $1 WHERE client = $2`, w.Clock.Now(), known.ID); err != nil {
				t.Fatal(err)
			}
			leavePage(t, "withdrawn", own.Open(request(known, none)), oauth.ConsentRequired)

			// A consent was to the client as it presented itself: not to one that leads to another host now.
			moving, own := w.enrolled("", plain.with(object{"redirect_uris": []string{"https://nice.example/callback"}})), w.SignedIn()
			if allowed := own.Through(own.Open(request(w.asClient(moving))), w.Ada); allowed.Query().Get("code") == "" {
				t.Fatalf("allow: %d %s", allowed.Status, allowed.Body)
			}
			w.record(http.MethodPut, moving, testx.JSON(evil.with(object{"client_id": moving.Text("client_id")}).String()))
			leavePage(t, "moved", own.Open(request(w.asClient(moving), none)), oauth.ConsentRequired)

			// One that was let in by an initial access token is as trusted as its policy says.
			vouched := w.asClient(w.enrolled(w.permit(registration.NewInitialToken{}), evil))
			if told := w.Browser().Open(request(vouched, none)); told.Status != http.StatusSeeOther || told.Query().Get("error") != "login_required" {
				t.Errorf("with an initial access token: %d to %s", told.Status, told.Header.Get("Location"))
			}
			// Its own update makes no client more trusted.
			changing := w.enrolled("", evil)
			w.record(http.MethodPut, changing, testx.JSON(evil.with(object{"client_id": changing.Text("client_id"), "registered_openly": false}).String()))
			leavePage(t, "after its own update", w.Browser().Open(request(w.asClient(changing), none)), oauth.LoginRequired)
		})
	}
}

// The sign-in page says of a client that registered itself what the consent page says; of others it doesn't.
func TestSignInPageWarnsOfSelfRegisteredClients(t *testing.T) {
	t.Parallel()
	const warning = "This application registered itself. Nobody who runs this server has checked it."
	signIn := func(find func(w *World) testx.Client) func(w *World) testx.Answer {
		return func(w *World) testx.Answer { return w.Browser().Open(w.AuthorizeURL(w.Request(find(w)))) }
	}
	shown := Want{Status: http.StatusOK, Body: []string{`id="page-login"`, `id="login-warning"`, warning}}
	play(t, []Scenario{
		{Name: "open registration", Want: shown, Do: signIn(func(w *World) testx.Client { return w.asClient(w.enrolled("", plain)) })},
		{Name: "an initial access token", Want: shown, Do: signIn(func(w *World) testx.Client {
			return w.asClient(w.enrolled(w.permit(registration.NewInitialToken{}), plain))
		})},
		{Name: "after a wrong password", Want: Want{Body: []string{`id="login-error"`, warning}}, Do: func(w *World) testx.Answer {
			browser := w.Browser()
			page := browser.Open(w.AuthorizeURL(w.Request(w.asClient(w.enrolled("", plain)))))
			return browser.Submit(page, page.Form().With(url.Values{"username": {"ada"}, "password": {"wrong"}}))
		}},
		{Name: "an administrator's client", Want: Want{Status: http.StatusOK, Body: []string{`id="page-login"`}}, WantNot: []string{"login-warning", warning}, Do: signIn(func(w *World) testx.Client { return w.App })},
	}, withRegistration(registration.Open), unlimited)
}
