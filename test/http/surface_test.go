package http_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

func TestSurface(t *testing.T) {
	t.Parallel()
	missing := Want{Status: http.StatusNotFound, Header: map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}}
	var scenarios []Scenario
	for _, path := range []string{"/nothing", "/oauth/nothing", "/login/", "/oauth/token/", "//login", "/oauth/../login", "/.env", "/.git/config", "/setup/x/y", "/static/", "/oauth", "/.well-known/", "/playground", "/metrics", "/debug/pprof/"} {
		scenarios = append(scenarios, Scenario{
			Name: "404 " + strings.ReplaceAll(path, "/", "∕"), Want: missing, WantNot: []string{"Location", "Set-Cookie", "goroutine", ".go:"},
			Do: func(w *World) testx.Answer {
				return w.Call(http.MethodGet, w.Issuer, nil, func(r *http.Request) { r.URL.Path = path })
			},
		})
	}
	for path, allow := range map[string]string{
		"/oauth/token": "OPTIONS, POST", "/oauth/revoke": "OPTIONS, POST", "/oauth/introspect": "POST", "/oauth/authorize": "GET, HEAD, POST",
		"/oidc/userinfo": "GET, HEAD, OPTIONS, POST", "/login": "GET, HEAD, POST", "/oidc/logout": "GET, HEAD, POST", "/consent": "GET, HEAD, POST", "/.well-known/jwks.json": "GET, HEAD, OPTIONS",
	} {
		scenarios = append(scenarios, Scenario{
			Name: "405 " + strings.ReplaceAll(path, "/", "∕"), Want: Want{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": allow}},
			Do: func(w *World) testx.Answer { return w.Call(http.MethodDelete, path, nil) },
		})
	}
	for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
		scenarios = append(scenarios, Scenario{
			Name: "GET " + strings.ReplaceAll(path, "/", "∕"), Want: Want{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Content-Type": "application/json"}},
			Do: func(w *World) testx.Answer { return w.Get(path) },
		})
	}
	for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oidc/userinfo", "/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		method := http.MethodPost
		if strings.HasPrefix(path, "/.well-known") {
			method = http.MethodGet
		}
		scenarios = append(scenarios, Scenario{
			Name: "CORS preflight " + strings.ReplaceAll(path, "/", "∕"), WantNot: []string{"Access-Control-Allow-Credentials"},
			Want: Want{Status: http.StatusNoContent, Header: map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": method, "Access-Control-Allow-Headers": "authorization"}},
			Do: func(w *World) testx.Answer {
				return w.Call(http.MethodOptions, path, nil, testx.Header("Origin", "https://app.example"),
					testx.Header("Access-Control-Request-Method", method), testx.Header("Access-Control-Request-Headers", "authorization"))
			},
		})
	}
	for _, path := range []string{"/oauth/authorize", "/oauth/introspect", "/oidc/logout", "/login", "/consent"} {
		scenarios = append(scenarios, Scenario{
			Name: "no CORS " + strings.ReplaceAll(path, "/", "∕"), WantNot: []string{"Access-Control-Allow-Origin"},
			Do: func(w *World) testx.Answer {
				return w.Call(http.MethodOptions, path, nil, testx.Header("Origin", "https://app.example"), testx.Header("Access-Control-Request-Method", "POST"))
			},
		})
	}
	scenarios = append(scenarios,
		Scenario{Name: "healthz", Want: Want{Status: 200}, Do: func(w *World) testx.Answer { return w.Get("/healthz") }},
		Scenario{Name: "readyz", Want: Want{Status: 200}, Do: func(w *World) testx.Answer { return w.Get("/readyz") }},
		Scenario{
			Name: "JWKS", Want: Want{Status: 200, Header: map[string]string{"Cache-Control": "public, max-age=300", "ETag": `"`, "Content-Type": "json"}, Body: []string{`"RS256"`, `"ES256"`}},
			WantNot: []string{`"d":`, `"p":`, `"q":`, `"k":`, "Set-Cookie"}, Do: func(w *World) testx.Answer { return w.Get("/.well-known/jwks.json") },
		},
		Scenario{Name: "JWKS by ETag", Want: Want{Status: http.StatusNotModified}, Do: func(w *World) testx.Answer {
			return w.Get("/.well-known/jwks.json", testx.Header("If-None-Match", w.Get("/.well-known/jwks.json").Header.Get("ETag")))
		}},
		Scenario{Name: "nothing is built from Host", WantNot: []string{"evil.example"}, Want: Want{Status: 200}, Do: func(w *World) testx.Answer {
			return w.Get("/.well-known/openid-configuration", func(r *http.Request) { r.Host = "evil.example" }, testx.Header("X-Forwarded-Host", "evil.example"), testx.Header("X-Forwarded-Proto", "https"))
		}},
		Scenario{Name: "nor is a redirect", WantNot: []string{"evil.example"}, Want: Want{Status: http.StatusSeeOther}, Do: func(w *World) testx.Answer {
			return w.Get(w.AuthorizeURL(w.Request(w.App)), func(r *http.Request) { r.Host = "evil.example" }, testx.Header("X-Forwarded-Host", "evil.example"))
		}},
	)
	play(t, scenarios)
}

// An issuer with a path: everything is under it, and the metadata is found in
// all the forms that clients look for (RFC 8414 section 3.1).
func TestIssuerWithPath(t *testing.T) {
	t.Parallel()
	var scenarios []Scenario
	for _, path := range []string{
		"/tenant/.well-known/openid-configuration", "/.well-known/openid-configuration/tenant", "/.well-known/oauth-authorization-server/tenant",
	} {
		scenarios = append(scenarios, Scenario{
			Name: "metadata " + strings.ReplaceAll(path, "/", "∕"), Rule: "trap-5 an issuer with a path", Want: Want{Status: 200, Body: []string{`/tenant/oauth/token"`, `/tenant/.well-known/jwks.json"`}},
			Do: func(w *World) testx.Answer {
				answer := w.Get(root(w) + path)
				if answer.Text("issuer") != w.Issuer {
					w.T.Errorf("issuer is %q, want %q", answer.Text("issuer"), w.Issuer)
				}
				return answer
			},
		})
	}
	for _, path := range []string{"/login", "/oauth/authorize", "/oauth/token", "/oidc/userinfo", "/consent", "/logout", "/setup", "/.well-known/jwks.json", "/.well-known/openid-configuration"} {
		scenarios = append(scenarios, Scenario{
			Name: "not beside the path " + strings.ReplaceAll(path, "/", "∕"), Want: Want{Status: 404},
			Do: func(w *World) testx.Answer { return w.Get(root(w) + path) },
		})
	}
	scenarios = append(scenarios,
		Scenario{Name: "sign-in and token", Want: Want{Status: 200}, Do: func(w *World) testx.Answer {
			return w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(w.App, w.Ada).Text("access_token")))
		}},
		Scenario{Name: "pages link below the path", Want: Want{Status: 200, Body: []string{`action="/tenant/login"`, `href="/tenant/`}}, WantNot: []string{`action="/login"`, `href="/static`}, Do: func(w *World) testx.Answer {
			return w.Authorize(w.Browser())
		}},
		Scenario{Name: "probes answer at the root too", Want: Want{Status: 200}, Do: func(w *World) testx.Answer { return w.Get(root(w) + "/readyz") }},
	)
	play(t, scenarios, testx.WithPath("/tenant"))
}

func root(w *World) string { return strings.TrimSuffix(w.Issuer, w.Path()) }

// metadata is what the server promises.
type metadata struct {
	Issuer             string   `json:"issuer"`
	Authorization      string   `json:"authorization_endpoint"`
	Token              string   `json:"token_endpoint"`
	JWKS               string   `json:"jwks_uri"`
	UserInfo           string   `json:"userinfo_endpoint"`
	Revocation         string   `json:"revocation_endpoint"`
	Introspection      string   `json:"introspection_endpoint"`
	EndSession         string   `json:"end_session_endpoint"`
	BackChannel        bool     `json:"backchannel_logout_supported"`
	BackChannelSession bool     `json:"backchannel_logout_session_supported"`
	FrontChannel       bool     `json:"frontchannel_logout_supported"`
	FrontSession       bool     `json:"frontchannel_logout_session_supported"`
	ResponseTypes      []string `json:"response_types_supported"`
	ResponseModes      []string `json:"response_modes_supported"`
	Grants             []string `json:"grant_types_supported"`
	Challenges         []string `json:"code_challenge_methods_supported"`
	TokenMethods       []string `json:"token_endpoint_auth_methods_supported"`
	RevocationMethods  []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionWays  []string `json:"introspection_endpoint_auth_methods_supported"`

	TokenAssertions         []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationAssertions    []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAssertions []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`

	Scopes             []string `json:"scopes_supported"`
	Algorithms         []string `json:"id_token_signing_alg_values_supported"`
	Prompts            []string `json:"prompt_values_supported"`
	ResponseIssuer     bool     `json:"authorization_response_iss_parameter_supported"`
	RequestParameter   bool     `json:"request_parameter_supported"`
	RequestURI         *bool    `json:"request_uri_parameter_supported"`
	ClaimsParameter    bool     `json:"claims_parameter_supported"`
	SubjectTypes       []string `json:"subject_types_supported"`
	RegistrationAbsent *string  `json:"registration_endpoint"`
}

// Each advertised value works; what is not advertised is refused elsewhere (see
// TestRefusalsForTheClient and TestTokenEndpoint) or here.
func TestMetadataTruth(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "metadata: endpoints, methods")
			w := newWorld(t, engine)
			for _, algorithm := range jose.Algorithms() {
				w.Confidential(callback, func(n *client.Metadata) { n.IDTokenAlgorithm = algorithm })
			}
			answer := w.Get("/.well-known/openid-configuration")
			var told metadata
			must(t, json.Unmarshal([]byte(answer.Body), &told))
			for name, pair := range map[string][2][]string{
				"response types": {told.ResponseTypes, {"code"}}, "response modes": {told.ResponseModes, {"form_post", "form_post.jwt", "jwt", "query", "query.jwt"}}, "challenges": {told.Challenges, {"S256"}},
				"grants": {told.Grants, {"authorization_code", "client_credentials", "refresh_token"}},
			} {
				slices.Sort(pair[0])
				if !slices.Equal(pair[0], pair[1]) {
					t.Errorf("%s are %v, want %v", name, pair[0], pair[1])
				}
			}
			if !told.ResponseIssuer || !told.RequestParameter || told.RequestURI == nil || *told.RequestURI || !told.ClaimsParameter || told.RegistrationAbsent != nil {
				t.Errorf("the flags are wrong: %s", answer.Body)
			}
			if !told.BackChannel || !told.BackChannelSession { // TestBackChannelLogout holds what they promise
				t.Errorf("back-channel logout is missing: %s", answer.Body)
			}
			if !told.FrontChannel || !told.FrontSession { // TestFrontChannelLogout holds what they promise
				t.Errorf("front-channel logout is missing: %s", answer.Body)
			}
			for _, address := range []string{told.Authorization, told.Token, told.JWKS, told.UserInfo, told.Revocation, told.Introspection, told.EndSession} {
				if status := w.Call(http.MethodPut, address, nil).Status; status != http.StatusMethodNotAllowed {
					t.Errorf("%s: %d", address, status)
				}
			}
			for _, algorithm := range told.Algorithms {
				made := w.Confidential(callback, func(n *client.Metadata) { n.IDTokenAlgorithm = jose.Algorithm(algorithm) })
				if header, _ := jwt(t, w.Tokens(made, w.Ada).Text("id_token")); header["alg"] != algorithm {
					t.Errorf("%s: the ID token is signed with %v", algorithm, header["alg"])
				}
			}
			for _, assertions := range [][]string{told.TokenAssertions, told.RevocationAssertions, told.IntrospectionAssertions} {
				if !slices.Equal(assertions, told.Algorithms) {
					t.Errorf("assertions are signed with %v", assertions)
				}
			}
			if len(told.Algorithms) != len(jose.Algorithms()) {
				t.Errorf("the algorithms are %v", told.Algorithms)
			}
			for _, scope := range told.Scopes {
				if got := w.Tokens(w.App, w.Ada, set("scope", scope)).Text("scope"); got != scope {
					t.Errorf("asked for %q, got %q", scope, got)
				}
			}
			for _, prompt := range told.Prompts {
				if page := w.Authorize(w.Browser(), set("prompt", prompt)); page.Query().Get("error") == "invalid_request" {
					t.Errorf("prompt=%s is refused", prompt)
				}
			}
			for endpoint, methods := range map[string][]string{told.Token: told.TokenMethods, told.Revocation: told.RevocationMethods, told.Introspection: told.IntrospectionWays} {
				for _, algorithm := range slices.Concat(told.TokenAssertions, told.RevocationAssertions, told.IntrospectionAssertions) {
					known := w.Keyed(jose.Algorithm(algorithm), nil)
					form := asserted(url.Values{"token": {"x"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}, w.assert(known, jose.TypeJWT, w.claims(known, nil)))
					if got := w.Post(endpoint, form).Text("error"); got == string(oauth.InvalidClient) {
						t.Errorf("%s: an assertion with %s: %s", endpoint, algorithm, got)
					}
				}
				for _, method := range []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"} {
					if works := w.authenticates(endpoint, method); works != slices.Contains(methods, method) {
						t.Errorf("%s: %s works: %t, advertised: %v", endpoint, method, works, methods)
					}
				}
			}
		})
	}
}

// authenticates tells whether a client gets past client authentication.
func (w *World) authenticates(endpoint, method string) bool {
	form := url.Values{"token": {"x"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}
	var options []testx.RequestOption
	switch method {
	case "client_secret_basic":
		options = append(options, testx.As(w.App))
	case "client_secret_post":
		form.Set("client_id", w.App.ClientID)
		form.Set("client_secret", w.App.Secret)
	case "private_key_jwt":
		known := w.Keyed(jose.ES256, nil)
		form = asserted(form, w.assert(known, jose.TypeJWT, w.claims(known, nil)))
	default:
		form.Set("client_id", w.Native.ClientID)
	}
	return w.Post(endpoint, form, options...).Text("error") != string(oauth.InvalidClient)
}

// Every route has the headers of its kind, whatever it answers.
func TestHeadersOfEveryRoute(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, watched)
			browser := w.SignedIn()
			cookie := ""
			for _, each := range browser.Cookies() {
				cookie += each.Name + "=" + each.Value + "; "
			}
			routes := w.Routes()
			if len(routes) < 20 {
				t.Errorf("only %d routes", len(routes))
			}
			for _, route := range routes {
				path := strings.NewReplacer("{$}", "", "{path...}", "authly.css", "{name}", "authly.css", "{file}", "authly.css", "{file...}", "authly.css").Replace(route.Path)
				var form url.Values
				if route.Method == http.MethodPost {
					form = url.Values{"x": {"y"}}
				}
				for _, options := range [][]testx.RequestOption{nil, {testx.Header("Cookie", cookie)}, {testx.Header("Origin", "https://evil.example"), testx.Header("Sec-Fetch-Site", "cross-site")}} {
					answer := w.Call(route.Method, root(w)+path, form, options...)
					checkHeaders(t, route, answer)
				}
			}
		})
	}
}

func checkHeaders(t *testing.T, route httpx.Route, answer testx.Answer) {
	t.Helper()
	name := route.Method + " " + route.Path
	want := map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
	ancestors := "frame-ancestors 'none'"
	if strings.HasSuffix(route.Path, checkSession) { // which is there to be framed
		want["X-Frame-Options"], ancestors = "", "frame-ancestors *"
	}
	for header, value := range want {
		if got := answer.Header.Get(header); got != value {
			t.Errorf("%s: %s is %q", name, header, got)
		}
	}
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, ancestors) || strings.Contains(policy, "unsafe") {
		t.Errorf("%s: Content-Security-Policy is %q", name, policy)
	}
	public := strings.Contains(route.Path, "/.well-known/") || strings.Contains(route.Path, "/static/")
	if !public && answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Cache-Control is %q (%d)", name, answer.Header.Get("Cache-Control"), answer.Status)
	}
	if answer.Status >= http.StatusInternalServerError {
		t.Errorf("%s: %d", name, answer.Status)
	}
	if route.Kind == httpx.API && len(answer.Header.Values("Set-Cookie")) > 0 {
		t.Errorf("%s sets a cookie", name)
	}
	if route.Kind == httpx.Browser && answer.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%s is shared with other origins", name)
	}
	for _, cookie := range (&http.Response{Header: answer.Header}).Cookies() {
		if !cookie.HttpOnly && cookie.Name != "authly_browser_state" || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
			t.Errorf("%s: the cookie %s is %v", name, cookie.Name, cookie)
		}
	}
}

// The search of the log that ends every test must be able to fail.
func TestLogSaysWhatHappenedAndNoSecret(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{
		Name: "a whole sign-in", Rule: "operation: secrets in no line of the log", Want: Want{Status: 200},
		Do: func(w *World) testx.Answer {
			tokens := w.Tokens(w.App, w.Ada)
			log := w.Log()
			for _, want := range []string{`"route":"/oauth/token"`, `"client_id":"` + w.App.ClientID, `"sign_in":"succeeded"`, w.Ada.Subject()} {
				if !strings.Contains(log, want) {
					w.T.Errorf("%s is not in the log", want)
				}
			}
			for _, unwanted := range []string{tokens.Text("access_token"), tokens.Text("refresh_token"), w.Ada.Password, w.Ada.Email, w.App.Secret, "code_verifier", "csrf_token", "?interaction="} {
				if strings.Contains(log, unwanted) {
					w.T.Errorf("%.6s… is in the log", unwanted)
				}
			}
			return w.Get("/healthz")
		},
	}})
}
