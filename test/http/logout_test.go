package http_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/keys"
	"authly/internal/protocol/jose"
	"authly/internal/testx"
)

const (
	afterLogout          = "https://shop.example/signed-out"
	afterLogoutWithQuery = "https://shop.example/signed-out?from=authly"
)

// shopper is a browser in which somebody is signed in to a shop, a client that
// registered where to go after a logout.
type shopper struct {
	*testx.Browser
	w       *World
	shop    testx.Client
	tokens  testx.Answer
	hint    string
	request testx.Request
}

func (w *World) shop(change func(*client.Metadata)) testx.Client {
	w.T.Helper()
	return w.Confidential("https://shop.example/callback", func(n *client.Metadata) {
		n.Name, n.PostLogoutRedirectURIs = "The Shop", []string{afterLogout, afterLogoutWithQuery}
		if change != nil {
			change(n)
		}
	})
}

func (w *World) shopper(change func(*client.Metadata)) shopper {
	w.T.Helper()
	return w.shopperAt(w.shop(change), w.Browser(), w.Ada)
}

func (w *World) shopperAt(shop testx.Client, browser *testx.Browser, person testx.Person) shopper {
	w.T.Helper()
	request := w.Request(shop)
	tokens := w.Redeem(shop, request, browser.Through(browser.Open(w.AuthorizeURL(request)), person))
	if tokens.Status != http.StatusOK {
		w.T.Fatalf("no tokens: %d %s", tokens.Status, tokens.Body)
	}
	return shopper{browser, w, shop, tokens, tokens.Text("id_token"), request}
}

// ask opens the end session endpoint.
func (s shopper) ask(parameters ...url.Values) testx.Answer {
	s.w.T.Helper()
	return s.Open(s.w.Issuer + "/oidc/logout?" + merged(parameters...).Encode())
}

func merged(parameters ...url.Values) url.Values {
	all := url.Values{}
	for _, each := range parameters {
		for name, values := range each {
			all[name] = values
		}
	}
	return all
}

// decide answers the question of the page.
func (s shopper) decide(page testx.Answer, decision string) testx.Answer {
	s.w.T.Helper()
	if id := page.Form().ID; id != "logout-form" {
		s.w.T.Fatalf("the form at %s is %q (%d):\n%s", page.URL, id, page.Status, page.Body)
	}
	return s.Submit(page, url.Values{"decision": {decision}})
}

// silent asks whether the browser is still signed in.
func (s shopper) silent() testx.Answer {
	s.w.T.Helper()
	return s.Open(s.w.AuthorizeURL(s.w.Request(s.shop, set("prompt", "none"))))
}

func (s shopper) mustBeSignedIn() {
	s.w.T.Helper()
	if answer := s.silent(); !answer.Query().Has("code") {
		s.w.T.Errorf("the browser is not signed in any more: %s", answer.Header.Get("Location"))
	}
}

func (s shopper) mustBeSignedOut() {
	s.w.T.Helper()
	if answer := s.silent(); answer.Query().Get("error") != "login_required" {
		s.w.T.Errorf("prompt=none is answered with %d %s", answer.Status, answer.Header.Get("Location"))
	}
}

// isExactly checks where the browser is sent, in every character.
func isExactly(t *testing.T, answer testx.Answer, location string) {
	t.Helper()
	if answer.Status != http.StatusSeeOther || answer.Header.Get("Location") != location {
		t.Errorf("%d %q, want a redirect to %q:\n%s", answer.Status, answer.Header.Get("Location"), location, answer.Body)
	}
}

var (
	signedOutPage = Want{Status: http.StatusOK, Body: []string{`id="page-signed-out"`, "You are signed out"}}
	linkPage      = Want{Status: http.StatusOK, Body: []string{`id="page-signed-out"`, `id="signed-out-continue" href="https://shop.example/signed-out"`, "shop.example"}}
	logoutPage    = Want{Status: http.StatusOK, Body: []string{`id="logout-form"`, "Sign out?"}}
)

func refusedLogout(text string) Want {
	return Want{
		Status: http.StatusBadRequest, Header: map[string]string{"Content-Type": "text/html", "Cache-Control": "no-store"},
		Body: []string{`id="page-error"`, `id="error-code">invalid_request<`, text, "You were not signed out"},
	}
}

const (
	hintIsWrong     = "didn’t issue: id_token_hint is wrong"
	redirectIsWrong = "post_logout_redirect_uri is wrong"
	clientIsWrong   = "client_id and id_token_hint don’t fit"
)

// The rows of the RP-initiated logout plan.
func TestRelyingPartyInitiatedLogout(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 8)
	var scenarios []Scenario
	for name, test := range map[string]struct{ uri, state, location string }{
		"LO-01 hint, URI and a state of 128 characters": {afterLogout, long, afterLogout + "?state=" + long},
		"LO-05 no state is added":                       {afterLogout, "", afterLogout},
		"LO-05 the state is kept in every character":    {afterLogout, `a b&c=d"<é`, afterLogout + "?state=a+b%26c%3Dd%22%3C%C3%A9"},
		"LO-02 the registered query is kept":            {afterLogoutWithQuery, "s", afterLogoutWithQuery + "&state=s"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			scenarios = append(scenarios, Scenario{Name: name + " " + method, Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
				s := w.shopper(nil)
				sent := merged(set("id_token_hint", s.hint), set("post_logout_redirect_uri", test.uri), set("state", test.state))
				var answer testx.Answer
				if method == http.MethodGet {
					answer = s.ask(sent)
				} else {
					answer = s.Send(w.Issuer+"/oidc/logout", sent, testx.Header("Origin", "https://shop.example"), testx.Header("Sec-Fetch-Site", "cross-site"))
				}
				isExactly(w.T, answer, test.location)
				s.mustBeSignedOut()
				return answer
			}})
		}
	}
	for name, sent := range map[string]url.Values{
		"LO-03 no parameters": {}, "LO-03 only a state": set("state", "s"), "LO-06 only ui_locales": set("ui_locales", "de en"),
		"LO-02 a URI without a hint": merged(set("post_logout_redirect_uri", afterLogout), set("state", "s")), "LO-06 only a logout_hint": set("logout_hint", "ada"),
		"LO-02 a URI of nobody":             set("post_logout_redirect_uri", "https://evil.example/"),
		"LO-02 a client that doesn't exist": set("client_id", "client_nobody"),
	} {
		scenarios = append(scenarios, Scenario{Name: name, Want: signedOutPage, WantNot: []string{"Location", "Refresh", "<iframe", "shop.example", "evil.example"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			page := s.ask(sent)
			logoutPage.check(w.T, page)
			refuseText(w.T, page, "evil.example")
			s.mustBeSignedIn()
			if name != "LO-02 a client that doesn't exist" && strings.Contains(page.Body, "asks to sign you out") {
				w.T.Error("somebody asks")
			}
			answer := s.decide(page, "logout")
			s.mustBeSignedOut()
			return answer
		}})
	}
	scenarios = append(scenarios,
		Scenario{Name: "LO-03 hint without a URI", Want: signedOutPage, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			answer := s.ask(set("id_token_hint", s.hint), set("state", "s"))
			s.mustBeSignedOut()
			return answer
		}},
		Scenario{Name: "LO-02 client_id with the person's confirmation", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			page := s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout), set("state", "s"))
			Want{Status: http.StatusOK, Body: []string{"<bdi>The Shop</bdi> asks to sign you out", `name="interaction"`}, Header: map[string]string{"Content-Security-Policy": "form-action 'self' https:"}}.check(w.T, page)
			s.mustBeSignedIn()
			answer := s.decide(page, "logout")
			isExactly(w.T, answer, afterLogout+"?state=s")
			s.mustBeSignedOut()
			return answer
		}},
		Scenario{Name: "LO-06 the person stays", Want: Want{Status: http.StatusOK, Body: []string{"You are signed in"}}, WantNot: []string{"shop.example"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			answer := s.decide(s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout)), "stay")
			s.mustBeSignedIn()
			return answer
		}},
		Scenario{Name: "LO-01 nobody is signed in, with hint and URI", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			s.ask(set("id_token_hint", s.hint))
			answer := s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
			isExactly(w.T, answer, afterLogout)
			return answer
		}},
		Scenario{Name: "LO-01 nobody is signed in, and the hint is older than any session", Want: linkPage, WantNot: []string{"Location", "<script", "http-equiv"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			s.ask(set("id_token_hint", s.hint))
			w.Clock.Advance(w.Settings.Sessions.Lifetime + time.Second)
			return s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
		}},
		Scenario{Name: "LO-01 nobody is signed in, and the client registered itself", Want: linkPage, WantNot: []string{"Location", "<script", "http-equiv"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			s.ask(set("id_token_hint", s.hint))
			changed, err := w.Database().Write(w.T.Context()).Exec(w.T.Context(), `UPDATE clients SET registered_openly = $1 WHERE id = $2`, true, s.shop.ID)
			if err != nil || changed != 1 {
				w.T.Fatalf("%d clients, %v", changed, err)
			}
			return s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
		}},
		Scenario{Name: "LO-02 nobody is signed in, and the client is not proved", Want: signedOutPage, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			s := shopper{Browser: w.Browser(), w: w, shop: w.shop(nil)}
			return s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout))
		}},
		Scenario{Name: "LO-04 an expired hint", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			w.Clock.Advance(2 * time.Hour)
			isExactly(w.T, s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout)), afterLogout)
			s.mustBeSignedOut()
			return s.silent()
		}},
		Scenario{Name: "LO-04 a hint of a retired key", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			_, err := w.Keys().Rotate(w.T.Context(), keys.RotateOptions{Force: true})
			must(w.T, err)
			fresh := w.shopper(nil)
			if a, b := keyID(w.T, s.hint), keyID(w.T, fresh.hint); a == b {
				w.T.Fatal("the key did not change")
			}
			isExactly(w.T, s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout)), afterLogout)
			s.mustBeSignedOut()
			return s.silent()
		}},
		Scenario{Name: "LO-04 a hint with a pairwise subject names the same person", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			s := w.shopper(func(n *client.Metadata) { n.SubjectType = client.SubjectPairwise })
			answer := s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
			s.mustBeSignedOut()
			return answer
		}},
	)
	play(t, scenarios)
}

// Whatever is wrong with a request signs nobody out and sends nobody anywhere.
func TestRefusedLogouts(t *testing.T) {
	t.Parallel()
	type change = func(w *World, s shopper) url.Values
	valid := func(s shopper) url.Values {
		return merged(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
	}
	hint := func(alter func(w *World, s shopper) string) change {
		return func(w *World, s shopper) url.Values { return merged(valid(s), set("id_token_hint", alter(w, s))) }
	}
	uri := func(text string) change {
		return func(_ *World, s shopper) url.Values { return merged(valid(s), set("post_logout_redirect_uri", text)) }
	}
	tests := map[string]struct {
		want Want
		sent change
	}{
		"alg none": {refusedLogout(hintIsWrong), hint(func(_ *World, s shopper) string {
			return encoded(`{"alg":"none","typ":"JWT"}`) + "." + strings.Split(s.hint, ".")[1] + "."
		})},
		"another's signature": {refusedLogout(hintIsWrong), hint(func(w *World, s shopper) string { return signedByAnother(w.T, s.hint) })},
		"an altered payload": {refusedLogout(hintIsWrong), hint(func(_ *World, s shopper) string {
			parts := strings.Split(s.hint, ".")
			return parts[0] + "." + encoded(`{"iss":"x"}`) + "." + parts[2]
		})},
		"an access token":       {refusedLogout(hintIsWrong), hint(func(_ *World, s shopper) string { return s.tokens.Text("access_token") })},
		"no token":              {refusedLogout(hintIsWrong), hint(func(*World, shopper) string { return "x" })},
		"another client's hint": {refusedLogout(clientIsWrong), func(w *World, s shopper) url.Values { return merged(valid(s), set("client_id", w.Other.ClientID)) }},
		"a hint twice":          {Want{Status: http.StatusBadRequest, Body: []string{`id="page-error"`, "more than once"}}, func(_ *World, s shopper) url.Values { return merged(valid(s), set("id_token_hint", s.hint, s.hint)) }},
		"a URI twice":           {Want{Status: http.StatusBadRequest, Body: []string{`id="page-error"`}}, uriTwice},
		"an unregistered URI":   {refusedLogout(redirectIsWrong), uri("https://shop.example/elsewhere")},
		"a query was added":     {refusedLogout(redirectIsWrong), uri(afterLogout + "?x=1")},
		"a query is missing":    {refusedLogout(redirectIsWrong), uri("https://shop.example/signed-out?")},
		"a redirect URI":        {refusedLogout(redirectIsWrong), uri("https://shop.example/callback")},
		"a fragment":            {refusedLogout(redirectIsWrong), uri(afterLogout + "#x")},
		"another case":          {refusedLogout(redirectIsWrong), uri("https://SHOP.example/signed-out")},
		"a user name": {refusedLogout(redirectIsWrong), func(w *World, s shopper) url.Values {
			w.Holds("redirect: after a logout")
			return uri("https://shop.example@evil.example/signed-out")(w, s)
		}},
		"a port":     {refusedLogout(redirectIsWrong), uri("https://shop.example:443/signed-out")},
		"javascript": {refusedLogout(redirectIsWrong), uri("javascript:alert(1)")},
		"client_id and a URI": {refusedLogout(redirectIsWrong), func(_ *World, s shopper) url.Values {
			return merged(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", "https://evil.example/"))
		}},
		"an unknown client's": {refusedLogout(redirectIsWrong), func(*World, shopper) url.Values {
			return merged(set("client_id", "client_nobody"), set("post_logout_redirect_uri", afterLogout))
		}},
		"a deleted client's URI": {refusedLogout(redirectIsWrong), func(w *World, s shopper) url.Values {
			return merged(valid(w.deletedShopper()), set("x", s.shop.ClientID))
		}},
	}
	var scenarios []Scenario
	for name, test := range tests {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			scenarios = append(scenarios, Scenario{
				Name: "LO-02 " + name + " " + method, Want: test.want, WantNot: []string{"Location", "Set-Cookie", "Refresh"},
				Do: func(w *World) testx.Answer {
					s := w.shopper(nil)
					sent := test.sent(w, s)
					var answer testx.Answer
					if method == http.MethodGet {
						answer = s.ask(sent)
					} else {
						answer = s.Send(w.Issuer+"/oidc/logout", sent)
					}
					s.mustBeSignedIn()
					return answer
				},
			})
		}
	}
	play(t, scenarios)
}

func uriTwice(w *World, s shopper) url.Values {
	w.Holds("redirect: after a logout, twice")
	return merged(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout, "https://evil.example/"))
}

// deletedShopper is signed in to a shop that is not registered any more.
func (w *World) deletedShopper() shopper {
	w.T.Helper()
	s := w.shopper(nil)
	must(w.T, w.Clients.Delete(w.T.Context(), s.shop.ID))
	return s
}

// Who is meant is not certain, or it is not certain that the person wants it: the
// person decides, and nothing has happened before.
func TestLogoutsThatAskThePerson(t *testing.T) {
	t.Parallel()
	asks := func(name string, do func(w *World) (shopper, url.Values)) Scenario {
		return Scenario{Name: name, Want: Want{}, Do: func(w *World) testx.Answer {
			s, sent := do(w)
			page := s.ask(sent)
			logoutPage.check(w.T, page)
			s.mustBeSignedIn()
			answer := s.decide(page, "logout")
			s.mustBeSignedOut()
			return answer
		}}
	}
	scenarios := []Scenario{
		asks("LO-04 a hint of another session of the same person", func(w *World) (shopper, url.Values) {
			shop := w.shop(nil)
			elsewhere := w.shopperAt(shop, w.Browser(), w.Ada)
			return w.shopperAt(shop, w.Browser(), w.Ada), set("id_token_hint", elsewhere.hint)
		}),
		asks("LO-04 a hint of another person", func(w *World) (shopper, url.Values) {
			shop := w.shop(nil)
			elsewhere := w.shopperAt(shop, w.Browser(), w.Person("bob"))
			return w.shopperAt(shop, w.Browser(), w.Ada), merged(set("id_token_hint", elsewhere.hint), set("post_logout_redirect_uri", afterLogout))
		}),
		asks("a hint of a client that was disabled", func(w *World) (shopper, url.Values) {
			s := w.shopper(nil)
			hint := s.hint
			must(w.T, w.Clients.Disable(w.T.Context(), s.shop.ID))
			return w.shopperAt(w.shop(nil), s.Browser, w.Ada), set("id_token_hint", hint)
		}),
		{Name: "a hint of a client that was deleted", Want: signedOutPage, Do: func(w *World) testx.Answer {
			s := w.deletedShopper()
			return s.decide(s.ask(set("id_token_hint", s.hint)), "logout")
		}},
		{Name: "the client is deleted while the person is asked", Want: signedOutPage, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			page := s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout))
			must(w.T, w.Clients.Delete(w.T.Context(), s.shop.ID))
			return s.decide(page, "logout")
		}},
		{Name: "the address is taken back while the person is asked", Want: signedOutPage, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			page := s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout))
			changed := s.shop.Metadata
			changed.PostLogoutRedirectURIs = nil
			_, err := w.Clients.Replace(w.T.Context(), s.shop.ID, changed)
			must(w.T, err)
			return s.decide(page, "logout")
		}},
		{Name: "the question has expired", Want: signedOutPage, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			page := s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout))
			w.Clock.Advance(16 * time.Minute)
			answer := s.decide(page, "logout")
			s.mustBeSignedOut()
			return answer
		}},
		{Name: "a handle that never was", Want: logoutPage, WantNot: []string{"Location", "The Shop"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			defer s.mustBeSignedIn()
			return s.ask(set("handle", strings.Repeat("A", 43)), set("post_logout_redirect_uri", afterLogout))
		}},
	}
	play(t, scenarios)
}

func cookies(browser *testx.Browser) string {
	var all []string
	for _, each := range browser.Cookies() {
		all = append(all, each.Name+"="+each.Value)
	}
	return strings.Join(all, "; ")
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// signedByAnother returns the token with the same payload and key ID, signed by a
// key that is not the server's.
func signedByAnother(t *testing.T, token string) string {
	t.Helper()
	_, claims := jwt(t, token)
	another := newSigningKey(t, jose.RS256)
	another.KeyID = keyID(t, token)
	signed, err := jose.Sign(another, jose.TypeJWT, claims)
	must(t, err)
	return signed
}

func keyID(t *testing.T, token string) string {
	t.Helper()
	header, _ := jwt(t, token)
	id, _ := header["kid"].(string)
	return id
}
