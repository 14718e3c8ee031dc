package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// What is wrong with client or redirect URI is told to the person, and nobody
// is sent anywhere (OAuth 2.1 section 4.1.2.1).
func TestRefusalsThatNeverRedirect(t *testing.T) {
	t.Parallel()
	page := Want{Status: http.StatusBadRequest, Header: map[string]string{"Content-Type": "text/html", "Cache-Control": "no-store"}, Body: []string{`id="error-code"`}}
	var scenarios []Scenario
	add := func(rule, name string, known func(w *World) testx.Client, query func(url.Values) string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			scenarios = append(scenarios, Scenario{
				Name: name + " " + method, Rule: rule, Want: page, WantNot: []string{"Location", "Set-Cookie", "<script"},
				Do: func(w *World) testx.Answer {
					sent := query(w.Request(known(w)).Values)
					if method == http.MethodGet {
						return w.Get("/oauth/authorize?" + sent)
					}
					form, err := url.ParseQuery(sent)
					if err != nil {
						w.T.Skip("can't be sent as a form")
					}
					return w.Post("/oauth/authorize", form)
				},
			})
		}
	}
	app := func(w *World) testx.Client { return w.App }
	native := func(w *World) testx.Client { return w.Native }
	for _, group := range []struct {
		rule string
		uris []string
	}{
		{"redirect: case", []string{"https://APP.example/callback", "HTTPS://app.example/callback", "https://app.example/Callback"}},
		{"redirect: port", []string{"https://app.example:443/callback", "https://app.example:8443/callback"}},
		{"redirect: trailing slash", []string{callback + "/"}},
		{"redirect: @", []string{"https://app.example@evil.example/callback", "https://user:password@app.example/callback"}},
		{"redirect: backslash", []string{`https://app.example\@evil.example/callback`}},
		{"redirect: tab", []string{callback + "\t"}},
		{"redirect: CR", []string{callback + "\r\nX: y"}},
		{"redirect: encoding", []string{callback + "%00", "https://app.example/%2e%2e/callback", "https://app.example/%63allback"}},
		{"redirect: ..", []string{"https://app.example/x/../callback"}},
		{"redirect: ..;", []string{"https://app.example/..;/callback"}},
		{"redirect: fragment", []string{callback + "#x", callback + "#"}},
		{"redirect: punycode", []string{"https://xn--app-example.example/callback", "https://аpp.example/callback"}},
		{"redirect: javascript and data", []string{"javascript:alert(1)", "data:text/html,x", "https://app.example/callback javascript:alert(1)"}},
		{"", []string{
			"", callback + "/x", callback + "?x=1", "http://app.example/callback", "https://app.example.evil.example/callback", "https://evil.example/https://app.example/callback",
			"https://app.example//callback", "//app.example/callback", "/callback", "callback", "https://app.example./callback", " " + callback, callback + " ",
			"com.example.app:/callback", "http://127.0.0.1/callback",
		}},
	} {
		for _, uri := range group.uris {
			add(group.rule, "redirect_uri "+strings.ReplaceAll(uri, "/", "∕"), app, func(v url.Values) string { v.Set("redirect_uri", uri); return v.Encode() })
		}
	}
	for _, uri := range []string{
		"http://localhost/callback", "http://[::1]/callback", "http://127.0.0.2/callback", "http://127.0.0.1:80:80/callback", "http://127.0.0.1:99999/callback",
		"http://127.0.0.1:8080/Callback", "http://127.0.0.1:8080/callback/", "https://127.0.0.1/callback", "http://127.0.0.1:8080@evil.example/callback",
		"http://127.1/callback", "http://2130706433/callback", "http://0x7f.0.0.1/callback", "http://127.0.0.1:/callback", "http://127.0.0.1.evil.example/callback", "http://127.0.0.1:8080/callback#x",
	} {
		add("redirect: IPv6 and localhost", "native redirect_uri "+strings.ReplaceAll(uri, "/", "∕"), native, func(v url.Values) string { v.Set("redirect_uri", uri); return v.Encode() })
	}
	add("", "redirect_uri missing", app, func(v url.Values) string { v.Del("redirect_uri"); return v.Encode() })
	add("redirect: twice", "redirect_uri twice", app, func(v url.Values) string { return v.Encode() + "&redirect_uri=https%3A%2F%2Fevil.example%2F" })
	add("redirect: twice", "redirect_uri twice the same", app, func(v url.Values) string { return v.Encode() + "&redirect_uri=" + url.QueryEscape(callback) })
	add("redirect: no error before validation", "redirect_uri wrong, and so is everything else", app, func(v url.Values) string {
		for name, value := range map[string]string{"redirect_uri": "https://evil.example/", "response_type": "token", "scope": "admin", "prompt": "none", "response_mode": "web_message"} {
			v.Set(name, value)
		}
		return v.Encode()
	})
	add("", "client_id missing", app, func(v url.Values) string { v.Del("client_id"); return v.Encode() })
	add("", "client_id unknown", app, func(v url.Values) string { v.Set("client_id", "client_nobody"); return v.Encode() })
	add("", "client_id with NUL", app, func(v url.Values) string { v.Set("client_id", "client\x00"); return v.Encode() })
	add("", "client_id not UTF-8", app, func(v url.Values) string { v.Set("client_id", "client_\xff"); return v.Encode() })
	add("", "client_id too long", app, func(v url.Values) string { v.Set("client_id", strings.Repeat("c", 5000)); return v.Encode() })
	add("", "client_id twice", app, func(v url.Values) string { return v.Encode() + "&client_id=" + v.Get("client_id") })
	add("", "client_id of another", func(w *World) testx.Client { return w.Other }, func(v url.Values) string { v.Set("redirect_uri", callback); return v.Encode() })
	add("", "client disabled", func(w *World) testx.Client {
		made := w.Confidential(callback, nil)
		if err := w.Clients.Disable(w.T.Context(), made.ID); err != nil {
			w.T.Fatal(err)
		}
		return made
	}, func(v url.Values) string { return v.Encode() })
	play(t, scenarios)
}

// Every other refusal goes to the client, with state and iss, once somebody has
// signed in (OA-23); with prompt=none at once.
func TestRefusalsForTheClient(t *testing.T) {
	t.Parallel()
	var scenarios []Scenario
	for _, test := range []struct {
		name   string
		change url.Values
		error  oauth.ErrorCode
	}{
		{"response_type missing", set("response_type"), oauth.InvalidRequest},
		{"response_type token", set("response_type", "token"), oauth.UnsupportedResponseType},
		{"response_type code token", set("response_type", "code token"), oauth.UnsupportedResponseType},
		{"response_type id_token", set("response_type", "id_token"), oauth.UnsupportedResponseType},
		{"response_type none", set("response_type", "none"), oauth.UnsupportedResponseType},
		{"response_type twice", set("response_type", "code", "code"), oauth.InvalidRequest},
		{"response_mode fragment", set("response_mode", "fragment"), oauth.InvalidRequest},
		{"response_mode web_message", set("response_mode", "web_message"), oauth.InvalidRequest},
		{"response_mode fragment.jwt", set("response_mode", "fragment.jwt"), oauth.InvalidRequest},
		{"response_mode twice", set("response_mode", "form_post", "query"), oauth.InvalidRequest},
		{"claims that are no object", set("claims", "[]"), oauth.InvalidRequest},
		{"id_token_hint that is none", set("id_token_hint", "x.y.z"), oauth.InvalidRequest},
		{"request that is none", set("request", "e30."), oauth.InvalidRequestObject},
		{"request_uri", set("request_uri", "https://evil.example/"), oauth.RequestURINotSupported},
		{"registration", set("registration", "{}"), oauth.RegistrationNotSupported},
		{"rfc7636-4.4.1 challenge missing", url.Values{"code_challenge": nil, "code_challenge_method": nil}, oauth.InvalidRequest},
		{"rfc7636-4.3 plain", set("code_challenge_method", "plain"), oauth.InvalidRequest},
		{"rfc7636-4.3 method missing", set("code_challenge_method"), oauth.InvalidRequest},
		{"rfc7636-4.2 challenge too short", set("code_challenge", "short"), oauth.InvalidRequest},
		{"scope of nobody", set("scope", "admin"), oauth.InvalidScope},
		{"scope malformed", set("scope", "openid  profile\""), oauth.InvalidScope},
		{"resource not the client's", set("resource", "https://other.example"), oauth.InvalidTarget},
		{"resource with fragment", set("resource", resource+"#x"), oauth.InvalidTarget},
		{"max_age negative", set("max_age", "-1"), oauth.InvalidRequest},
		{"nonce too long", set("nonce", strings.Repeat("n", 2000)), oauth.InvalidRequest},
	} {
		want := Want{Status: http.StatusSeeOther, Error: test.error, Redirect: map[string]string{"state": "the state", "code": ""}}
		rule := ""
		switch {
		case strings.HasPrefix(test.name, "response_type "):
			rule = "metadata: unadvertised types"
		case strings.HasPrefix(test.name, "response_mode "):
			rule = "metadata: unadvertised modes"
		}
		scenarios = append(scenarios,
			Scenario{
				Name: "OA-23 not before the sign-in: " + test.name, Want: Want{Status: http.StatusOK, Body: []string{`id="login-form"`}}, WantNot: []string{"Location"},
				Do: func(w *World) testx.Answer { return w.Authorize(w.Browser(), test.change, set("state", "the state")) },
			},
			Scenario{
				Name: "after the sign-in: " + test.name, Rule: rule, Want: want,
				Do: func(w *World) testx.Answer {
					browser := w.Browser()
					return withIssuer(w, browser.SignIn(w.Authorize(browser, test.change, set("state", "the state")), w.Ada))
				},
			},
			Scenario{
				Name: "prompt=none: " + test.name, Want: want,
				Do: func(w *World) testx.Answer {
					return withIssuer(w, w.Authorize(w.Browser(), test.change, set("state", "the state"), set("prompt", "none")))
				},
			})
	}
	scenarios = append(scenarios,
		Scenario{
			Name: "prompt none with another", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest},
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.SignedIn(), set("prompt", "none login")))
			},
		},
		Scenario{
			Name: "grant not registered", Want: Want{Status: http.StatusSeeOther, Error: oauth.UnauthorizedClient},
			Do: func(w *World) testx.Answer {
				made := w.Confidential(callback, func(n *client.Metadata) { n.GrantTypes = []oauth.GrantType{oauth.ClientCredentials} })
				return withIssuer(w, w.SignedIn().Open(w.AuthorizeURL(w.Request(made))))
			},
		},
		Scenario{
			Name: "state is not there when none was sent", Want: Want{Status: http.StatusSeeOther, Error: oauth.AccessDenied, Redirect: map[string]string{"state": "", "code": ""}},
			Do: func(w *World) testx.Answer {
				browser := w.Browser()
				return withIssuer(w, browser.Decide(browser.SignIn(w.Authorize(browser, set("state"), set("prompt", "consent")), w.Ada), "deny"))
			},
			WantNot: []string{"state="},
		})
	play(t, scenarios)
}

// withIssuer checks what every authorization response has (RFC 9207 section 2).
func withIssuer(w *World, answer testx.Answer) testx.Answer {
	w.T.Helper()
	if got := answer.Query()["iss"]; len(got) != 1 || got[0] != w.Issuer {
		w.T.Errorf("iss is %q in %q", got, answer.Header.Get("Location"))
	}
	if location := answer.Header.Get("Location"); !strings.HasPrefix(location, callback+"?") {
		w.T.Errorf("the browser is sent to %q", location)
	}
	return answer
}

// OpenID Connect Core 1.0 section 3.1.2.1.
func TestPromptAndMaxAge(t *testing.T) {
	t.Parallel()
	login := Want{Status: http.StatusOK, Body: []string{`id="login-form"`}}
	consent := Want{Status: http.StatusOK, Body: []string{`id="consent-form"`}}
	code := Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "s"}}
	state := set("state", "s")
	play(t, []Scenario{
		{Name: "signed in and allowed", Want: code, Do: func(w *World) testx.Answer { return withIssuer(w, w.Authorize(w.SignedIn(), state)) }},
		{Name: "nobody is signed in", Want: login, Do: func(w *World) testx.Answer { return w.Authorize(w.Browser()) }},
		{
			Name: "prompt=none without a session", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired, Redirect: map[string]string{"state": "s"}},
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.Browser(), state, set("prompt", "none")))
			},
		},
		{
			Name: "prompt=none with a session and a grant", Want: code,
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.SignedIn(), state, set("prompt", "none")))
			},
		},
		{
			Name: "prompt=none without a grant", Want: Want{Status: http.StatusSeeOther, Error: oauth.ConsentRequired},
			Do: func(w *World) testx.Answer {
				made := w.Confidential(callback, nil)
				return withIssuer(w, w.SignedIn().Open(w.AuthorizeURL(w.Request(made, set("prompt", "none")))))
			},
		},
		{
			Name: "prompt=none for more than was allowed", Want: Want{Status: http.StatusSeeOther, Error: oauth.ConsentRequired},
			Do: func(w *World) testx.Answer {
				made, browser := w.Confidential(callback, nil), w.SignedIn()
				browser.Through(browser.Open(w.AuthorizeURL(w.Request(made, set("scope", "openid")))), w.Ada)
				return withIssuer(w, browser.Open(w.AuthorizeURL(w.Request(made, set("scope", "openid phone"), set("prompt", "none")))))
			},
		},
		{Name: "prompt=login with a session", Want: login, Do: func(w *World) testx.Answer { return w.Authorize(w.SignedIn(), set("prompt", "login")) }},
		{
			Name: "prompt=login ends", Want: code,
			Do: func(w *World) testx.Answer {
				browser := w.SignedIn()
				return withIssuer(w, browser.SignIn(w.Authorize(browser, state, set("prompt", "login")), w.Ada))
			},
		},
		{
			Name: "prompt=login can't be stepped over", Want: login,
			Do: func(w *World) testx.Answer {
				browser := w.SignedIn()
				page := w.Authorize(browser, set("prompt", "login"))
				return browser.Open("/oauth/authorize?interaction=" + page.Form().Fields.Get("interaction"))
			},
		},
		{Name: "prompt=select_account", Want: Want{Status: http.StatusOK, Body: []string{`id="select-account-form"`, "ada@people.example"}}, Do: func(w *World) testx.Answer { return w.Authorize(w.SignedIn(), set("prompt", "select_account")) }},
		{
			Name: "an unknown prompt is refused and not dropped", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest, Redirect: map[string]string{"state": "s"}},
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.SignedIn(), state, set("prompt", "login register")))
			},
		},
		{Name: "prompt=consent asks again", Want: consent, Do: func(w *World) testx.Answer { return w.Authorize(w.SignedIn(), set("prompt", "consent")) }},
		{
			Name: "max_age not exceeded", Want: code,
			Do: func(w *World) testx.Answer {
				browser := w.SignedIn()
				w.Clock.Advance(59 * time.Second)
				return withIssuer(w, w.Authorize(browser, state, set("max_age", "60")))
			},
		},
		{
			Name: "max_age exceeded", Want: login,
			Do: func(w *World) testx.Answer {
				browser := w.SignedIn()
				w.Clock.Advance(2 * time.Minute)
				return w.Authorize(browser, set("max_age", "60"))
			},
		},
		{
			Name: "max_age exceeded with prompt=none", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired},
			Do: func(w *World) testx.Answer {
				browser := w.SignedIn()
				w.Clock.Advance(2 * time.Minute)
				return withIssuer(w, w.Authorize(browser, set("max_age", "60"), set("prompt", "none")))
			},
		},
		{
			Name: "max_age=0", Want: login,
			Do: func(w *World) testx.Answer {
				browser := w.SignedIn()
				w.Clock.Advance(time.Second)
				return w.Authorize(browser, set("max_age", "0"))
			},
		},
		{Name: "login_hint is shown", Want: Want{Status: http.StatusOK, Body: []string{`value="grace@people.example"`}}, Do: func(w *World) testx.Answer {
			return w.Authorize(w.Browser(), set("login_hint", "grace@people.example"))
		}},
		{Name: "login_hint is escaped", WantNot: []string{"<script>"}, Want: login, Do: func(w *World) testx.Answer {
			return w.Authorize(w.Browser(), set("login_hint", `"><script>alert(1)</script>`))
		}},
		{
			Name: "unknown and vendor parameters are ignored", Want: code,
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.SignedIn(), state, set("color", "blue"), set("display", "popup"), set("acr_values", "x")))
			},
		},
		{
			Name: "state comes back in every character", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"state": "a b+c&d=e%20é\"<>"}},
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.SignedIn(), set("state", "a b+c&d=e%20é\"<>")))
			},
		},
		{
			Name: "rfc8252-7.3 any port on the loopback interface", Want: Want{Status: http.StatusSeeOther, Header: map[string]string{"Location": "http://127.0.0.1:49152/callback?"}},
			Do: func(w *World) testx.Answer {
				browser := w.Browser()
				return browser.Through(browser.Open(w.AuthorizeURL(w.Request(w.Native, set("redirect_uri", "http://127.0.0.1:49152/callback")))), w.Ada)
			},
		},
		{
			Name: "a disabled user is asked to sign in", Want: login,
			Do: func(w *World) testx.Answer {
				grace, browser := w.Person("grace"), w.Browser()
				browser.Through(w.Authorize(browser), grace)
				if err := w.Users.Disable(w.T.Context(), grace.ID); err != nil {
					w.T.Fatal(err)
				}
				return w.Authorize(browser)
			},
		},
		{
			Name: "a disabled user can't sign in", Want: Want{Status: http.StatusBadRequest, Body: []string{`id="login-error"`}},
			Do: func(w *World) testx.Answer {
				joan, browser := w.Person("joan"), w.Browser()
				if err := w.Users.Disable(w.T.Context(), joan.ID); err != nil {
					w.T.Fatal(err)
				}
				answer := browser.SignIn(w.Authorize(browser), joan)
				if answer.Status >= 400 && answer.Status < 500 {
					answer.Status = http.StatusBadRequest // which of them is not the point
				}
				return answer
			},
		},
	})
}

// The pages take nothing from another site, another browser or another form.
func TestForms(t *testing.T) {
	t.Parallel()
	refused := Want{Status: http.StatusForbidden}
	fill := func(w *World, page testx.Answer) url.Values {
		return page.Form().With(url.Values{"username": {w.Ada.Username}, "password": {w.Ada.Password}})
	}
	play(t, []Scenario{
		{Name: "rfc6749-10.12 sign-in posted from another site", Rule: "flows: posted from another site", Want: refused, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser := w.Browser()
			page := w.Authorize(browser)
			return browser.Send("/login", fill(w, page), testx.Header("Origin", "https://evil.example"), testx.Header("Sec-Fetch-Site", "cross-site"))
		}},
		{Name: "sign-in without the form's token", Want: refused, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser := w.Browser()
			form := fill(w, w.Authorize(browser))
			form.Del("csrf_token")
			return browser.Send("/login", form)
		}},
		{Name: "sign-in with another interaction's token", Rule: "flows: tabs mixed", Want: refused, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser := w.Browser()
			one, two := w.Authorize(browser), w.Authorize(browser)
			form := fill(w, one)
			form.Set("csrf_token", two.Form().Fields.Get("csrf_token"))
			return browser.Send("/login", form)
		}},
		{Name: "sign-in in another browser", Want: Want{Status: http.StatusNotFound}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			return w.Browser().Send("/login", fill(w, w.Authorize(w.Browser())))
		}},
		{Name: "consent in another browser", Rule: "flows: another browser", Want: Want{Status: http.StatusNotFound}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			page := w.Authorize(w.SignedIn(), set("prompt", "consent"))
			return w.SignedIn().Send("/consent", page.Form().With(set("decision", "allow")))
		}},
		{Name: "consent posted from another site", Want: refused, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			page := w.Authorize(browser, set("prompt", "consent"))
			return browser.Send("/consent", page.Form().With(set("decision", "allow")), testx.Header("Origin", "https://evil.example"), testx.Header("Sec-Fetch-Site", "cross-site"))
		}},
		{Name: "consent without a decision", Want: Want{Status: http.StatusBadRequest, Body: []string{`id="consent-form"`}}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			return browser.Submit(w.Authorize(browser, set("prompt", "consent")), nil)
		}},
		{Name: "consent twice", WantNot: []string{"code="}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			page := w.Authorize(browser, set("prompt", "consent"))
			browser.Decide(page, "allow")
			return browser.Decide(page, "allow")
		}},
		{Name: "consent after somebody else signed in", WantNot: []string{"Location"}, Want: Want{Body: []string{`id="consent-form"`, "mary"}}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			page := w.Authorize(browser, set("prompt", "consent"))
			browser.SignIn(w.Authorize(browser, set("prompt", "login")), w.Person("mary"))
			return browser.Decide(page, "allow")
		}},
		{Name: "consent before the sign-in", Rule: "flows: step skipped", Want: Want{Status: http.StatusOK, Body: []string{`id="login-form"`}}, Do: func(w *World) testx.Answer {
			browser := w.Browser()
			page := w.Authorize(browser)
			return browser.Open("/consent?interaction=" + page.Form().Fields.Get("interaction"))
		}},
		{Name: "logout without the form's token", Want: Want{Status: http.StatusForbidden, Body: []string{`id="logout-form"`}}, Do: func(w *World) testx.Answer {
			return w.SignedIn().Send("/logout", url.Values{"decision": {"logout"}})
		}},
		{Name: "an interaction expires", Want: Want{Status: http.StatusNotFound}, Do: func(w *World) testx.Answer {
			browser := w.Browser()
			page := w.Authorize(browser)
			w.Clock.Advance(w.Settings.Sessions.InteractionLifetime + time.Second)
			return browser.SignIn(page, w.Ada)
		}},
		{Name: "a session that an attacker planted ends with the sign-in", Rule: "flows: fixation", Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			before := browser.Cookies()
			answer := browser.SignIn(w.Authorize(browser, set("prompt", "login")), w.Ada)
			for _, cookie := range before {
				for _, now := range browser.Cookies() {
					// The cookie of a finished interaction may stay: it opens nothing any more.
					if strings.HasSuffix(cookie.Name, "authly_session") && cookie.Name == now.Name && cookie.Value == now.Value {
						w.T.Errorf("the cookie %s kept its value", cookie.Name)
					}
				}
			}
			return answer
		}},
	})
}
