package httpx_test

import (
	"net/http"
	"strings"
	"testing"

	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
)

// linked is a server with one page that is opened by links.
type linked struct {
	*world
	handler http.Handler
	issuer  string
}

func newLinked(t *testing.T, issuer string) *linked {
	t.Helper()
	w := newWorld(t, func(o *httpx.Options) { o.Issuer = issuer })
	links := httpx.NewLinks(httpx.NewCookies(httpx.CookieOptions{Issuer: issuer}), "authly_page", issuer+"/page")
	w.router.Browser().HandleFunc("GET /page/{token}", links.Follow)
	w.router.Browser().HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		token, held := links.Token(r)
		httpx.WriteJSON(w, http.StatusOK, map[string]any{"token": token.Reveal(), "held": held})
	})
	w.router.Browser().HandleFunc("POST /page/{token}/used", func(w http.ResponseWriter, r *http.Request) {
		links.Forget(w, r, secret.FromString(r.PathValue("token")))
	})
	return &linked{w, w.router.Handler(), issuer}
}

// follow asks for a link and returns the page's address and the cookie line that it gave.
func (l *linked) follow(t *testing.T, method string, token secret.Redacted) (string, *http.Cookie) {
	t.Helper()
	answer := do(l.handler, request(method, l.issuer+"/page/"+token.Reveal(), ""))
	cookies := answer.Result().Cookies()
	if answer.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("%s: %d with %d cookies", method, answer.Code, len(cookies))
	}
	return answer.Header().Get("Location"), cookies[0]
}

// opens reports whether a browser with the cookies gets the page of the token.
func (l *linked) opens(address string, token secret.Redacted, cookies ...*http.Cookie) bool {
	r := request(http.MethodGet, address, "")
	for _, cookie := range cookies {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	body := do(l.handler, r).Body.String()
	return strings.Contains(body, `"held":true`) && strings.Contains(body, token.Reveal())
}

func TestFollowedLinkLeavesACleanAddress(t *testing.T) {
	for _, issuer := range []string{"https://id.example.com", "https://id.example.com/auth", "http://localhost:8080"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			l, token := newLinked(t, issuer), secret.New()
			answer := do(l.handler, request(method, issuer+"/page/"+token.Reveal(), ""))
			for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
				if got := answer.Header().Get(name); got != want {
					t.Errorf("%s is %q", name, got)
				}
			}
			location := answer.Header().Get("Location")
			if !strings.HasPrefix(location, issuer+"/page?link=") || strings.Contains(location+answer.Body.String(), token.Reveal()) {
				t.Errorf("%s: redirected to %s with %s", method, location, answer.Body)
			}
			line := answer.Header().Get("Set-Cookie")
			if !strings.HasSuffix(line, "="+token.Reveal()+"; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax") &&
				!strings.HasSuffix(line, "="+token.Reveal()+"; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax") {
				t.Errorf("the cookie is %s", line)
			}
			if strings.HasPrefix(issuer, "https:") && !strings.HasPrefix(line, "__Host-") {
				t.Errorf("the cookie is %s", line)
			}
			if route := l.line(t)["route"]; route != httpx.Path(issuer)+"/page/{token}" {
				t.Errorf("the log has the route %v", route)
			}
			if strings.Contains(l.log.String(), token.Reveal()) {
				t.Error("the secret is in the log")
			}
		}
	}
}

// A link can be followed often, also by several at once in one browser: each page is that of its own link,
// or asks for it.
func TestLinksOfOneBrowser(t *testing.T) {
	l, first, second := newLinked(t, "https://id.example.com"), secret.New(), secret.New()
	page, cookie := l.follow(t, http.MethodGet, first)
	again, sameCookie := l.follow(t, http.MethodHead, first)
	if page != again || cookie.Value != sameCookie.Value || !l.opens(page, first, cookie) {
		t.Error("the link works once only")
	}
	other, otherCookie := l.follow(t, http.MethodGet, second)
	if otherCookie.Name != cookie.Name { // a site that has many links followed doesn't fill the Cookie header
		t.Errorf("the cookies are %s and %s", cookie.Name, otherCookie.Name)
	}
	if !l.opens(other, second, otherCookie) || l.opens(page, first, otherCookie) || l.opens(page, second, otherCookie) || l.opens(l.issuer+"/page", second, otherCookie) {
		t.Error("a page opened by the cookie of another link")
	}
	for cleared, token := range map[bool]secret.Redacted{false: first, true: second} {
		r := request(http.MethodPost, l.issuer+"/page/"+token.Reveal()+"/used", "")
		r.AddCookie(&http.Cookie{Name: otherCookie.Name, Value: otherCookie.Value})
		if got := strings.Contains(do(l.handler, r).Header().Get("Set-Cookie"), "Max-Age=0"); got != cleared {
			t.Errorf("the cookie was cleared: %t, want %t", got, cleared)
		}
	}
}

func TestForeignCookiesOpenNoLink(t *testing.T) {
	l, token := newLinked(t, "https://id.example.com/auth"), secret.New()
	page, cookie := l.follow(t, http.MethodGet, token)
	_, planted := l.follow(t, http.MethodGet, secret.New())
	_, neighbour := newLinked(t, "https://id.example.com").follow(t, http.MethodGet, token)
	for name, cookies := range map[string][]*http.Cookie{
		"another browser":            nil,
		"of another link":            {planted},
		"planted beside":             {cookie, planted},
		"of another issuer's path":   {neighbour},
		"planted by a sub-domain":    {{Name: strings.TrimPrefix(cookie.Name, "__Host-"), Value: token.Reveal()}},
		"of the page's address only": {{Name: cookie.Name, Value: page[strings.Index(page, "link=")+len("link="):]}},
	} {
		if l.opens(page, token, cookies...) {
			t.Errorf("opened with a cookie %s", name)
		}
	}
	if !l.opens(page, token, cookie, neighbour) {
		t.Error("the cookie of another issuer on this host closes the page")
	}
}

// What can't be a secret is neither kept nor reflected.
func TestMalformedLinks(t *testing.T) {
	l, token := newLinked(t, "https://id.example.com"), secret.New().Reveal()
	for _, text := range []string{"x", token[1:], token + ".", token + "A", token[1:] + "%0A", token[1:] + "%3B", token[1:] + "%2F", token[2:] + "%C3%A9", strings.Repeat("A", 4096)} {
		answer := do(l.handler, request(http.MethodGet, "https://id.example.com/page/"+text, ""))
		if answer.Code != http.StatusSeeOther || answer.Header().Get("Location") != "https://id.example.com/page" || answer.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d to %s with cookie %q", text, answer.Code, answer.Header().Get("Location"), answer.Header().Get("Set-Cookie"))
		}
	}
	if strings.Contains(l.log.String(), token[2:]) {
		t.Error("a malformed link is in the log")
	}
}

// A handler that panics puts neither the secret nor the cookie anywhere.
func TestPanicAtALinkTellsNothing(t *testing.T) {
	w, token := newWorld(t), secret.New()
	w.router.Browser().HandleFunc("GET /page/{token}", func(http.ResponseWriter, *http.Request) { panic("broken") })
	answer := do(w.router.Handler(), request(http.MethodGet, "https://id.example.com/page/"+token.Reveal(), ""))
	if answer.Code != http.StatusInternalServerError || !strings.Contains(w.log.String(), "broken") {
		t.Fatalf("%d, %s", answer.Code, w.log)
	}
	if strings.Contains(w.log.String()+answer.Body.String(), token.Reveal()) {
		t.Error("the secret is in the log or on the page")
	}
}
