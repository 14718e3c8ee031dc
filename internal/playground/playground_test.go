package playground_test

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"authly/internal/playground"
)

// answer is a response that was read to its end.
type answer struct {
	code   int
	header http.Header
	body   string
}

func get(t *testing.T, address string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func TestRedirectURI(t *testing.T) {
	t.Parallel()
	if got := playground.RedirectURI("https://id.example.com/tenant"); got != "https://id.example.com/tenant/playground" {
		t.Errorf("got %s", got)
	}
}

// The page must work under the strict policy that it is served with: nothing inline,
// nothing from elsewhere, and every file that it names is there.
func TestPage(t *testing.T) {
	t.Parallel()
	p := startProvider(t, "/tenant")
	page := get(t, p.other+"/playground?code=x&state=y")
	if page.code != http.StatusOK || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("got %d, %s", page.code, page.header.Get("Content-Type"))
	}
	policy := page.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy has no %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy allows too much: %s", policy)
	}
	if got := page.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	for _, wrong := range []string{`<script>`, `<style`, ` style="`, ` onclick=`, `https://`, `code=x`} {
		if strings.Contains(page.body, wrong) {
			t.Errorf("the page has %s", wrong)
		}
	}
	origin := strings.TrimSuffix(p.other, "/tenant")
	found := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(found) < 5 {
		t.Fatalf("the page names %d files only", len(found))
	}
	for _, each := range found {
		if each[1] == "/tenant/logout" {
			continue
		}
		if got := get(t, origin+each[1]); got.code != http.StatusOK {
			t.Errorf("%s: %d", each[1], got.code)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	p := startProvider(t, "")
	entries, err := os.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		file := get(t, p.other+"/playground/"+entry.Name())
		if file.code != http.StatusOK || file.header.Get("ETag") == "" {
			t.Errorf("%s: %d, ETag %q", entry.Name(), file.code, file.header.Get("ETag"))
		}
		want := "text/javascript; charset=utf-8"
		if strings.HasSuffix(entry.Name(), ".css") {
			want = "text/css; charset=utf-8"
		}
		if got := file.header.Get("Content-Type"); got != want {
			t.Errorf("%s: Content-Type %q", entry.Name(), got)
		}
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"} {
			if strings.Contains(file.body, sink) {
				t.Errorf("%s uses %s", entry.Name(), sink)
			}
		}
	}
	for _, absent := range []string{"/playground/", "/playground/playground.html", "/playground/module.go", "/playground/static/view.js"} {
		if got := get(t, p.other+absent); got.code != http.StatusNotFound {
			t.Errorf("%s: %d", absent, got.code)
		}
	}
}
