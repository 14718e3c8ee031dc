package http_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"authly/internal/testx"
)

// OpenID Connect Core 1.0 section 3.1.2.1: several prompts ask for several pages, each
// once, whatever their order in the request.
func TestPromptsTogether(t *testing.T) {
	t.Parallel()
	var scenarios []Scenario
	for prompt, pages := range map[string][]string{
		"login":                        {"login-form"},
		"consent":                      {"consent-form"},
		"login consent":                {"login-form", "consent-form"},
		"consent login":                {"login-form", "consent-form"},
		"consent consent":              {"consent-form"},
		"select_account":               {"select-account-form"},
		"select_account consent":       {"select-account-form", "consent-form"},
		"select_account login":         {"login-form"}, // who signs in has chosen
		"login select_account consent": {"login-form", "consent-form"},
		"create consent":               {"login-form", "consent-form"},
	} {
		scenarios = append(scenarios, Scenario{
			Name: "OC-06 " + prompt, Want: Want{Status: http.StatusSeeOther, Redirect: map[string]string{"error": "", "state": "s"}},
			Do: func(w *World) testx.Answer {
				browser := w.SignedIn()
				answer := w.Authorize(browser, set("state", "s"), set("prompt", prompt))
				var seen []string
				for answer.Status == http.StatusOK && len(seen) < 5 {
					form := answer.Form().ID
					seen = append(seen, form)
					switch form {
					case "login-form":
						answer = browser.SignIn(answer, w.Ada)
					case "consent-form":
						answer = browser.Decide(answer, "allow")
					case "select-account-form":
						answer = browser.Submit(answer, set("account", "current"))
					}
				}
				if !slices.Equal(seen, pages) {
					w.T.Errorf("the pages are %v, want %v", seen, pages)
				}
				return withIssuer(w, answer)
			},
		})
	}
	for _, prompt := range []string{"none login", "login none", "none consent", "none select_account", "none create", "none register"} {
		scenarios = append(scenarios, Scenario{
			Name: "OC-06 " + prompt, Want: Want{Status: http.StatusSeeOther, Error: "invalid_request", Redirect: map[string]string{"code": "", "state": "s"}},
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.Browser(), set("state", "s"), set("prompt", prompt)))
			},
		})
	}
	for _, prompt := range []string{"Login", "login  consent", " login", "login,consent", "register", strings.Repeat("login ", 60) + "login"} {
		scenarios = append(scenarios, Scenario{
			Name: "unknown: " + prompt[:min(len(prompt), 20)], Want: Want{Status: http.StatusSeeOther, Error: "invalid_request", Redirect: map[string]string{"code": "", "state": "s"}},
			Do: func(w *World) testx.Answer {
				return withIssuer(w, w.Authorize(w.SignedIn(), set("state", "s"), set("prompt", prompt)))
			},
		})
	}
	play(t, scenarios)
}
