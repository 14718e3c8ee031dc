package http_test

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// underWay is a page in a browser, and how its person would fill it in.
type underWay struct {
	browser *testx.Browser
	page    testx.Answer
	fields  url.Values
}

// pages returns what is under way in the victim's browsers, by the route of the form.
func (s *stolen) pages() map[string]underWay {
	chosen := url.Values{"password": {"my own new horse 1843"}, "password_confirmation": {"my own new horse 1843"}}
	return map[string]underWay{
		"POST /login":          {s.victim, s.login, url.Values{"username": {s.w.Ada.Username}, "password": {s.w.Ada.Password}}},
		"POST /login/password": {s.hurried, s.ticket, chosen},
		"POST /select-account": {s.victim, s.choice, url.Values{"account": {"current"}}},
		"POST /consent":        {s.victim, s.page, url.Values{"decision": {"allow"}}},
		"POST /logout":         {s.victim, s.signOut, url.Values{"decision": {"logout"}}},
	}
}

// Each form of the pages, filled in as its person would: from another site, without its token and
// with the token of another form it does nothing. A new route that takes a form fails the test.
func TestEveryFormIsItsOwnPages(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "flows: every form is its own page's")
			w := newWorld(t, engine, testx.WithConfig(everything), withRegistration(registration.Open), unlimited)
			w.T = t
			s := w.steal()
			pages := s.pages()
			for _, route := range w.Routes() {
				if route.Kind != httpx.Browser || route.Method != http.MethodPost {
					continue
				}
				name := route.Method + " " + route.Path
				at, known := pages[name]
				if isByLink := slices.Contains([]string{"POST /setup", "POST /invitation"}, name); isByLink || slices.Contains(fromOtherSites(), name) {
					continue // the link's secret is in the form itself; or it takes requests of other sites, and asks afterwards
				}
				if delete(pages, name); !known {
					t.Errorf("%s takes a form, and it is not known which", name)
					continue
				}
				before := rows(t, w.Database(), aside...)
				form := at.page.Form().With(at.fields)
				for what, send := range map[string]struct {
					changes url.Values
					headers map[string]string
				}{
					"from another site":               {nil, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}},
					"from a sub-domain":               {nil, map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://evil.authly.example"}},
					"from a page without an origin":   {nil, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "null"}},
					"by an old browser, without site": {nil, map[string]string{"Origin": "https://evil.example"}},
					"without its token":               {set("csrf_token"), nil},
					"with an empty token":             {set("csrf_token", ""), nil},
					"with another form's token":       {set("csrf_token", s.otherToken(at.page)), nil},
					"with its token and one more":     {set("csrf_token", "x", at.page.Form().Fields.Get("csrf_token")), nil},
				} {
					sent := maps.Clone(form)
					for member, values := range send.changes {
						if sent[member] = values; len(values) == 0 {
							delete(sent, member)
						}
					}
					var options []testx.RequestOption
					for header, value := range send.headers {
						options = append(options, testx.Header(header, value))
					}
					answer := at.browser.Send(w.Issuer+route.Path, sent, options...)
					if answer.Status != http.StatusForbidden && answer.Status != http.StatusBadRequest || answer.Header.Get("Location") != "" {
						t.Errorf("%s %s: %d %s", name, what, answer.Status, answer.Body)
					}
				}
				if after := rows(t, w.Database(), aside...); !slices.Equal(before, after) {
					t.Errorf("%s has changed:\n%s", name, difference(before, after))
				}
			}
			for name := range pages {
				t.Errorf("%s is not mounted", name)
			}
			// The control: the same forms work as they are.
			for name, at := range map[string]testx.Answer{
				"consent": s.victim.Decide(s.page, "allow"), "sign-in": s.victim.Through(s.login, w.Ada),
				"password": s.hurried.Submit(s.ticket, url.Values{"password": {"my own new horse 1843"}, "password_confirmation": {"my own new horse 1843"}}),
			} {
				if at.Query().Get("code") == "" && at.Form().ID != "consent-form" {
					t.Errorf("%s: %d %s", name, at.Status, at.Body)
				}
			}
		})
	}
}

// fromOtherSites are the endpoints whose specifications let clients post to them.
func fromOtherSites() []string { return []string{"POST /oauth/authorize", "POST /oidc/logout"} }

// otherToken returns the token of another form in the same browser.
func (s *stolen) otherToken(page testx.Answer) string {
	if page.Form().ID == s.page.Form().ID {
		return s.login.Form().Fields.Get("csrf_token")
	}
	return s.page.Form().Fields.Get("csrf_token")
}

// What a form would do is not done by a link with the same fields.
func TestLinksDoNothing(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "flows: nothing is done by GET")
			w := newWorld(t, engine, testx.WithConfig(everything), withRegistration(registration.Open), unlimited)
			w.T = t
			s := w.steal()
			before := rows(t, w.Database(), aside...)
			for name, at := range s.pages() {
				path := strings.TrimPrefix(name, "POST ")
				answer := at.browser.Open(w.Issuer + path + "?" + at.page.Form().With(at.fields).Encode())
				if strings.HasPrefix(answer.Header.Get("Location"), callback) || answer.Status >= http.StatusInternalServerError {
					t.Errorf("%s: %d %s", path, answer.Status, answer.Header.Get("Location"))
				}
				if after := rows(t, w.Database(), aside...); !slices.Equal(before, after) {
					t.Fatalf("GET %s has changed:\n%s", path, difference(before, after))
				}
			}
			if answer := w.Get("/invitation?" + url.Values{"ticket": {secretOf(w, s.invitation)}, "password": {"mallory's own horse 1843"}, "password_confirmation": {"mallory's own horse 1843"}}.Encode()); answer.Status >= http.StatusInternalServerError {
				t.Errorf("the invitation: %d", answer.Status)
			}
			if page := w.Browser().Open(s.invitation); page.Form().ID != "password-form" {
				t.Errorf("the link of the invitation: %d", page.Status)
			}
			if after := rows(t, w.Database(), aside...); !slices.Equal(before, after) {
				t.Errorf("GET /invitation has changed:\n%s", difference(before, after))
			}
		})
	}
}

// planted sends the cookies of others in front of one's own, as a sub-domain can set them for the
// whole domain, or behind them.
func planted(w *World, theirs, own []*http.Cookie, first bool) testx.RequestOption {
	all := slices.Concat(own, theirs)
	if first {
		all = slices.Concat(theirs, own)
	}
	parts := make([]string, len(all))
	for i, cookie := range all {
		parts[i] = cookie.Name + "=" + cookie.Value
	}
	w.Secret(parts...)
	return testx.Header("Cookie", strings.Join(parts, "; "))
}

// A sub-domain can add cookies to those of this host, in any order. A name that comes twice
// counts as absent, so that nobody is made to act in an attacker's session, or to allow
// something for the attacker's account.
func TestPlantedCookies(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "cookies of a sub-domain", Rule: "flows: cookies of a sub-domain", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired}, Do: func(w *World) testx.Answer {
		mallory := w.Person("mallory" + strings.ToLower(rand.Text()[:8]))
		theirs, ours := w.Browser(), w.SignedIn()
		theirs.Through(theirs.Open(w.AuthorizeURL(w.Request(w.App))), mallory)
		silent := w.AuthorizeURL(w.Request(w.App, set("prompt", "none")))
		for name, browser := range map[string]*testx.Browser{"Ada": ours, "Mallory": theirs} { // the control
			if answer := w.Get(silent, planted(w, nil, browser.Cookies(), false)); answer.Query().Get("code") == "" {
				w.T.Errorf("%s alone: %d %s", name, answer.Status, answer.Body)
			}
		}
		page := ours.Open(w.AuthorizeURL(w.Request(w.stranger())))
		before := rows(w.T, w.Database(), append([]string{"interactions"}, aside...)...)
		var last testx.Answer
		for _, first := range []bool{true, false} {
			both := planted(w, theirs.Cookies(), ours.Cookies(), first)
			if last = w.Get(silent, both); last.Query().Get("code") != "" {
				w.T.Errorf("somebody is signed in: %s", last.Header.Get("Location"))
			}
			if answer := w.Post("/consent", page.Form().With(set("decision", "allow")), both); answer.Query().Get("code") != "" || answer.Status == http.StatusOK {
				w.T.Errorf("something is allowed for somebody: %d %s", answer.Status, answer.Body)
			}
		}
		if after := rows(w.T, w.Database(), append([]string{"interactions"}, aside...)...); !slices.Equal(before, after) {
			w.T.Errorf("it has changed:\n%s", difference(before, after))
		}
		return last
	}}, {Name: "cookies that are made up", Rule: "flows: cookies that are made up", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired}, Do: func(w *World) testx.Answer {
		browser := w.SignedIn()
		page := browser.Open(w.AuthorizeURL(w.Request(w.stranger())))
		silent := w.AuthorizeURL(w.Request(w.App, set("prompt", "none")))
		values := map[string]string{"nothing": "", "a name": "admin", "an id": w.Ada.Subject(), "JSON": `{"user":"ada"}`, "a JWT": w.Tokens(w.App, w.Ada).Text("id_token")}
		for _, each := range browser.Cookies() {
			values["the value of "+each.Name+", shorter"] = each.Value[:len(each.Value)-1]
			values["the value of "+each.Name+", changed"] = "A" + each.Value[1:] + "A"
			values["the value of "+each.Name+", in capitals"] = strings.ToUpper(each.Value)
			if !strings.Contains(each.Name, "session") {
				values["the value of "+each.Name] = each.Value // of another kind
			}
		}
		var last testx.Answer
		for what, value := range values {
			forged := slices.Clone(browser.Cookies())
			for i, each := range forged {
				forged[i] = &http.Cookie{Name: each.Name, Value: url.QueryEscape(value)}
			}
			cookies := planted(w, forged, nil, true)
			if last = w.Get(silent, cookies); last.Query().Get("code") != "" {
				w.T.Errorf("%s signs somebody in: %s", what, last.Header.Get("Location"))
			}
			if answer := w.Post("/consent", page.Form().With(set("decision", "allow")), cookies); answer.Query().Get("code") != "" {
				w.T.Errorf("%s allows something: %d", what, answer.Status)
			}
		}
		return last
	}}})
}

// A second account in another tab, or a step that is left out, gives no code to anybody.
func TestChangesOfMindInTheMiddle(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{Name: "account changed while the consent is shown", Rule: "flows: another account while a page is shown", Want: Want{Status: http.StatusForbidden, Body: []string{`id="consent-form"`}}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser, bob, app := w.SignedIn(), w.Person("bob"+strings.ToLower(rand.Text()[:8])), w.stranger()
			page := browser.Open(w.AuthorizeURL(w.Request(app)))
			w.switched(browser, bob)
			answer := browser.Decide(page, "allow")
			for _, person := range []testx.Person{w.Ada, bob} {
				if _, found, err := w.Grants.Find(w.T.Context(), app.ID, person.ID); found || err != nil {
					w.T.Errorf("%s allows it now: %v", person.Username, err)
				}
			}
			return answer
		}},
		{Name: "account changed while the choice is shown", Rule: "flows: another account while a page is shown", Want: Want{Status: http.StatusForbidden}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser, bob := w.SignedIn(), w.Person("bob"+strings.ToLower(rand.Text()[:8]))
			page := browser.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "select_account"))))
			w.switched(browser, bob)
			return browser.Submit(page, url.Values{"account": {"current"}})
		}},
		{Name: "account changed while the sign-out is shown", Rule: "flows: another account while a page is shown", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			browser, bob := w.SignedIn(), w.Person("bob"+strings.ToLower(rand.Text()[:8]))
			page := browser.Open(w.Issuer + "/logout")
			w.switched(browser, bob)
			if answer := browser.Submit(page, url.Values{"decision": {"logout"}}); answer.Status != http.StatusForbidden {
				w.T.Errorf("the old page: %d", answer.Status)
			}
			silent := browser.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "none")))) // Bob is signed in, and was not asked yet
			if silent.Query().Get("error") != string(oauth.ConsentRequired) && silent.Query().Get("error") != string(oauth.InteractionRequired) {
				w.T.Errorf("nobody is signed in: %s", silent.Header.Get("Location"))
			}
			return silent
		}},
		{Name: "prompt=login that is left", Rule: "flows: a new sign-in is not left out", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			page := browser.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "login"))))
			id := url.Values{"interaction": {interactionOf(page)}}.Encode()
			for _, path := range []string{"/oauth/authorize?", "/consent?", "/select-account?", "/login?"} {
				if answer := browser.Open(w.Issuer + path + id); answer.Form().ID != "login-form" {
					w.T.Errorf("%s goes on without the sign-in: %d %s", path, answer.Status, answer.Header.Get("Location"))
				}
			}
			for _, path := range []string{"/consent", "/select-account"} {
				form := page.Form().With(url.Values{"decision": {"allow"}, "account": {"current"}})
				if answer := browser.Send(w.Issuer+path, form); answer.Query().Get("code") != "" || answer.Form().ID == "" {
					w.T.Errorf("a post to %s goes on without the sign-in: %d %s", path, answer.Status, answer.Header.Get("Location"))
				}
			}
			if answer := browser.Submit(page, url.Values{"username": {w.Ada.Username}, "password": {"not the password"}}); answer.Form().ID != "login-form" {
				w.T.Errorf("a wrong password: %d", answer.Status)
			}
			// What was left has not ended the session.
			answer := browser.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "none"))))
			if answer.Query().Get("code") == "" {
				w.T.Errorf("the session has ended: %s", answer.Header.Get("Location"))
			}
			return answer
		}},
		{Name: "a new sign-in of another person where one is meant", Rule: "flows: a new sign-in is not left out", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired}, Do: func(w *World) testx.Answer {
			hint := w.Tokens(w.App, w.Ada).Text("id_token")
			browser, bob := w.SignedIn(), w.Person("bob"+strings.ToLower(rand.Text()[:8]))
			answer := browser.SignIn(browser.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "login"), set("id_token_hint", hint)))), bob)
			if answer.Query().Get("code") != "" {
				w.T.Errorf("a code for somebody else: %s", answer.Header.Get("Location"))
			}
			return browser.Open(w.AuthorizeURL(w.Request(w.App, set("prompt", "none"), set("id_token_hint", hint))))
		}},
	})
}

// stranger returns a client that nobody has allowed anything.
func (w *World) stranger() testx.Client {
	w.T.Helper()
	return w.Confidential("https://stranger.example/callback", nil)
}

// switched signs another person in, in another tab of the same browser.
func (w *World) switched(browser *testx.Browser, to testx.Person) {
	w.T.Helper()
	page := browser.Open(w.Issuer + "/login?switch=1")
	if page.Form().ID != "login-form" {
		w.T.Fatalf("no sign-in to switch: %d %s", page.Status, page.Body)
	}
	browser.SignIn(page, to)
}
