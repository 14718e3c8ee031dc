package ui

import (
	"flag"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the goldens anew") //nolint:gochecknoglobals // a flag

func newRenderer(t *testing.T, prefix string) *Renderer {
	t.Helper()
	r, err := New(Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t *testing.T, r *Renderer, status int, page Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r.Render(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), status, page)
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	return w
}

// withoutHashes keeps a change of the stylesheet from changing every golden.
func withoutHashes(page string) string {
	return regexp.MustCompile(`\.[0-9a-f]{16}\.`).ReplaceAllString(page, ".HASH.")
}

func TestPagesAreAsTheGoldens(t *testing.T) {
	r := newRenderer(t, "")
	for _, fixture := range fixtures {
		t.Run(fixture.name, func(t *testing.T) {
			w := render(t, r, fixture.status, fixture.page)
			if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("Content-Type %s", got)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %s", got)
			}
			got, file := withoutHashes(w.Body.String()), filepath.Join("testdata", "golden", fixture.name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("differs from %s (-update writes it anew):\n%s", file, diff)
			}
		})
	}
}

func TestMarkupFitsTheContentSecurityPolicy(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		"a script":                   regexp.MustCompile(`(?i)<script`),
		"an event handler":           regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`),
		"an inline style":            regexp.MustCompile(`(?i)<style|<[^>]*\sstyle\s*=`),
		"a frame or an object":       regexp.MustCompile(`(?i)<(iframe|object|embed|base)`),
		"something from elsewhere":   regexp.MustCompile(`(?i)(src|action)="?(https?:)?//|<link[^>]*href="?(https?:)?//`),
		"a template's failed escape": regexp.MustCompile(`ZgotmplZ`),
	}
	r := newRenderer(t, "")
	for _, fixture := range fixtures {
		page := render(t, r, fixture.status, fixture.page).Body.String()
		if post, ok := fixture.page.(FormPostPage); ok { // the one page with a script, and with a form that leads away
			page = strings.Replace(page, "<script>"+FormPostScript+"</script>", "", 1)
			page = strings.Replace(page, ` action="`+post.Action+`"`, "", 1)
		}
		if leave, ok := fixture.page.(LeavePage); ok { // the other page with a form that leads away
			page = strings.Replace(page, ` action="`+leave.Action+`"`, "", 1)
		}
		if out, ok := fixture.page.(SignedOutPage); ok { // the one page that loads pages of others, and goes on by itself
			page = strings.Replace(page, "<script>"+SignedOutScript+"</script>", "", 1)
			for _, frame := range out.Frames {
				page = strings.Replace(page, `<iframe src="`+html.EscapeString(frame)+`" sandbox="allow-scripts allow-same-origin allow-forms" hidden></iframe>`, "", 1)
			}
		}
		for what, pattern := range forbidden {
			if found := pattern.FindString(page); found != "" {
				t.Errorf("%s has %s: %s", fixture.name, what, found)
			}
		}
	}
}

func TestMarkupIsAccessible(t *testing.T) {
	r := newRenderer(t, "")
	ids := regexp.MustCompile(`\sid="([^"]+)"`)
	for _, fixture := range fixtures {
		t.Run(fixture.name, func(t *testing.T) {
			page := render(t, r, fixture.status, fixture.page).Body.String()
			seen := map[string]bool{}
			for _, match := range ids.FindAllStringSubmatch(page, -1) {
				if seen[match[1]] {
					t.Errorf("the id %s is there twice", match[1])
				}
				seen[match[1]] = true
			}
			for _, match := range regexp.MustCompile(`aria-(?:describedby|labelledby)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
				for _, id := range strings.Fields(match[1]) {
					if !seen[id] {
						t.Errorf("points to the id %s, which is not there", id)
					}
				}
			}
			for _, input := range regexp.MustCompile(`<input[^>]*>`).FindAllString(page, -1) {
				id := ids.FindStringSubmatch(input)
				if !strings.Contains(input, `type="hidden"`) && (id == nil || !strings.Contains(page, `<label for="`+id[1]+`"`)) {
					t.Errorf("no label for %s", input)
				}
			}
			for what, count := range map[string]int{"<h1": 1, "<main": 1, `<html lang="en">`: 1, "<title>": 1} {
				if strings.Count(page, what) != count {
					t.Errorf("%d times %s", strings.Count(page, what), what)
				}
			}
			if strings.Count(page, "autofocus") > 1 {
				t.Error("two autofocus")
			}
		})
	}
}

func TestPagesLiveUnderTheIssuersPath(t *testing.T) {
	r := newRenderer(t, "/tenant")
	for _, fixture := range fixtures {
		page := render(t, r, fixture.status, fixture.page).Body.String()
		for _, match := range regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(match[1], "/tenant/") {
				t.Errorf("%s: %s is not under the issuer's path", fixture.name, match[1])
			}
		}
	}
}

func TestAddressOfOursMustBeAPath(t *testing.T) {
	r := newRenderer(t, "")
	for _, action := range []string{"", "login", "//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil.example", "/\t/evil.example"} {
		w := httptest.NewRecorder()
		r.Render(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), 200, LoginPage{Action: action})
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%q: %d %s", action, w.Code, w.Body)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	r := newRenderer(t, "/tenant")
	mux := http.NewServeMux()
	mux.Handle("GET /tenant/static/{name}", r.Static())
	get := func(target, tag string) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		request.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, request)
		return w
	}
	for name, contentType := range map[string]string{"authly.css": "text/css; charset=utf-8", "logo.svg": "image/svg+xml"} {
		address, err := r.AssetURL(name)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^/tenant/static/[a-z]+\.[0-9a-f]{16}\.[a-z]+$`).MatchString(address) {
			t.Errorf("address %s", address)
		}
		got := get(address, "")
		if got.Code != 200 || got.Header().Get("Content-Type") != contentType ||
			got.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || got.Body.Len() == 0 {
			t.Errorf("%s: %d %v", name, got.Code, got.Header())
		}
		if again := get(address, got.Header().Get("ETag")); again.Code != 304 {
			t.Errorf("%s again: %d", name, again.Code)
		}
		if plain := get("/tenant/static/"+name, ""); plain.Code != 404 {
			t.Errorf("%s without its hash: %d", name, plain.Code)
		}
	}
	if got := get("/tenant/static/..%2Fmessages.en.json", ""); got.Code != 404 {
		t.Errorf("out of the folder: %d", got.Code)
	}
	if _, err := r.AssetURL("nothing.css"); err == nil {
		t.Error("an address for a file that is not there")
	}
}
