package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
)

func TestCookiesAreSetSafely(t *testing.T) {
	secure := httpx.NewCookies(httpx.CookieOptions{Issuer: "https://id.example.com"})
	plain := httpx.NewCookies(httpx.CookieOptions{Issuer: "http://localhost:8080"})
	for _, test := range []struct {
		name string
		set  func(http.ResponseWriter)
		want string
	}{
		{"https", func(w http.ResponseWriter) { secure.Set(w, "session", secret.FromString("v"), time.Hour) }, "__Host-session=v; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"http on loopback", func(w http.ResponseWriter) { plain.Set(w, "session", secret.FromString("v"), time.Hour) }, "session=v; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"until the browser closes", func(w http.ResponseWriter) { secure.Set(w, "session", secret.FromString("v"), 0) }, "__Host-session=v; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"part of a second", func(w http.ResponseWriter) { secure.Set(w, "session", secret.FromString("v"), time.Millisecond) }, "__Host-session=v; Path=/; Max-Age=1; HttpOnly; Secure; SameSite=Lax"},
		{"clear", func(w http.ResponseWriter) { secure.Clear(w, "session") }, "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
	} {
		w := httptest.NewRecorder()
		test.set(w)
		if got := w.Header().Get("Set-Cookie"); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestCookiesAreReadSafely(t *testing.T) {
	secure := httpx.NewCookies(httpx.CookieOptions{Issuer: "https://id.example.com"})
	plain := httpx.NewCookies(httpx.CookieOptions{Issuer: "http://localhost:8080"})
	for _, test := range []struct {
		name    string
		cookies *httpx.Cookies
		headers []string
		want    string // "" is absent
	}{
		{"there", secure, []string{"Cookie: other=1; __Host-session=v"}, "v"},
		{"on loopback", plain, []string{"Cookie: session=v"}, "v"},
		{"a sub-domain can't plant the prefixed one", secure, []string{"Cookie: session=planted"}, ""},
		{"twice", secure, []string{"Cookie: __Host-session=planted; __Host-session=v"}, ""},
		{"twice, the same", secure, []string{"Cookie: __Host-session=v; __Host-session=v"}, ""},
		{"twice, in two lines", secure, []string{"Cookie: __Host-session=v", "Cookie: __Host-session=planted"}, ""},
		{"twice on loopback", plain, []string{"Cookie: session=planted; session=v"}, ""},
		{"other case", secure, []string{"Cookie: __host-session=v"}, ""},
		{"empty", secure, []string{"Cookie: __Host-session="}, ""},
		{"too long", secure, []string{"Cookie: __Host-session=" + strings.Repeat("x", 2000)}, ""},
		{"none", secure, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, found := test.cookies.Get(request("GET", "/", "", test.headers...), "session")
			if got.Reveal() != test.want || found != (test.want != "") {
				t.Errorf("got %q, %t", got.Reveal(), found)
			}
		})
	}
}

func TestCookieNames(t *testing.T) {
	r := request("GET", "/", "", "Cookie: __Host-interaction_b=1; interaction_c=1; __Host-interaction_a=1; __Host-session=1; __Host-interaction_a=2")
	secure := httpx.NewCookies(httpx.CookieOptions{Issuer: "https://id.example.com"})
	if diff := cmp.Diff([]string{"interaction_a", "interaction_b"}, secure.Names(r, "interaction_")); diff != "" {
		t.Error(diff)
	}
	plain := httpx.NewCookies(httpx.CookieOptions{Issuer: "http://localhost"})
	if diff := cmp.Diff([]string{"interaction_c"}, plain.Names(r, "interaction_")); diff != "" {
		t.Error(diff)
	}
}

// TestCookiesOfIssuersOnOneHost: what one issuer sets, the others on its host don't see.
func TestCookiesOfIssuersOnOneHost(t *testing.T) {
	for _, origin := range []string{"https://id.example.com", "http://localhost"} {
		issuers := []string{origin, origin + "/a", origin + "/b", origin + "/a/b"}
		names := map[string]string{}
		for _, issuer := range issuers {
			own := httpx.NewCookies(httpx.CookieOptions{Issuer: issuer})
			name := own.FullName("session")
			if strings.HasPrefix(name, "__Host-") != strings.HasPrefix(origin, "https:") {
				t.Errorf("%s: %s", issuer, name)
			}
			if other, taken := names[name]; taken {
				t.Errorf("%s and %s have %s", issuer, other, name)
			}
			names[name] = issuer
			w := httptest.NewRecorder()
			own.Set(w, "session", secret.FromString("v"), time.Hour)
			own.Set(w, "interaction_1", secret.FromString("v"), time.Hour)
			r := request("GET", "/", "")
			for _, cookie := range w.Result().Cookies() {
				r.AddCookie(cookie)
			}
			for _, reader := range issuers {
				cookies := httpx.NewCookies(httpx.CookieOptions{Issuer: reader})
				if _, found := cookies.Get(r, "session"); found != (reader == issuer) {
					t.Errorf("%s reads the cookie of %s: %v", reader, issuer, found)
				}
				if found := cookies.Names(r, "interaction_"); (len(found) == 1) != (reader == issuer) {
					t.Errorf("%s lists the cookies of %s: %v", reader, issuer, found)
				}
			}
		}
	}
}
