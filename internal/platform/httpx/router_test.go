package httpx_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/httpx"
)

func mounted(t *testing.T, change ...func(*httpx.Options)) (*world, http.Handler) {
	t.Helper()
	w := newWorld(t, change...)
	w.router.API().HandleFunc("POST /oauth/token", ok, httpx.AnyOrigin())
	w.router.API().HandleFunc("POST /oauth/introspect", ok)
	w.router.API().HandleFunc("GET /oidc/userinfo", ok, httpx.AnyOrigin())
	w.router.API().HandleFunc("POST /oidc/userinfo", ok, httpx.AnyOrigin())
	w.router.API().HandleFunc("GET /.well-known/openid-configuration", ok, httpx.AnyOrigin())
	w.router.API().HandleFunc("GET /healthz", ok, httpx.Quiet())
	w.router.Browser().HandleFunc("GET /login", ok)
	w.router.Browser().HandleFunc("POST /login", ok)
	w.router.Browser().HandleFunc("GET /oauth/authorize", ok)
	w.router.Browser().HandleFunc("POST /oauth/authorize", ok, httpx.FromOtherSites())
	w.router.Browser().HandleFunc("GET /{$}", ok)
	w.router.Browser().HandleFunc("GET /static/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.PathValue("name")))
	})
	return w, w.router.Handler()
}

func TestRouterAnswersOnlyWhatIsThere(t *testing.T) {
	for _, test := range []struct {
		name, method, target string
		status               int
		allow, contentType   string
	}{
		{"page", "GET", "/login", 200, "", "application/json"},
		{"HEAD works on GET", "HEAD", "/login", 200, "", "application/json"},
		{"root", "GET", "/", 200, "", "application/json"},
		{"wildcard", "GET", "/static/x.css", 200, "", ""},
		{"rfc9110-15.5.6 wrong method on a page", "DELETE", "/login", 405, "GET, HEAD, POST", "text/html; charset=utf-8"},
		{"rfc9110-15.5.6 wrong method for programs", "GET", "/oauth/introspect", 405, "POST", "application/json"},
		{"wrong method with CORS", "GET", "/oauth/token", 405, "OPTIONS, POST", "application/json"},
		{"plain OPTIONS with CORS", "OPTIONS", "/oauth/token", 204, "OPTIONS, POST", ""},
		{"OPTIONS without CORS", "OPTIONS", "/oauth/authorize", 405, "GET, HEAD, POST", "text/html; charset=utf-8"},
		{"wrong method on the authorization endpoint is a page", "PUT", "/oauth/authorize", 405, "GET, HEAD, POST", "text/html; charset=utf-8"},
		{"made-up method", "BREW", "/login", 405, "GET, HEAD, POST", "text/html; charset=utf-8"},
		{"unknown page", "GET", "/nothing", 404, "", "text/html; charset=utf-8"},
		{"unknown below oauth", "POST", "/oauth/nothing", 404, "", "application/json"},
		{"unknown below oidc", "GET", "/oidc/nothing", 404, "", "application/json"},
		{"unknown well-known", "GET", "/.well-known/nothing", 404, "", "application/json"},
		{"slash at the end", "GET", "/login/", 404, "", "text/html; charset=utf-8"},
		{"other case", "GET", "/Login", 404, "", "text/html; charset=utf-8"},
		{"no redirect from an unclean path", "POST", "//oauth/token", 404, "", "text/html; charset=utf-8"},
		{"no redirect from dots", "POST", "/oauth/./token", 404, "", "application/json"},
		{"nor with escaped ones", "GET", "/static/%2e%2e/login", 404, "", "text/html; charset=utf-8"},
		{"no way out with dots", "GET", "/static/../login", 404, "", "text/html; charset=utf-8"},
		{"no way out with encoded dots", "GET", "/static/%2e%2e/login", 404, "", "text/html; charset=utf-8"},
		{"encoded slash is no slash", "GET", "/oauth%2Fauthorize", 404, "", "application/json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, handler := mounted(t)
			got := do(handler, request(test.method, "https://id.example.com"+test.target, ""))
			if got.Code != test.status {
				t.Errorf("status %d, want %d", got.Code, test.status)
			}
			if got.Header().Get("Allow") != test.allow {
				t.Errorf("Allow %q, want %q", got.Header().Get("Allow"), test.allow)
			}
			if test.contentType != "" && got.Header().Get("Content-Type") != test.contentType {
				t.Errorf("Content-Type %q, want %q", got.Header().Get("Content-Type"), test.contentType)
			}
			if location := got.Header().Get("Location"); location != "" {
				t.Errorf("redirects to %s", location)
			}
			if got.Code == 404 && test.contentType == "application/json" {
				var body map[string]string
				if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || body["error"] != "not_found" {
					t.Errorf("body %s", got.Body)
				}
			}
		})
	}
}

func TestRouterUnderTheIssuersPath(t *testing.T) {
	for _, issuer := range []string{"https://id.example.com/tenant", "https://id.example.com/tenant/"} {
		w := newWorld(t, func(o *httpx.Options) { o.Issuer = issuer })
		w.router.Browser().HandleFunc("GET /{$}", ok)
		w.router.Browser().HandleFunc("GET /login", ok)
		w.router.API().HandleFunc("GET /.well-known/openid-configuration", ok)
		w.router.API().HandleFunc("GET /.well-known/openid-configuration/tenant", ok, httpx.AtRoot())
		handler := w.router.Handler()
		for target, status := range map[string]int{
			"/tenant": 200, "/tenant/": 200, "/tenant/login": 200, "/tenant/.well-known/openid-configuration": 200,
			"/.well-known/openid-configuration/tenant": 200,
			"/login": 404, "/": 404, "/tenantlogin": 404, "/tenant/tenant/login": 404, "/.well-known/openid-configuration": 404,
		} {
			if got := do(handler, request("GET", "https://id.example.com"+target, "")); got.Code != status {
				t.Errorf("%s: %s: status %d, want %d", issuer, target, got.Code, status)
			}
		}
		if got := do(handler, request("GET", "https://id.example.com/tenant/oauth/x", "")); got.Header().Get("Content-Type") != "application/json" {
			t.Errorf("unknown path for programs: %s", got.Header().Get("Content-Type"))
		}
	}
}

func TestRoutesBelongToOneMux(t *testing.T) {
	w, _ := mounted(t)
	kinds := map[string]httpx.Kind{}
	for _, route := range w.router.Routes() {
		if kind, seen := kinds[route.Path]; seen && kind != route.Kind {
			t.Errorf("%s belongs to both muxes", route.Path)
		}
		kinds[route.Path] = route.Kind
		if route.Kind == httpx.Browser && route.CrossOrigin {
			t.Errorf("%s: a page with CORS", route.Path)
		}
	}
	var listed []string
	for _, route := range w.router.Routes() {
		listed = append(listed, route.Method+" "+route.Path)
	}
	want := []string{
		"GET /.well-known/openid-configuration", "GET /healthz", "GET /login", "POST /login",
		"GET /oauth/authorize", "POST /oauth/authorize", "POST /oauth/introspect", "POST /oauth/token",
		"GET /oidc/userinfo", "POST /oidc/userinfo", "GET /static/{name}", "GET /{$}",
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Error(diff)
	}
}

func TestWrongRegistrationsPanic(t *testing.T) {
	for name, register := range map[string]func(*httpx.Router){
		"twice": func(r *httpx.Router) { r.API().HandleFunc("POST /oauth/token", ok) },
		"in both muxes": func(r *httpx.Router) {
			r.Browser().HandleFunc("GET /oauth/token", ok)
		},
		"CORS on a page":        func(r *httpx.Router) { r.Browser().HandleFunc("GET /x", ok, httpx.AnyOrigin()) },
		"scripts for a program": func(r *httpx.Router) { r.API().HandleFunc("GET /x", ok, httpx.OwnScripts()) },
		"no method":             func(r *httpx.Router) { r.API().HandleFunc("/x", ok) },
		"slash at the end":      func(r *httpx.Router) { r.API().HandleFunc("GET /x/", ok) },
		"own OPTIONS":           func(r *httpx.Router) { r.API().HandleFunc("OPTIONS /x", ok) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.router.API().HandleFunc("POST /oauth/token", ok)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			register(w.router)
		})
	}
}

func TestAbsoluteFormAndForeignHostChangeNothing(t *testing.T) {
	_, handler := mounted(t)
	r := request("GET", "https://id.example.com/nothing", "", "X-Forwarded-Host: evil.example", "X-Forwarded-Prefix: /evil")
	r.Host = "evil.example"
	got := do(handler, r)
	for name, values := range got.Header() {
		if strings.Contains(strings.Join(values, ""), "evil") {
			t.Errorf("%s: %v", name, values)
		}
	}
}
