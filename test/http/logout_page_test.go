package http_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/testx"
)

// Other sites can't sign people out.
func TestLogoutForgery(t *testing.T) {
	t.Parallel()
	evil := []testx.RequestOption{testx.Header("Origin", "https://evil.example"), testx.Header("Sec-Fetch-Site", "cross-site")}
	scenarios := []Scenario{
		{Name: "LO-06 a post to the page from another site", Want: Want{Status: http.StatusForbidden}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			defer s.mustBeSignedIn()
			return s.Send(w.Issuer+"/logout", s.ask().Form().With(set("decision", "logout")), evil...)
		}},
		{Name: "LO-06 a post to the endpoint from another site", Want: logoutPage, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			defer s.mustBeSignedIn()
			return s.Send(w.Issuer+"/oidc/logout", set("decision", "logout"), evil...)
		}},
		{Name: "LO-06 the decision is the endpoint's parameter", Want: logoutPage, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			defer s.mustBeSignedIn()
			return s.ask(s.ask().Form().With(set("decision", "logout")))
		}},
		{Name: "LO-06 a post with the cookie goes on without it", Want: Want{Status: http.StatusSeeOther, Header: map[string]string{"Location": "/oidc/logout?handle="}}, WantNot: []string{"Set-Cookie", "id_token_hint"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			defer s.mustBeSignedIn()
			return w.Post("/oidc/logout", set("id_token_hint", s.hint), append(evil, testx.Header("Cookie", cookies(s.Browser)))...)
		}},
		{Name: "somebody else's handle", Want: logoutPage, Do: func(w *World) testx.Answer {
			shop := w.shop(nil)
			attacker, s := w.shopperAt(shop, w.Browser(), w.Person("eve")), w.shopperAt(shop, w.Browser(), w.Ada)
			handle := w.Post("/oidc/logout", set("id_token_hint", attacker.hint)).Query().Get("handle")
			defer s.mustBeSignedIn()
			return s.ask(set("handle", handle))
		}},
	}
	for name, forge := range map[string]func(w *World, s shopper, form url.Values) url.Values{
		"no token": func(_ *World, _ shopper, form url.Values) url.Values {
			return merged(form, url.Values{"csrf_token": nil})
		},
		"another token": func(_ *World, _ shopper, form url.Values) url.Values {
			return merged(form, set("csrf_token", strings.Repeat("A", 43)))
		},
		"another session's": func(w *World, _ shopper, _ url.Values) url.Values { return w.shopper(nil).ask().Form().Fields },
		"another question's": func(w *World, s shopper, form url.Values) url.Values {
			return merged(form, s.ask(set("client_id", w.Other.ClientID)).Form().Fields, set("interaction", form.Get("interaction")))
		},
		"the sign-in form's": func(w *World, _ shopper, form url.Values) url.Values {
			return merged(form, set("csrf_token", w.Browser().Open(w.Issuer+"/login").Form().Fields.Get("csrf_token")))
		},
		"without the question's": func(_ *World, _ shopper, form url.Values) url.Values {
			return merged(form, url.Values{"interaction": nil})
		},
	} {
		scenarios = append(scenarios, Scenario{Name: "LO-06 the decision with " + name, Want: Want{Status: http.StatusForbidden, Body: []string{"Sign out?"}}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			defer s.mustBeSignedIn()
			page := s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout))
			return s.Send(w.Issuer+"/logout", merged(forge(w, s, page.Form().Fields), set("decision", "logout")))
		}})
	}
	play(t, scenarios)
}

// The page of a person who signs out without being sent.
func TestLogoutPage(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{Name: "nobody is signed in", Want: signedOutPage, Do: func(w *World) testx.Answer { return w.Browser().Open(w.Issuer + "/logout") }},
		{Name: "nobody is signed in, and posts", Want: signedOutPage, Do: func(w *World) testx.Answer { return w.Browser().Send(w.Issuer+"/logout", url.Values{}) }},
		{Name: "stay", Want: Want{Status: 200, Body: []string{"You are signed in"}}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			defer s.mustBeSignedIn()
			return s.decide(s.Open(w.Issuer+"/logout"), "stay")
		}},
		{Name: "sign out, and again", Want: signedOutPage, Do: func(w *World) testx.Answer {
			s, other := w.shopper(nil), w.shopper(nil)
			page := s.Open(w.Issuer + "/logout")
			signedOutPage.check(w.T, s.decide(page, "logout"))
			for _, cookie := range s.Cookies() {
				if strings.Contains(cookie.Name, "session") {
					w.T.Errorf("the cookie %s is still there", cookie.Name)
				}
			}
			s.mustBeSignedOut()
			other.mustBeSignedIn()
			return s.decide(page, "logout")
		}},
		{Name: "a worthless cookie is taken away", Want: Want{Status: 200, Header: map[string]string{"Set-Cookie": "authly_session=; Path=/; Max-Age=0"}}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			planted := cookies(s.Browser)
			s.decide(s.Open(w.Issuer+"/logout"), "logout")
			return w.Get("/logout", testx.Header("Cookie", planted))
		}},
		{Name: "malformed", Want: Want{Status: http.StatusBadRequest}, Do: func(w *World) testx.Answer {
			return w.Post("/logout", url.Values{"x": {strings.Repeat("a", 70_000)}})
		}},
	})
}

// Logging out ends what was issued from the session, offline access excepted.
func TestLogoutEndsTokens(t *testing.T) {
	t.Parallel()
	for _, ways := range []struct {
		name string
		out  func(s shopper)
	}{
		{"by the client", func(s shopper) { s.ask(set("id_token_hint", s.hint)) }},
		{"on the page", func(s shopper) { s.decide(s.Open(s.w.Issuer+"/logout"), "logout") }},
		{"by another user's sign-in", func(s shopper) {
			s.SignIn(s.Open(s.w.Issuer+"/login?switch=1"), s.w.Person("mallory-"+strings.ToLower(rand.Text())))
		}},
	} {
		t.Run(ways.name, func(t *testing.T) {
			t.Parallel()
			play(t, []Scenario{
				{Name: "userinfo, introspection, refresh and code", Want: jsonError(http.StatusBadRequest, "invalid_grant"), Do: func(w *World) testx.Answer {
					shop, browser := w.shop(nil), w.Browser()
					request := w.Request(shop, set("scope", "openid profile"))
					tokens := w.Redeem(shop, request, browser.Through(browser.Open(w.AuthorizeURL(request)), w.Ada))
					pending := w.Request(shop, set("scope", "openid profile"))
					code := browser.Open(w.AuthorizeURL(pending))
					s := shopper{browser, w, shop, tokens, tokens.Text("id_token"), request}
					Want{Status: http.StatusOK}.check(w.T, w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))))
					ways.out(s)
					Want{Status: http.StatusUnauthorized}.check(w.T, w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))))
					Want{Status: 200, Active: "false"}.check(w.T, w.Introspect(shop, tokens.Text("access_token")))
					Want{Status: 200, Active: "false"}.check(w.T, w.Introspect(shop, tokens.Text("refresh_token")))
					jsonError(http.StatusBadRequest, "invalid_grant").check(w.T, w.Redeem(shop, pending, code))
					return w.Token(shop, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}})
				}},
				{Name: "offline access goes on", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
					s := w.shopper(nil)
					ways.out(s)
					return w.Token(s.shop, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.tokens.Text("refresh_token")}})
				}},
			})
		})
	}
}
