package http_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/config"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

const checkSession = "/oidc/check-session"

var watched = testx.WithConfig(func(c *config.Config) { c.Logout.SessionManagement = true })

// browserState returns the value of the cookie that the frame reads, "" if there is none.
func browserState(browser *testx.Browser) string {
	for _, each := range browser.Cookies() {
		if each.Name == "authly_browser_state" {
			return each.Value
		}
	}
	return ""
}

// holds tells whether a session_state is what the frame would make now (OpenID Connect
// Session Management 1.0 section 3.2).
func holds(sessionState, clientID, origin, browserState string) bool {
	_, salt, _ := strings.Cut(sessionState, ".")
	digest := sha256.Sum256([]byte(clientID + " " + origin + " " + browserState + " " + salt))
	return salt != "" && sessionState == base64.RawURLEncoding.EncodeToString(digest[:])+"."+salt
}

func TestSessionManagementThatIsOff(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{Name: "no frame", Want: Want{Status: http.StatusNotFound}, Do: func(w *World) testx.Answer { return w.Get(checkSession) }},
		{Name: "no metadata", Want: Want{Status: http.StatusOK}, WantNot: []string{"check_session_iframe"}, Do: func(w *World) testx.Answer {
			return w.Get("/.well-known/openid-configuration")
		}},
		{Name: "no state and no cookie", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"session_state": ""}}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			if browserState(s.Browser) != "" {
				w.T.Error("there is a cookie")
			}
			return s.silent()
		}},
	})
}

func TestSessionManagement(t *testing.T) {
	t.Parallel()
	const origin = "https://shop.example"
	state := func(w *World, s shopper, answer testx.Answer) string {
		w.T.Helper()
		got := answer.Response().Get("session_state")
		if !holds(got, s.shop.ClientID, origin, browserState(s.Browser)) {
			w.T.Errorf("session_state is %q", got)
		}
		return got
	}
	play(t, []Scenario{
		{Name: "the frame", Want: Want{Status: http.StatusOK, Header: map[string]string{"Content-Security-Policy": "frame-ancestors *", "Content-Type": "text/html"}}, WantNot: []string{"X-Frame-Options", "Set-Cookie"}, Do: func(w *World) testx.Answer {
			return w.Get(checkSession)
		}},
		{Name: "each response has the state of the browser, salted", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			before := browserState(s.Browser)
			first, second := s.silent(), s.silent()
			if state(w, s, first) == state(w, s, second) {
				w.T.Error("the salt is the same")
			}
			if browserState(s.Browser) != before || before == "" {
				w.T.Error("a silent sign-in changes the state")
			}
			state(w, s, s.Open(w.AuthorizeURL(w.Request(s.shop, set("prompt", "none"), set("response_mode", "form_post")))))
			signed := s.Open(w.AuthorizeURL(w.Request(s.shop, set("prompt", "none"), set("response_mode", "jwt"))))
			_, claims := jwt(w.T, signed.Query().Get("response"))
			if text, _ := claims["session_state"].(string); !holds(text, s.shop.ClientID, origin, before) || len(signed.Query()) != 1 {
				w.T.Errorf("the claims are %v", claims)
			}
			return second
		}},
		{Name: "another for each client, sign-in and person, and none after a logout", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired, Redirect: map[string]string{"session_state": ""}}, Do: func(w *World) testx.Answer {
			s, person := w.shopper(nil), w.Person("cleo")
			old, was := state(w, s, s.silent()), browserState(s.Browser)
			if holds(old, w.shop(nil).ClientID, origin, was) || holds(old, s.shop.ClientID, "https://evil.example", was) {
				w.T.Error("it holds for others")
			}
			again := s.Through(s.Open(w.AuthorizeURL(w.Request(s.shop, set("prompt", "login")))), w.Ada)
			if state(w, s, again); holds(old, s.shop.ClientID, origin, browserState(s.Browser)) {
				w.T.Error("another sign-in changed nothing")
			}
			old = state(w, s, s.silent())
			s.SignIn(s.Open(w.Issuer+"/login?switch=1"), person)
			if holds(old, s.shop.ClientID, origin, browserState(s.Browser)) {
				w.T.Error("another person changed nothing")
			}
			s.decide(s.Open(w.Issuer+"/logout"), "logout")
			if browserState(s.Browser) != "" {
				w.T.Error("the state is still there after the logout")
			}
			return s.silent()
		}},
		{Name: "a session that has expired is noticed", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			state(w, s, s.silent())
			kept := cookies(s.Browser)
			ask := func(destination string) testx.Answer {
				return w.Get("/oauth/authorize?"+w.Request(s.shop, set("prompt", "none")).Encode(), testx.Header("Cookie", kept), testx.Header("Sec-Fetch-Dest", destination))
			}
			refuseText(w.T, ask("document"), "Set-Cookie")
			w.Clock.Advance(25 * time.Hour)
			refuseText(w.T, ask("iframe"), "Set-Cookie")
			answer := ask("document")
			Want{Header: map[string]string{"Set-Cookie": "authly_browser_state=; Path=/; Max-Age=0"}}.check(w.T, answer)
			return answer
		}},
		{Name: "a native client has no origin", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"session_state": ""}}, Do: func(w *World) testx.Answer {
			known, browser := w.Public("com.example.app:/callback", nil), w.Browser()
			return browser.Through(browser.Open(w.AuthorizeURL(w.Request(known))), w.Ada)
		}},
		{Name: "a planted state is not taken", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			session := strings.ReplaceAll(cookies(s.Browser), "authly_browser_state="+browserState(s.Browser), "authly_browser_state=planted")
			answer := w.Get("/oauth/authorize?"+w.Request(s.shop, set("prompt", "none")).Encode(), testx.Header("Cookie", session))
			if got := answer.Query().Get("session_state"); got == "" || holds(got, s.shop.ClientID, origin, "planted") {
				w.T.Errorf("session_state is %q", got)
			}
			return answer
		}},
		{Name: "not in what is refused before", Want: Want{Status: http.StatusBadRequest}, WantNot: []string{"session_state"}, Do: func(w *World) testx.Answer {
			return w.shopper(nil).Open(w.Issuer + "/oauth/authorize?" + url.Values{"client_id": {"nobody"}}.Encode())
		}},
	}, watched)
}
