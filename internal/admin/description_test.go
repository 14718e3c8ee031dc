package admin_test

import (
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/admin"
	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
)

var update = flag.Bool("update", false, "write the golden files anew")

// mounted is the API without anything behind it.
func mounted(t *testing.T, issuer string) *httpx.Router {
	t.Helper()
	router := httpx.NewRouter(httpx.Options{Logger: slog.New(slog.DiscardHandler), Clock: clock.NewFake(time.Unix(1_800_000_000, 0)), Issuer: issuer})
	if err := admin.New(admin.Deps{Issuer: issuer, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}).Mount(router); err != nil {
		t.Fatal(err)
	}
	return router
}

func describe(t *testing.T, router *httpx.Router, path string) map[string]any {
	t.Helper()
	recorder := httptest.NewRecorder()
	router.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	var described map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &described); err != nil {
		t.Fatalf("%d %s: %v", recorder.Code, recorder.Body, err)
	}
	return described
}

// Whether a change changes anything is seen by what can be read: what can be written and not read
// would be lost.
func TestWhatIsWrittenCanBeRead(t *testing.T) {
	t.Parallel()
	components, _ := describe(t, mounted(t, "https://id.example"), "/api/v1/openapi.json")["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	members := func(name string) map[string]any {
		described, _ := schemas[name].(map[string]any)
		found, _ := described["properties"].(map[string]any)
		return found
	}
	for written, read := range map[string]string{"ClientFields": "Client", "UserFields": "User", "ScopeFields": "Scope"} {
		if len(members(written)) < 4 {
			t.Fatalf("%s has %v", written, members(written))
		}
		for name := range members(written) {
			if _, isRead := members(read)[name]; !isRead {
				t.Errorf("%s has %s, and %s does not", written, name, read)
			}
		}
	}
}

// The description is a promise: a change of it is a change that somebody has to see.
func TestDescriptionIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	described := describe(t, mounted(t, "https://id.example"), "/api/v1/openapi.json")
	text, err := json.MarshalIndent(described, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "openapi.golden.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)+"\n"); diff != "" {
		t.Errorf("the description changed; -update writes it anew (-want +got):\n%s", diff)
	}
	for _, elsewhere := range []string{"unpkg", "cdn", "$schema"} {
		if strings.Contains(string(text), elsewhere) {
			t.Errorf("the description has %q", elsewhere)
		}
	}
}

// Every route is described, everything that is described is a route, and each names its scope.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	router := mounted(t, "https://id.example/tenant")
	routes := map[string]bool{}
	for _, route := range router.Routes() {
		path := strings.TrimPrefix(route.Path, "/tenant")
		if strings.HasPrefix(path, "/api/") && path != "/api/v1/openapi.json" {
			routes[route.Method+" "+path] = true
		}
	}
	described := describe(t, router, "/tenant/api/v1/openapi.json")
	if described["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", described["openapi"])
	}
	paths, _ := described["paths"].(map[string]any)
	promised := map[string]bool{}
	for path, methods := range paths {
		for method, operation := range methods.(map[string]any) {
			promised[strings.ToUpper(method)+" "+path] = true
			needs, _ := operation.(map[string]any)["security"].([]any)
			if len(needs) != 1 || len(needs[0].(map[string]any)["oauth"].([]any)) != 1 {
				t.Errorf("%s %s does not name one scope: %v", method, path, needs)
			}
		}
	}
	if diff := cmp.Diff(routes, promised); diff != "" || len(routes) < 15 {
		t.Errorf("%d routes (-mounted +described):\n%s", len(routes), diff)
	}
}
