package http_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/testx"
)

// An interaction refers to the session in which the person signed in or chose an account. When that session
// ends, by whatever way, the interaction asks for a sign-in, shows nothing of the person, and is answered about
// the person who signs in then.
func TestInteractionOfAnEndedSession(t *testing.T) {
	t.Parallel()
	ways := map[string]func(w *World, browser *testx.Browser, ada testx.Person){
		"signed out": func(w *World, browser *testx.Browser, _ testx.Person) {
			page := browser.Open(w.Issuer + "/logout")
			browser.Submit(page, set("decision", "logout"))
		},
		"ended by an administrator": func(w *World, _ *testx.Browser, ada testx.Person) {
			a := &administration{w.Server, w.T}
			token := testx.Bearer(a.own(a.robot(), "admin:sessions:write", w.Issuer+adminPath))
			a.wants(a.send(token, http.MethodDelete, "/sessions/"+w.sessionOf("user_id="+ada.ID.String()).String(), ""), http.StatusNoContent)
		},
		"account disabled": func(w *World, _ *testx.Browser, ada testx.Person) { must(w.T, w.Users.Disable(w.T.Context(), ada.ID)) },
		"account deleted":  func(w *World, _ *testx.Browser, ada testx.Person) { must(w.T, w.Users.Delete(w.T.Context(), ada.ID)) },
		"password changed": func(w *World, _ *testx.Browser, ada testx.Person) {
			must(w.T, w.Users.SetPassword(w.T.Context(), ada.ID, secret.FromString("purple bicycles in winter")))
		},
	}
	type point struct {
		prompt string
		reach  func(browser *testx.Browser, page testx.Answer, ada testx.Person) testx.Answer
		form   string     // the page that is shown when the session ends
		answer url.Values // what is sent with it afterwards
	}
	stay := func(_ *testx.Browser, page testx.Answer, _ testx.Person) testx.Answer { return page }
	points := map[string]point{
		"at the consent":                  {"", stay, "consent-form", set("decision", "allow")},
		"at the refusal of consent":       {"", stay, "consent-form", set("decision", "deny")},
		"at the consent after signing in": {"login consent", func(b *testx.Browser, page testx.Answer, ada testx.Person) testx.Answer { return b.SignIn(page, ada) }, "consent-form", set("decision", "allow")},
		"at the choice of an account":     {"select_account consent", stay, "select-account-form", set("account", "current")},
		"at the consent after the choice": {"select_account consent", func(b *testx.Browser, page testx.Answer, _ testx.Person) testx.Answer {
			return b.Submit(page, set("account", "current"))
		}, "consent-form", set("decision", "allow")},
		"where the person has to come back": {"login", stay, "login-form", nil},
	}
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, unlimited)
			bob := w.Person("bob")
			for way, end := range ways {
				for where, at := range points {
					t.Run(way+" "+where, func(t *testing.T) {
						each := *w
						each.T, each.Server = t, w.In(t)
						name := "ada-" + strings.ToLower(rand.Text()[:12])
						ada, known, browser := each.Person(name), each.Confidential("https://shop.example/callback", nil), each.Browser()
						browser.SignIn(browser.Open(each.Issuer+"/login"), ada)
						request := each.Request(known, url.Values{"scope": {"openid"}})
						if at.prompt != "" {
							request = each.Request(known, url.Values{"scope": {"openid"}, "prompt": {at.prompt}})
						}
						page := at.reach(browser, browser.Open(each.AuthorizeURL(request)), ada)
						if page.Status != http.StatusOK || page.Form().ID != at.form || !strings.Contains(page.Body, name) {
							t.Fatalf("%d, not the page %s for %s:\n%s", page.Status, at.form, name, page.Body)
						}
						interaction := page.Form().Fields.Get("interaction")
						end(&each, browser, ada)

						asked := map[string]testx.Answer{}
						for _, path := range []string{"/login", "/consent", "/select-account", "/oauth/authorize"} {
							asked[path] = browser.Open(each.Issuer + path + "?" + set("interaction", interaction).Encode())
						}
						if at.answer != nil {
							asked["the page's form"] = browser.Submit(page, at.answer)
						}
						for from, answer := range asked {
							if answer.Status != http.StatusOK || answer.Form().ID != "login-form" || strings.Contains(answer.Body, name) || answer.Form().Fields.Get("interaction") != interaction {
								t.Errorf("%s: %d, not a sign-in that knows no one:\n%s", from, answer.Status, answer.Body)
							}
						}
						response := browser.Through(asked["/login"], bob)
						tokens := each.Redeem(known, request, response)
						if _, claims := jwt(t, tokens.Text("id_token")); claims["sub"] != bob.Subject() {
							t.Errorf("the answer is about %v, want %s", claims["sub"], bob.Subject())
						}
					})
				}
			}
		})
	}
}
