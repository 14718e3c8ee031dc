package http_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/keys"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// form posts to the callback the same things that a redirect would carry.
func posted(w *World, answer testx.Answer) url.Values {
	w.T.Helper()
	form := answer.Form()
	if answer.Status != http.StatusOK || form.ID != "form-post" || form.Action != callback {
		w.T.Fatalf("no form for the client: %d %+v\n%s", answer.Status, form, answer.Body)
	}
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'sha256-") || strings.Contains(policy, "unsafe") || answer.Header.Get("Cache-Control") != "no-store" {
		w.T.Errorf("Content-Security-Policy %q, Cache-Control %q", policy, answer.Header.Get("Cache-Control"))
	}
	return form.Fields
}

// signedResponse reads a JARM response and checks what section 2.4 of it asks for.
func signedResponse(w *World, known testx.Client, parameters url.Values) map[string]any {
	w.T.Helper()
	if len(parameters) != 1 || len(parameters["response"]) != 1 {
		w.T.Fatalf("there is more than the response: %v", parameters)
	}
	payload, err := w.Keys().Verify(parameters.Get("response"), jose.TypeJWT, known.ResponseAlgorithm)
	must(w.T, err)
	var claims map[string]any
	must(w.T, json.Unmarshal(payload, &claims))
	ends, _ := claims["exp"].(float64)
	left := time.Unix(int64(ends), 0).Sub(w.Clock.Now())
	if claims["iss"] != w.Issuer || claims["aud"] != known.ClientID || left < 10*time.Second || left > 10*time.Minute {
		w.T.Errorf("the response is %v", claims)
	}
	return claims
}

// OAuth 2.0 Form Post Response Mode; JWT Secured Authorization Response Mode.
func TestResponseModes(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			strict := w.Confidential(callback, func(m *client.Metadata) { m.ResponseAlgorithm = jose.ES256 })
			for _, known := range []testx.Client{w.App, strict} {
				for _, mode := range oauth.ResponseModes() {
					for name, more := range map[string]url.Values{
						"success": {}, "a refusal": {"scope": {"nobodys"}}, "a silent refusal": {"prompt": {"none"}, "max_age": {"0"}},
					} {
						request := w.Request(known, set("response_mode", string(mode)), set("state", `"><b>&`), more)
						browser := w.Browser()
						answer := browser.Open(w.AuthorizeURL(request))
						if name != "a silent refusal" {
							answer = browser.Through(answer, w.Ada)
						}
						got := answer.Query()
						if mode == oauth.ResponseModeFormPost || mode == oauth.ResponseModeFormPostJWT {
							got = posted(w, answer)
						}
						told := map[string]any{}
						for parameter := range got {
							told[parameter] = got.Get(parameter)
						}
						if strings.HasSuffix(string(mode), "jwt") {
							told = signedResponse(w, known, got)
						}
						if told["state"] != `"><b>&` || told["iss"] != w.Issuer || (told["code"] == nil) != (name != "success") || (told["error"] == nil) != (name == "success") {
							t.Errorf("%s, %s: %v", mode, name, told)
						}
						if name != "success" {
							continue
						}
						code, _ := told["code"].(string)
						tokens := w.Token(known, url.Values{
							"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {request.Verifier},
						})
						if tokens.Status != http.StatusOK {
							t.Errorf("%s: %s", mode, tokens.Body)
						}
					}
				}
			}
		})
	}
}

func TestResponseModeOfTheClient(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{
			Name: "asvs-10.4.12 a mode that the client may not use", Want: Want{Status: http.StatusSeeOther, Error: oauth.UnauthorizedClient, Redirect: map[string]string{"state": "s"}},
			Do: func(w *World) testx.Answer {
				known := w.Confidential(callback, func(m *client.Metadata) { m.ResponseModes = []oauth.ResponseMode{oauth.ResponseModeQuery} })
				browser := w.Browser()
				return withIssuer(w, browser.Through(browser.Open(w.AuthorizeURL(w.Request(known, set("response_mode", "form_post"), set("state", "s")))), w.Ada))
			},
		},
		{
			Name: "asvs-10.4.12 a client of signed responses that leaves the mode out", Want: Want{Status: http.StatusSeeOther, Error: oauth.InvalidRequest, Redirect: map[string]string{"code": ""}},
			Do: func(w *World) testx.Answer {
				known := w.Confidential(callback, func(m *client.Metadata) { m.ResponseModes = []oauth.ResponseMode{oauth.ResponseModeJWT} })
				browser := w.Browser()
				return withIssuer(w, browser.Through(browser.Open(w.AuthorizeURL(w.Request(known))), w.Ada))
			},
		},
		{
			Name: "the registered query stays in the form's action", Want: Want{Status: http.StatusOK, Body: []string{`action="https://app.example/callback?a=1&amp;b=2"`}},
			Do: func(w *World) testx.Answer {
				known := w.Confidential(callback+"?a=1&b=2", nil)
				browser := w.Browser()
				return browser.Through(browser.Open(w.AuthorizeURL(w.Request(known, set("response_mode", "form_post")))), w.Ada)
			},
		},
		{
			Name: "deny by form post", Want: Want{Status: http.StatusOK, Body: []string{`name="error" value="access_denied"`}},
			Do: func(w *World) testx.Answer {
				browser := w.Browser()
				return browser.Decide(browser.SignIn(w.Authorize(browser, set("response_mode", "form_post"), set("prompt", "consent")), w.Ada), "deny")
			},
		},
	})
}

// OpenID Connect Core 1.0 section 3.1.2.1, prompt=select_account.
func TestChoiceOfAnAccount(t *testing.T) {
	t.Parallel()
	state := set("state", "s")
	choose := func(w *World, browser *testx.Browser, account string) testx.Answer {
		return browser.Submit(w.Authorize(browser, state, set("prompt", "select_account")), url.Values{"account": {account}})
	}
	play(t, []Scenario{
		{
			Name: "the account that is signed in", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "s"}},
			Do: func(w *World) testx.Answer { return withIssuer(w, choose(w, w.SignedIn(), "current")) },
		},
		{
			Name: "another account", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "s"}},
			Do: func(w *World) testx.Answer {
				browser, grace := w.SignedIn(), w.Person("grace")
				answer := browser.Through(choose(w, browser, "other"), grace)
				return withIssuer(w, answer)
			},
		},
		{Name: "nobody is signed in", Want: Want{Status: http.StatusOK, Body: []string{`id="login-form"`}}, Do: func(w *World) testx.Answer {
			return w.Authorize(w.Browser(), set("prompt", "select_account"))
		}},
		{Name: "neither", Want: Want{Status: http.StatusBadRequest, Body: []string{`id="select-account-form"`}}, Do: func(w *World) testx.Answer {
			return choose(w, w.SignedIn(), "")
		}},
		{Name: "without the form's token", Want: Want{Status: http.StatusForbidden}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			form := w.Authorize(browser, set("prompt", "select_account")).Form().With(url.Values{"account": {"current"}})
			form.Del("csrf_token")
			return browser.Send("/select-account", form)
		}},
		{Name: "after somebody else signed in", Want: Want{Status: http.StatusForbidden, Body: []string{"mary"}}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			page := w.Authorize(browser, set("prompt", "select_account"))
			browser.SignIn(w.Authorize(browser, set("prompt", "login")), w.Person("mary"))
			return browser.Submit(page, url.Values{"account": {"current"}})
		}},
		{Name: "in another browser", Want: Want{Status: http.StatusNotFound}, WantNot: []string{"Location"}, Do: func(w *World) testx.Answer {
			page := w.Authorize(w.SignedIn(), set("prompt", "select_account"))
			return w.SignedIn().Submit(page, url.Values{"account": {"current"}})
		}},
		{Name: "can't be stepped over", Want: Want{Status: http.StatusOK, Body: []string{`id="select-account-form"`}}, Do: func(w *World) testx.Answer {
			browser := w.SignedIn()
			page := w.Authorize(browser, set("prompt", "select_account"))
			return browser.Open("/oauth/authorize?interaction=" + page.Form().Fields.Get("interaction"))
		}},
		{Name: "without an interaction", Want: Want{Status: http.StatusNotFound}, Do: func(w *World) testx.Answer { return w.SignedIn().Open("/select-account") }},
		{Name: "prompt=create tells that there is no registration", Want: Want{Status: http.StatusOK, Body: []string{`id="login-form"`, `id="login-notice"`}}, Do: func(w *World) testx.Answer {
			return w.Authorize(w.SignedIn(), set("prompt", "create"))
		}},
	})
}

// OpenID Connect Core 1.0 sections 3.1.2.1, 3.1.2.2 and 5.5.1: who the request is about.
func TestRequestsAboutOnePerson(t *testing.T) {
	t.Parallel()
	silent, state := set("prompt", "none"), set("state", "s")
	code := Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "s"}}
	hint := func(w *World, known testx.Client) url.Values {
		return set("id_token_hint", w.Tokens(known, w.Ada).Text("id_token"))
	}
	refused := func(code oauth.ErrorCode) Want { return Want{Status: http.StatusSeeOther, Error: code} }
	asMary := func(w *World, mary testx.Person) *testx.Browser {
		browser := w.Browser()
		browser.Through(w.Authorize(browser), mary)
		return browser
	}
	play(t, []Scenario{
		{Name: "the same person", Want: code, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), state, silent, hint(w, w.App)))
		}},
		{Name: "OC-08 an expired hint", Want: code, Do: func(w *World) testx.Answer {
			expired := hint(w, w.App)
			w.Clock.Advance(3 * time.Hour)
			return withIssuer(w, w.Authorize(w.SignedIn(), state, silent, expired))
		}},
		{Name: "OC-08 a hint that was signed with a retired key", Want: code, Do: func(w *World) testx.Answer {
			old := hint(w, w.App)
			_, err := w.Keys().Rotate(w.T.Context(), keys.RotateOptions{Force: true})
			must(w.T, err)
			return withIssuer(w, w.Authorize(w.SignedIn(), state, silent, old))
		}},
		{Name: "OC-08 another person, silently", Want: refused(oauth.LoginRequired), Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(asMary(w, w.Person("silent-mary")), state, silent, hint(w, w.App)))
		}},
		{Name: "another person is asked to sign in, and not told as whom", Want: Want{Status: http.StatusOK, Body: []string{`id="login-form"`, `id="login-other"`, "asked-mary"}}, WantNot: []string{"ada@people", `"ada"`, "login-again"}, Do: func(w *World) testx.Answer {
			return w.Authorize(asMary(w, w.Person("asked-mary")), state, hint(w, w.App))
		}},
		{Name: "and may not sign in as themselves", Want: refused(oauth.LoginRequired), Do: func(w *World) testx.Answer {
			mary := w.Person("stubborn-mary")
			browser := asMary(w, mary)
			return withIssuer(w, browser.SignIn(w.Authorize(browser, state, hint(w, w.App)), mary))
		}},
		{Name: "but as the one who is meant", Want: code, Do: func(w *World) testx.Answer {
			browser := asMary(w, w.Person("other-mary"))
			return withIssuer(w, browser.Through(w.Authorize(browser, state, hint(w, w.App)), w.Ada))
		}},
		{Name: "a hint of another client", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), silent, hint(w, w.Other)))
		}},
		{Name: "a forged hint", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			forged := hint(w, w.App).Get("id_token_hint")
			return withIssuer(w, w.Authorize(w.SignedIn(), silent, set("id_token_hint", forged[:len(forged)-10]+"AAAAAAAAAA")))
		}},
		{Name: "an unsigned hint", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			parts := strings.Split(hint(w, w.App).Get("id_token_hint"), ".")
			return withIssuer(w, w.Authorize(w.SignedIn(), silent, set("id_token_hint", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."+parts[1]+".")))
		}},
		{Name: "an access token in the place of a hint", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), silent, set("id_token_hint", w.Tokens(w.App, w.Ada).Text("access_token"))))
		}},
		{Name: "the hint of a pairwise client", Want: code, Do: func(w *World) testx.Answer {
			known := w.Confidential(callback, func(m *client.Metadata) { m.SubjectType = client.SubjectPairwise })
			browser := w.Browser()
			browser.Through(browser.Open(w.AuthorizeURL(w.Request(known))), w.Ada)
			return withIssuer(w, browser.Open(w.AuthorizeURL(w.Request(known, state, silent, hint(w, known)))))
		}},
		{Name: "sub by the claims parameter", Want: code, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), state, silent, set("claims", `{"id_token":{"sub":{"value":"`+w.Ada.Subject()+`"}}}`)))
		}},
		{Name: "OC-10 another sub by the claims parameter", Want: refused(oauth.LoginRequired), Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), silent, set("claims", `{"id_token":{"sub":{"value":"somebody"}}}`)))
		}},
		{Name: "a hint and another sub", Want: refused(oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), silent, hint(w, w.App), set("claims", `{"id_token":{"sub":{"value":"somebody"}}}`)))
		}},
	})
}

// OpenID Connect Core 1.0 sections 5.5 and 5.5.1.1.
func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			tokens := w.Tokens(w.App, w.Ada, set("scope", "openid offline_access"), set("claims",
				`{"userinfo":{"name":{"essential":true},"gender":null,"unheard_of":null},"id_token":{"email":{"essential":true},"auth_time":{"essential":true},"acr":{"values":["x","urn:authly:acr:password"]}}}`))
			check := func(stage string, tokens testx.Answer) {
				_, claims := jwt(t, tokens.Text("id_token"))
				if claims["email"] != w.Ada.Email || claims["name"] != nil || claims["email_verified"] != nil || claims["auth_time"] == nil ||
					claims["acr"] != "urn:authly:acr:password" {
					t.Errorf("%s: ID token %v", stage, claims)
				}
				info := w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
				if info.Text("name") != w.Ada.Claims.Name || info.JSON["email"] != nil || info.JSON["gender"] != nil || len(info.JSON) != 2 {
					t.Errorf("%s: UserInfo %s", stage, info.Body)
				}
			}
			check("after the code", tokens)
			check("after a refresh", w.Token(w.App, refreshWith(tokens.Text("refresh_token"))))
		})
	}
	essential := func(values string) url.Values {
		return set("claims", `{"id_token":{"acr":{"essential":true,"values":[`+values+`]}}}`)
	}
	play(t, []Scenario{
		{Name: "SU-01 an essential acr that is met", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": ""}}, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), essential(`"x","urn:authly:acr:password"`)))
		}},
		{Name: "SU-01 an essential acr that is unmet", Want: Want{Status: http.StatusSeeOther, Error: oauth.UnmetAuthenticationRequirements}, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), essential(`"urn:example:hardware"`)))
		}},
		{Name: "an acr that is only wished for", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": ""}}, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), set("acr_values", "urn:example:hardware"), set("claims", `{"id_token":{"acr":{"value":"urn:example:hardware"}}}`)))
		}},
		{Name: "claims beyond the scopes are asked for", Want: Want{Status: http.StatusOK, Body: []string{`id="consent-form"`, `data-claim="birthdate"`, "date of birth"}}, Do: func(w *World) testx.Answer {
			return w.Authorize(w.SignedIn(), set("claims", `{"userinfo":{"birthdate":null}}`), set("scope", "openid"))
		}},
		{Name: "claims beyond the scopes, silently", Want: Want{Status: http.StatusSeeOther, Error: oauth.ConsentRequired}, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), set("claims", `{"id_token":{"phone_number":null}}`), set("scope", "openid"), set("prompt", "none")))
		}},
		{Name: "claims that were allowed are not asked for again", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": ""}}, Do: func(w *World) testx.Answer {
			browser, asked := w.SignedIn(), []url.Values{set("claims", `{"userinfo":{"zoneinfo":null}}`), set("scope", "openid")}
			browser.Through(w.Authorize(browser, asked...), w.Ada)
			return withIssuer(w, w.Authorize(browser, append(asked, set("prompt", "none"))...))
		}},
		{Name: "a value that is asked for is not made up", Want: Want{Status: http.StatusOK, Body: []string{`"email":"ada@people.example"`}}, Do: func(w *World) testx.Answer {
			asked := set("claims", `{"userinfo":{"email":{"essential":true,"value":"somebody@else.example"},"name":{"values":["x","y"]}}}`)
			return w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(w.App, w.Ada, asked).Text("access_token")))
		}},
		{Name: "claims within the scopes need no further consent", Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": ""}}, Do: func(w *World) testx.Answer {
			return withIssuer(w, w.Authorize(w.SignedIn(), set("claims", `{"userinfo":{"name":null}}`), set("prompt", "none")))
		}},
	})
}

// ASVS 10.4.7, DR-08: a client that registered itself is never trusted as a
// first-party one, and people are told.
func TestClientThatRegisteredItself(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{
		Name: "asks although its record says that it need not, with a warning", Want: Want{Status: http.StatusOK, Body: []string{`id="consent-form"`, `id="consent-warning"`}},
		Do: func(w *World) testx.Answer {
			known := w.Confidential(callback, func(m *client.Metadata) { m.RegisteredBy = client.ByClient })
			// No interface writes such a record.
			_, err := w.Database().Write(w.T.Context()).Exec(w.T.Context(), `UPDATE clients SET consent = 'skip' WHERE id = $1`, known.ID)
			must(w.T, err)
			return w.SignedIn().Open(w.AuthorizeURL(w.Request(known)))
		},
	}, {
		Name: "one of an administrator has no warning", Want: Want{Status: http.StatusOK, Body: []string{`id="consent-form"`}}, WantNot: []string{"consent-warning"},
		Do: func(w *World) testx.Answer { return w.Authorize(w.SignedIn(), set("prompt", "consent")) },
	}})
}
