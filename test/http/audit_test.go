package http_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/audit"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/registration"
	"authly/internal/testx"
)

// entry is what of an event a story can know beforehand.
type entry struct {
	Action  audit.Action
	Outcome audit.Outcome
	Actor   string
	Target  string
	Reason  string
}

// eventsOfTheStart are those that the server leaves by itself: the clients of its own, and the keys.
func eventsOfTheStart() int { return 2 + 2*len(jose.Algorithms()) }

// events returns the log without what the server does by itself, the oldest event first.
func (w *World) events() []audit.Event {
	w.T.Helper()
	page, err := w.Audit.List(w.T.Context(), audit.Query{Limit: audit.MaxLimit})
	if err != nil {
		w.T.Fatal(err)
	}
	slices.Reverse(page.Events)
	return slices.DeleteFunc(page.Events, func(event audit.Event) bool { return event.Actor.Kind == audit.Server })
}

// since returns what was logged after the first seen events.
func (w *World) since(seen int) (entries []entry) {
	w.T.Helper()
	for _, event := range w.events()[seen:] {
		entries = append(entries, entry{event.Action, event.Outcome, string(event.Actor.Kind) + " " + event.Actor.ID, event.Target.Kind, event.Details.Reason})
	}
	return entries
}

// Each story leaves just these events, which have their origin and no secret.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, testx.WithConfig(func(c *config.Config) { c.Registration.Mode = "initial_access_token" }))
			w.T = t
			w.play(auditStories())
			w.holdSecrets()
			must(t, w.Keys().Tick(t.Context())) // the server makes keys in the background; now they are there
			must(t, w.Audit.Seal(t.Context()))
			found, err := w.Audit.Verify(t.Context(), "")
			must(t, err)
			if !found.OK() || found.Unsealed != 0 || found.Events != int64(len(w.events())+eventsOfTheStart()) {
				t.Errorf("the chain: %+v", found)
			}
		})
	}
}

type auditStory struct {
	name string
	do   func(w *World) []entry // returns what it should have left
}

func (w *World) play(stories []auditStory) {
	w.T.Helper()
	for _, story := range stories {
		seen := len(w.events())
		want := story.do(w)
		if diff := cmp.Diff(want, w.since(seen)); diff != "" {
			w.T.Errorf("%s (-want +got):\n%s", story.name, diff)
		}
	}
}

func auditStories() []auditStory {
	ada := func(w *World) string { return "user " + w.Ada.ID.String() }
	return []auditStory{
		{"a wrong password", func(w *World) []entry {
			browser := w.Browser()
			browser.Submit(w.Authorize(browser), url.Values{"username": {"ada"}, "password": {"not-adas-password-1"}})
			return []entry{{audit.SignIn, audit.Failure, "unknown ", "user", "wrong_credentials"}}
		}},
		{"a password in the wrong field", func(w *World) []entry {
			browser := w.Browser()
			browser.Submit(w.Authorize(browser), url.Values{"username": {"typed-password-by-mistake"}, "password": {"not-adas-password-2"}})
			return []entry{{audit.SignIn, audit.Failure, "unknown ", "", "wrong_credentials"}}
		}},
		{"the right password of somebody who is disabled", func(w *World) []entry {
			eve, browser := w.Person("eve"), w.Browser()
			must(w.T, w.Users.Disable(w.T.Context(), eve.ID))
			browser.SignIn(w.Authorize(browser), eve)
			return []entry{{audit.SignIn, audit.Failure, "unknown ", "user", "user_disabled"}}
		}},
		{"a password that has to be changed, and is", func(w *World) []entry {
			hal, browser := w.Person("hal"), w.Browser()
			must(w.T, w.Users.RequirePasswordChange(w.T.Context(), hal.ID))
			page := browser.SignIn(w.Authorize(browser), hal)
			w.Secret(newPassword)
			browser.Submit(page, url.Values{"password": {newPassword}, "password_confirmation": {newPassword}})
			who := "user " + hal.ID.String()
			return []entry{
				{audit.SignIn, audit.Success, who, "user", "password_change_required"},
				{audit.PasswordChange, audit.Success, who, "user", "required"},
				{audit.SignIn, audit.Success, who, "session", ""},
			}
		}},
		{"a sign-in, a consent, and the same silently", func(w *World) []entry {
			browser := w.Browser()
			browser.Through(w.Authorize(browser), w.Ada)
			w.Authorize(browser)
			return []entry{{audit.SignIn, audit.Success, ada(w), "session", ""}, {audit.ConsentGive, audit.Success, ada(w), "client", ""}}
		}},
		{"a consent that is denied", func(w *World) []entry {
			browser := w.Browser()
			browser.Decide(browser.SignIn(w.Authorize(browser, set("prompt", "consent")), w.Ada), "deny")
			return []entry{{audit.SignIn, audit.Success, ada(w), "session", ""}, {audit.ConsentDeny, audit.Success, ada(w), "client", ""}}
		}},
		{"a code that comes twice", func(w *World) []entry {
			request, browser := w.Request(w.App), w.Browser()
			response := browser.Through(browser.Open(w.AuthorizeURL(request)), w.Ada)
			for range 3 { // the third finds nothing that could end
				w.Redeem(w.App, request, response)
			}
			return []entry{{audit.SignIn, audit.Success, ada(w), "session", ""}, {audit.CodeReplay, audit.Failure, "client " + w.App.ClientID, "token_family", ""}}
		}},
		{"a refresh token that comes too late", func(w *World) []entry {
			first := w.Tokens(w.Native, w.Ada, set("redirect_uri", "http://127.0.0.1:49152/callback"))
			for range 2 {
				w.Token(w.Native, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Text("refresh_token")}})
				w.Clock.Advance(time.Minute)
			}
			return []entry{
				{audit.SignIn, audit.Success, ada(w), "session", ""},
				{audit.ConsentGive, audit.Success, ada(w), "client", ""},
				{audit.RefreshReuse, audit.Failure, "client " + w.Native.ClientID, "token_family", ""},
			}
		}},
		{"a token that is given back", func(w *World) []entry {
			tokens := w.Tokens(w.App, w.Ada)
			w.Revoke(w.App, tokens.Text("refresh_token"))
			return []entry{{audit.SignIn, audit.Success, ada(w), "session", ""}, {audit.TokenRevoke, audit.Success, "client " + w.App.ClientID, "token_family", ""}}
		}},
		{"a token that a client gets for itself leaves nothing but its row, until it is given back", func(w *World) []entry {
			answer := w.Token(w.App, machine())
			if answer.Status != http.StatusOK {
				w.T.Fatal(answer.Body)
			}
			if seen := w.events(); seen[len(seen)-1].Target.Kind == "access_token" {
				w.T.Errorf("an event for a token that was issued: %+v", seen[len(seen)-1])
			}
			for range 2 {
				w.Revoke(w.App, answer.Text("access_token"))
			}
			return []entry{{audit.TokenRevoke, audit.Success, "client " + w.App.ClientID, "access_token", ""}}
		}},
		{"a sign-out", func(w *World) []entry {
			s := w.shopper(nil)
			s.ask(set("id_token_hint", s.hint))
			return []entry{
				{audit.SignIn, audit.Success, ada(w), "session", ""},
				{audit.ConsentGive, audit.Success, ada(w), "client", ""},
				{audit.SignOut, audit.Success, ada(w), "session", ""},
			}
		}},
		{"a client's own record", func(w *World) []entry {
			made := w.enrolled(w.permit(registration.NewInitialToken{}), plain)
			self := "client " + made.Text("client_id")
			w.change(made, object{"client_name": "Another"})
			w.change(made, object{"redirect_uris": []string{"nowhere"}}) // refused
			w.record(http.MethodDelete, made)
			return []entry{
				{audit.InitialCreate, audit.Success, "operator ", "initial_access_token", ""},
				{audit.RegisterClient, audit.Success, self, "client", ""},
				{audit.ClientUpdate, audit.Success, self, "client", ""},
				{audit.ClientDelete, audit.Success, self, "client", ""},
			}
		}},
		{"an initial access token that is revoked twice", func(w *World) []entry {
			made, err := w.InitialTokens.Create(w.T.Context(), registration.NewInitialToken{Name: "partners"}, operator())
			must(w.T, err)
			for range 2 {
				_, err = w.InitialTokens.Revoke(w.T.Context(), made.ID, operator())
				must(w.T, err)
			}
			return []entry{
				{audit.InitialCreate, audit.Success, "operator ", "initial_access_token", ""},
				{audit.InitialRevoke, audit.Success, "operator ", "initial_access_token", ""},
			}
		}},
	}
}

// holdSecrets looks at everything that was logged.
func (w *World) holdSecrets() {
	w.T.Helper()
	for _, event := range w.events() {
		encoded, err := json.Marshal(event)
		must(w.T, err)
		for _, secret := range []string{w.Ada.Password, w.App.Secret, "typed-password-by-mistake", "not-adas-password"} {
			if strings.Contains(string(encoded), secret) {
				w.T.Errorf("%s has a secret: %s", event.Action, encoded)
			}
		}
		if event.Actor.Kind == audit.User && event.Actor.Name != "ada" && event.Actor.Name != "hal" {
			w.T.Errorf("%s was done by %+v", event.Action, event.Actor)
		}
		isRequest := event.Actor.Kind != audit.Operator
		if hasOrigin := event.Origin.Address == "127.0.0.1" && event.Origin.RequestID != ""; hasOrigin != isRequest {
			w.T.Errorf("%s has the origin %+v", event.Action, event.Origin)
		}
	}
}

// Of a flood of attempts, those that were let through are logged, and once that the account is throttled.
func TestRefusedAttemptsAreNotLogged(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, testx.WithConfig(func(c *config.Config) { c.Throttle.AccountBurst = 3 }))
			w.T = t
			browser := w.Browser()
			page := w.Authorize(browser)
			for range 9 {
				browser.Submit(page, url.Values{"username": {"ada"}, "password": {"not-adas-password-3"}})
			}
			if all := w.events(); len(all) != 4 || all[3].Action != audit.SessionThrottle || all[3].Target.ID != w.Ada.ID.String() || all[3].Origin.Address != "127.0.0.1" {
				t.Errorf("three attempts that were let through, and a throttle: %+v", all)
			}
		})
	}
}

// What is issued is in the log, under its own identifier, with who had it issued and without the token.
func TestIssuedTokensAreInTheLog(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, testx.WithConfig(func(c *config.Config) { c.Audit.Tokens = true }))
			w.T = t
			first := w.Tokens(w.App, w.Ada, set("scope", "openid offline_access"))
			second := w.Token(w.App, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Text("refresh_token")}})
			own := w.Token(w.App, machine())
			w.Clock.Advance(time.Minute)
			must(t, w.Audit.Collect(t.Context()))
			ada := "user " + w.Ada.ID.String()
			want := map[string]string{}
			for answer, what := range map[*testx.Answer]string{
				&first: "token.issue " + ada, &second: "token.refresh " + ada, &own: "token.issue client " + w.App.ClientID,
			} {
				_, claims := jwt(t, answer.Text("access_token"))
				want[claims["jti"].(string)] = what
			}
			got := map[string]string{}
			for _, event := range w.events() {
				if event.Action != audit.TokenIssue && event.Action != audit.TokenRefresh {
					continue
				}
				got[event.ID.String()] = string(event.Action) + " " + string(event.Actor.Kind) + " " + event.Actor.ID
				encoded, err := json.Marshal(event)
				must(t, err)
				for _, answer := range []testx.Answer{first, second, own} {
					if strings.Contains(string(encoded), answer.Text("access_token")) || event.Batch == 0 || event.ClientID != w.App.ClientID || event.Target.ID != event.ID.String() {
						t.Errorf("the event %s", encoded)
					}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
