package httpx_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/oauth"
)

func TestCORS(t *testing.T) {
	_, handler := mounted(t)
	preflight := func(path, origin, method, headers string) *httptest.ResponseRecorder {
		return do(handler, request("OPTIONS", path, "",
			"Origin: "+origin, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: "+headers))
	}
	t.Run("rfc10017 preflight of the token endpoint", func(t *testing.T) {
		for _, origin := range []string{"https://app.example", "null"} {
			got := preflight("/oauth/token", origin, "POST", "authorization,content-type,dpop,mcp-protocol-version")
			if got.Code != 204 || got.Header().Get("Access-Control-Allow-Origin") != "*" ||
				!strings.Contains(got.Header().Get("Access-Control-Allow-Headers"), "dpop") ||
				got.Header().Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %d %v", origin, got.Code, got.Header())
			}
		}
	})
	t.Run("a header or method that is not on the list", func(t *testing.T) {
		for _, got := range []*httptest.ResponseRecorder{
			preflight("/oauth/token", "https://app.example", "POST", "x-evil"),
			preflight("/oauth/token", "https://app.example", "DELETE", ""),
		} {
			if allowed := got.Header().Get("Access-Control-Allow-Origin"); allowed != "" {
				t.Errorf("allowed %q", allowed)
			}
		}
	})
	t.Run("OA-15 none on the authorization endpoint, pages and introspection", func(t *testing.T) {
		for _, path := range []string{"/oauth/authorize", "/login", "/oauth/introspect", "/healthz", "/nothing"} {
			for _, got := range []*httptest.ResponseRecorder{
				preflight(path, "https://app.example", "POST", ""),
				do(handler, request("GET", path, "", "Origin: https://app.example")),
			} {
				for name := range got.Header() {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s: %s", path, name)
					}
				}
			}
		}
	})
	t.Run("answers can be read and cookies are not asked for", func(t *testing.T) {
		for _, origin := range []string{"https://app.example", "null"} {
			got := do(handler, request("GET", "/oidc/userinfo", "", "Origin: "+origin)).Header()
			if got.Get("Access-Control-Allow-Origin") != "*" || got.Get("Access-Control-Allow-Credentials") != "" ||
				!strings.Contains(got.Get("Access-Control-Expose-Headers"), "Www-Authenticate") {
				t.Errorf("%s: %v", origin, got)
			}
		}
	})
}

func TestCORSOnErrors(t *testing.T) {
	w := newWorld(t)
	failing := map[string]http.HandlerFunc{
		"/a": func(w http.ResponseWriter, r *http.Request) {
			httpx.WriteOAuthError(w, r, oauth.Refuse(oauth.InvalidClient, "no"))
		},
		"/b": func(w http.ResponseWriter, r *http.Request) { httpx.WriteOAuthError(w, r, errors.New("ours")) },
		"/c": func(http.ResponseWriter, *http.Request) { panic("ours") },
		"/d": func(w http.ResponseWriter, r *http.Request) {
			httpx.WriteBearerError(w, r, oauth.Refuse(oauth.InvalidToken, "expired"))
		},
	}
	for path, handler := range failing {
		w.router.API().HandleFunc("POST "+path, handler, httpx.AnyOrigin())
	}
	handler := w.router.Handler()
	for path := range failing {
		for _, method := range []string{"POST", "GET"} { // the GET is a 405
			got := do(handler, request(method, path, "", "Origin: https://app.example"))
			if got.Code < 400 || method == "POST" && got.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s %s: %d %v", method, path, got.Code, got.Header())
			}
		}
	}
}

func TestCrossOriginPosts(t *testing.T) {
	for _, test := range []struct {
		name    string
		path    string
		headers []string
		status  int
	}{
		{"own form in a browser", "/login", []string{"Sec-Fetch-Site: same-origin", "Origin: null"}, 200},
		{"a program without the headers", "/login", nil, 200},
		{"own form in an old browser under no-referrer", "/login", []string{"Origin: null"}, 200},
		{"own form behind a proxy that rewrites Host", "/login", []string{"Origin: https://id.example.com"}, 200},
		{"other site", "/login", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 403},
		{"other site, opaque origin", "/login", []string{"Sec-Fetch-Site: cross-site", "Origin: null"}, 403},
		{"sister sub-domain", "/login", []string{"Sec-Fetch-Site: same-site", "Origin: https://evil.example.com"}, 403},
		{"other site in an old browser", "/login", []string{"Origin: https://evil.example"}, 403},
		{"oidc-core-3.1.2.1 a client posts to the authorization endpoint", "/oauth/authorize", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example"}, 200},
		{"a script posts to the token endpoint", "/oauth/token", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example"}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, handler := mounted(t)
			r := request("POST", "http://internal:8080"+test.path, "", test.headers...)
			if got := do(handler, r); got.Code != test.status {
				t.Errorf("status %d, want %d", got.Code, test.status)
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	common := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000",
	}
	_, handler := mounted(t)
	for _, path := range []string{"/login", "/nothing", "/oauth/token", "/oauth/nothing", "/oidc/userinfo"} {
		header := do(handler, request("GET", path, "")).Header()
		for name, value := range common {
			if header.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", path, name, header.Get(name), value)
			}
		}
		for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(header.Get("Content-Security-Policy"), directive) {
				t.Errorf("%s: no %s", path, directive)
			}
		}
	}
	for _, path := range []string{"/login", "/nothing"} {
		header := do(handler, request("GET", path, "")).Header()
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "form-action 'self';") || strings.Contains(policy, "script") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %s", path, policy)
		}
		if header.Get("Cross-Origin-Opener-Policy") != "same-origin" || header.Get("Permissions-Policy") == "" {
			t.Errorf("%s: %v", path, header)
		}
	}
	_, handler = mounted(t, func(o *httpx.Options) { o.Issuer = "http://localhost:8080" })
	if got := do(handler, request("GET", "/login", "")).Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS %q on plain http", got)
	}
}

func TestOwnScripts(t *testing.T) {
	w := newWorld(t)
	w.router.Browser().HandleFunc("GET /playground", ok, httpx.OwnScripts())
	policy := do(w.router.Handler(), request("GET", "/playground", "")).Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self';") || !strings.Contains(policy, "connect-src 'self';") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
}

func TestAllowFormAction(t *testing.T) {
	for _, test := range []struct{ uri, sources string }{
		{"https://app.example.com/callback", "'self' https:;"},
		{"http://127.0.0.1:49152/callback", "'self' http: https:;"},
		{"http://[::1]:49152/callback", "'self' http: https:;"},
		{"com.example.app:/callback", "'self' com.example.app:;"},
		{"COM.Example.App:/callback", "'self' com.example.app:;"},
		{"javascript:alert(1)", ""},
		{"JavaScript://x/%0aalert(1)", ""},
		{"data:text/html,x", ""},
		{"https:; script-src 'unsafe-inline'", ""},
		{"https://", ""},
		{"//evil.example", ""},
		{"/callback", ""},
		{"", ""},
		{"a b:/x", ""},
		{"com.example;script-src:/x", ""},
		{"com.example\r\nX-Evil:/x", ""},
	} {
		w := newWorld(t)
		w.router.Browser().HandleFunc("GET /consent", func(w http.ResponseWriter, _ *http.Request) {
			if err := httpx.AllowFormAction(w, test.uri); (err == nil) != (test.sources != "") {
				t.Errorf("%q: error %v", test.uri, err)
			}
		})
		policy := do(w.router.Handler(), request("GET", "/consent", "")).Header().Get("Content-Security-Policy")
		want := test.sources
		if want == "" {
			want = "'self';"
		}
		if !strings.Contains(policy, "; form-action "+want+" frame-ancestors") || strings.Count(policy, ";") != 5 {
			t.Errorf("%q: policy %s", test.uri, policy)
		}
	}
}

func TestAllowFrames(t *testing.T) {
	const own = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	policy := func(origins ...string) (string, error) {
		w := newWorld(t)
		var failed error
		w.router.Browser().HandleFunc("GET /logout", func(w http.ResponseWriter, _ *http.Request) { failed = httpx.AllowFrames(w, origins) })
		return do(w.router.Handler(), request("GET", "/logout", "")).Header().Get("Content-Security-Policy"), failed
	}
	for _, test := range []struct {
		origins []string
		want    string
	}{
		{nil, own},
		{[]string{"https://app.example"}, own + "; frame-src https://app.example"},
		{[]string{"https://a-b.example:8443", "http://127.0.0.1:3000"}, own + "; frame-src https://a-b.example:8443 http://127.0.0.1:3000"},
	} {
		if got, err := policy(test.origins...); err != nil || got != test.want {
			t.Errorf("%q: %v\n%s", test.origins, err, got)
		}
	}
	for _, hostile := range []string{
		"", "*", "'self'", "https:", "https://", "http://", "data:", "https://*.example", "https://app.example *", "https://app.example; script-src *",
		"https://app.example;", "https://app.example,https://evil.example", "https://app.example/", "https://app.example:", "https://app.example:*",
		"https://app.example:1:2", "https://[::1]", "https://user@app.example", "https://app.example\r\nX: y", "HTTPS://app.example", "https://APP.example", "ftp://app.example",
		"https:///x", "javascript://app.example",
	} {
		if got, err := policy("https://app.example", hostile); err == nil || got != own {
			t.Errorf("%q: %v\n%s", hostile, err, got)
		}
	}
}

func TestAPIRoutesSeeNoCookies(t *testing.T) {
	w := newWorld(t)
	see := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Header.Get("Cookie"))) }
	w.router.API().HandleFunc("GET /oidc/userinfo", see)
	w.router.Browser().HandleFunc("GET /login", see)
	handler := w.router.Handler()
	if got := do(handler, request("GET", "/oidc/userinfo", "", "Cookie: a=b")).Body.String(); got != "" {
		t.Errorf("the API route saw %q", got)
	}
	if got := do(handler, request("GET", "/login", "", "Cookie: a=b")).Body.String(); got != "a=b" {
		t.Errorf("the page saw %q", got)
	}
}
