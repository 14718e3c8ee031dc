package http_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
	"authly/internal/testx"
)

// markup are texts that would run as a script where a page shows them as they are.
func markup() []string {
	return []string{
		`"><script>alert(1)</script>`, `'><svg onload=alert(1)>`, `</title><img src=x onerror=alert(1)>`, `--><script>alert(1)</script>`,
		`" autofocus onfocus=alert(1) x="`, `' onmouseover='alert(1)`,
	}
}

// refuseMarkup holds that no part of a page is one of the texts as it was sent.
func refuseMarkup(t *testing.T, place string, page testx.Answer, sent string) {
	t.Helper()
	for _, live := range []string{sent, "<script>alert", "<svg onload", "<img src=x", `" autofocus onfocus`, `' onmouseover='`} {
		if strings.Contains(page.Body, live) {
			t.Errorf("%s shows %q as it was sent:\n%s", place, live, page.Body)
		}
	}
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s: Content-Security-Policy %q", place, policy)
	}
}

// Every text of others that a page shows, with markup in it.
func TestMarkupIsShownAsText(t *testing.T) {
	t.Parallel()
	shown := func(name string) string { return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(name) }
	for place, show := range map[string]func(w *World, text string) testx.Answer{
		"the sign-in page of a client": func(w *World, text string) testx.Answer {
			known := w.Confidential(callback, func(m *client.Metadata) { m.Name = text })
			return w.Browser().Open(w.AuthorizeURL(w.Request(known)))
		},
		"the consent page of a client": func(w *World, text string) testx.Answer {
			known, browser := w.Confidential(callback, func(m *client.Metadata) { m.Name = text }), w.SignedIn()
			return browser.Open(w.AuthorizeURL(w.Request(known)))
		},
		"the logout page of a client": func(w *World, text string) testx.Answer {
			known := w.Confidential(callback, func(m *client.Metadata) { m.Name, m.PostLogoutRedirectURIs = text, []string{afterLogout} })
			return w.SignedIn().Open(w.Issuer + "/oidc/logout?" + url.Values{"client_id": {known.ClientID}, "post_logout_redirect_uri": {afterLogout}}.Encode())
		},
		"a scope's description": func(w *World, text string) testx.Answer {
			name := "s" + strings.ToLower(w.Ada.Subject()[:8]) + fmt.Sprintf("%d-%d", len(text), text[1])
			must(w.T, w.Scopes.Create(w.T.Context(), scope.Scope{Name: name, Description: text, Active: true}))
			known := w.Confidential(callback, func(m *client.Metadata) { m.Scopes = append(m.Scopes, name) })
			return w.SignedIn().Open(w.AuthorizeURL(w.Request(known, set("scope", "openid "+name))))
		},
		"login_hint": func(w *World, text string) testx.Answer { return w.Authorize(w.Browser(), set("login_hint", text)) },
		"an identifier that was typed": func(w *World, text string) testx.Answer {
			browser := w.Browser()
			return browser.Submit(w.Authorize(browser), url.Values{"username": {text}, "password": {"not the password"}})
		},
		"state in a form for the client": func(w *World, text string) testx.Answer {
			return w.Authorize(w.SignedIn(), set("state", text), set("response_mode", "form_post"))
		},
	} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "output: markup is shown as text")
			w := newWorld(t, db.SQLite)
			w.T = t
			for _, text := range markup() {
				page := show(w, text)
				refuseMarkup(t, place, page, text)
				// The control: the page does show the text.
				if want := shown(text[2:10]); !strings.Contains(page.Body, want) {
					t.Errorf("%s has no %q: %d\n%s", place, want, page.Status, page.Body)
				}
			}
		})
	}
}

// What is wrong with a request is told on a page that repeats nothing of it as it is.
func TestMarkupInErrors(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "output: errors repeat no markup")
	w := newWorld(t, db.SQLite)
	for _, text := range markup() {
		for _, name := range []string{"client_id", "redirect_uri", "response_type", "scope", "prompt", "ui_locales", "display", "claims", "max_age", "response_mode", "request", "error_description"} {
			for _, path := range []string{"/oauth/authorize", "/oidc/logout", "/login", "/consent", "/select-account", "/invitation"} {
				values := w.Request(w.App, set(name, text), set("interaction", text), set("token", text)).Values
				page := w.Get(path + "?" + values.Encode())
				refuseMarkup(t, path+" with "+name, page, text)
			}
		}
		for _, path := range []string{"/" + url.PathEscape(text), "/logos/" + url.PathEscape(text), "/oauth/register/" + url.PathEscape(text), "/invitation/" + url.PathEscape(text)} {
			refuseText(t, w.Get(path), text)
		}
	}
}

// A line break in what is sent begins no header, and no second answer.
func TestLineBreaksBeginNoHeader(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "output: line breaks begin no header")
	w := newWorld(t, db.SQLite)
	browser := w.SignedIn()
	for _, text := range []string{"x\r\nSet-Cookie: planted=1", "x\nSet-Cookie: planted=1", "x\rSet-Cookie: planted=1", "x\r\n\r\n<html>planted", "x\u2028planted", "x%0d%0aSet-Cookie: planted=1", "x嘊嘍Set-Cookie: planted=1"} {
		for _, name := range []string{"state", "redirect_uri", "login_hint", "nonce", "ui_locales", "client_id", "scope", "resource"} {
			for _, prompt := range []string{"none", "login"} {
				request := w.Request(w.App, set("prompt", prompt), set(name, text))
				answer := browser.Open(w.AuthorizeURL(request))
				for _, cookie := range (&http.Response{Header: answer.Header}).Cookies() {
					if cookie.Name == "planted" {
						t.Errorf("%s: a cookie was planted", name)
					}
				}
				if location := answer.Header.Get("Location"); strings.ContainsAny(location, "\r\n") || strings.HasPrefix(answer.Body, "<html>planted") {
					t.Errorf("%s: %q", name, location)
				}
				if name == "state" && prompt == "none" && answer.Query().Get("state") != text && answer.Query().Get("error") == "" {
					t.Errorf("the state came back as %q", answer.Query().Get("state"))
				}
			}
		}
	}
}

// Nothing that is sent becomes a line of the log.
func TestNobodyWritesLinesOfTheLog(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "output: lines of the log are not forged")
	w := newWorld(t, db.SQLite)
	forged := "x\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n"
	escaped := url.QueryEscape(forged)
	browser := w.Browser()
	browser.Submit(w.Authorize(browser), url.Values{"username": {forged}, "password": {"not the password"}})
	w.Get("/"+url.PathEscape(forged), testx.Header("User-Agent", "x forged"))
	w.Get("/oauth/authorize?client_id=" + escaped + "&state=" + escaped)
	w.Post("/oauth/token", machine(set("client_id", forged), set("client_secret", forged)))
	w.Post("/oauth/token", machine(), func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(forged), "x") })
	w.Call("FORGED", "/oauth/token", nil)
	w.Get("/oidc/userinfo", testx.Bearer("forged.forged.forged"))
	lines := strings.Split(strings.TrimSpace(w.Log()), "\n")
	if len(lines) < 7 {
		t.Errorf("only %d lines", len(lines))
	}
	for _, line := range lines {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["msg"] == "forged" || entry["method"] == "FORGED" {
			t.Errorf("%v in %q", err, line)
		}
	}
}

// What is searched for is a value of a statement, and its wildcards are letters.
func TestSearchTextsAreValues(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "search texts, cursor and filters", Rule: "output: SQL in search texts", Want: Want{Status: http.StatusOK}, Do: func(w *World) testx.Answer {
		a := &administration{w.Server, w.T}
		token := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
		percent := w.Confidential(callback, func(m *client.Metadata) { m.Name = "100% Shop" })
		count := func(answer testx.Answer, member string) int {
			list, _ := answer.JSON[member].([]any)
			return len(list)
		}
		for _, text := range []string{`' OR '1'='1`, `' OR 1=1 --`, `'; DROP TABLE users; --`, `" OR ""="`, `\' OR 1=1 --`, `%' OR '%'='`, `) OR (1=1`, `_`, `\`, `%%%%`, `';SELECT pg_sleep(20)--`} {
			for search, member := range map[string]string{
				"/users?username": "users", "/users?email": "users", "/users?given_name": "users", "/users?identifier": "users", "/clients?q": "clients",
			} {
				answer := a.send(token, http.MethodGet, search+"="+url.QueryEscape(text), "")
				if answer.Status != http.StatusOK || count(answer, member) != 0 && text != `_` {
					w.T.Errorf("%s=%s: %d, %d found", search, text, answer.Status, count(answer, member))
				}
			}
			for _, path := range []string{"/users", "/clients", "/scopes", "/sessions", "/audit-events", "/grants", "/tokens", "/initial-access-tokens", "/signing-keys"} {
				for _, name := range []string{"cursor", "state", "sort", "order", "limit"} {
					if answer := a.send(token, http.MethodGet, path+"?"+url.Values{name: {text}}.Encode(), ""); answer.Status < http.StatusBadRequest || answer.Status >= http.StatusInternalServerError {
						w.T.Errorf("%s with %s=%s: %d %s", path, name, text, answer.Status, answer.Body)
					}
				}
			}
		}
		if found := a.send(token, http.MethodGet, "/clients?q=100%25", ""); count(found, "clients") != 1 || !strings.Contains(found.Body, percent.ClientID) {
			w.T.Errorf("a percent sign finds %s", found.Body)
		}
		return a.send(token, http.MethodGet, "/users?username=ada", "") // the control, and the table is still there
	}}})
}

// Bounds of what a request may have in number and size; each is refused and nothing is slow.
func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, db.SQLite)
	many := url.Values{}
	for i := range 2000 {
		many.Set(fmt.Sprintf("parameter-%d", i), "x")
	}
	scopes := make([]string, 3000)
	for i := range scopes {
		scopes[i] = fmt.Sprintf("scope-%d", i)
	}
	resources := make([]string, 500)
	for i := range resources {
		resources[i] = fmt.Sprintf("https://api.example/%d", i)
	}
	with := func(changes ...url.Values) url.Values {
		form := machine()
		for _, change := range changes {
			for name, values := range change {
				form[name] = values
			}
		}
		return form
	}
	for rule, send := range map[string]func() testx.Answer{
		"bounds: number of parameters": func() testx.Answer { return w.Post("/oauth/token", with(many), testx.As(w.App)) },
		"bounds: size of a parameter": func() testx.Answer {
			return w.Post("/oauth/token", with(set("x", strings.Repeat("x", 9<<10))), testx.As(w.App))
		},
		"bounds: size of a body": func() testx.Answer {
			return w.Post("/oauth/token", with(set("x", strings.Repeat("x", 1<<20))), testx.As(w.App))
		},
		"bounds: length of scope": func() testx.Answer {
			return w.Post("/oauth/token", with(set("scope", strings.Join(scopes, " "))), testx.As(w.App))
		},
		"bounds: number of resources": func() testx.Answer {
			return w.Post("/oauth/token", with(url.Values{"resource": resources}), testx.As(w.App))
		},
		"bounds: size of a token": func() testx.Answer { return w.Introspect(w.App, strings.Repeat("x", 60<<10)) },
		"bounds: depth of claims": func() testx.Answer {
			return w.Authorize(w.SignedIn(), set("prompt", "none"), set("claims", strings.Repeat(`{"userinfo":`, 2000)+strings.Repeat("}", 2000)))
		},
		"bounds: size of a request": func() testx.Answer { return w.Get("/oauth/authorize?x=" + strings.Repeat("x", 100<<10)) },
	} {
		t.Run(rule, func(t *testing.T) {
			ledger.Holds(t, rule)
			begun := clock.System().Now()
			answer := send()
			isRefused := answer.Status >= http.StatusBadRequest && answer.Status < http.StatusInternalServerError ||
				slices.Contains([]string{string(oauth.InvalidRequest), string(oauth.InvalidScope)}, answer.Query().Get("error"))
			if !isRefused {
				t.Errorf("%d %s %s", answer.Status, answer.Header.Get("Location"), answer.Body)
			}
			if took := clock.System().Now().Sub(begun); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if len(answer.Body) > 20<<10 {
				t.Errorf("the refusal has %d bytes", len(answer.Body))
			}
		})
	}
}

// raw sends bytes, and a second request behind them, and returns all that comes back.
func (w *World) raw(sent string) string {
	w.T.Helper()
	var dialer net.Dialer
	connection, err := dialer.DialContext(w.T.Context(), "tcp", strings.TrimPrefix(w.Issuer, "http://"))
	must(w.T, err)
	defer func() { _ = connection.Close() }()
	must(w.T, connection.SetDeadline(clock.System().Now().Add(20*time.Second)))
	_, _ = io.WriteString(connection, sent+"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(connection)
	return string(answer)
}

// RFC 9112 sections 6.3 and 11.2: where two readers could disagree about where a request ends,
// it is refused and the connection ends with it, so that nothing behind it is answered.
func TestAmbiguousRequestsEndTheConnection(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "proxy: ambiguous requests")
	w := newWorld(t, db.SQLite)
	const head = "POST /oauth/token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	for name, sent := range map[string]string{
		"two lengths":                   head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
		"a list of lengths":             head + "Content-Length: 1, 2\r\n\r\na",
		"a length with a sign":          head + "Content-Length: +1\r\n\r\na",
		"a negative length":             head + "Content-Length: -1\r\n\r\na",
		"a length in hexadecimal":       head + "Content-Length: 0x1\r\n\r\na",
		"another coding":                head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"a coding that is none":         head + "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na",
		"two codings":                   head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"a list of codings":             head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"a space before the colon":      head + "Content-Length : 1\r\n\r\na",
		"a chunk with a sign":           head + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
		"a chunk with a prefix":         head + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
		"a chunk beyond all numbers":    head + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n",
		"a CR in a name":                head + "X\rY: b\r\nContent-Length: 1\r\n\r\na",
		"a NUL in a value":              head + "X: a\x00b\r\nContent-Length: 1\r\n\r\na",
		"no host":                       "POST /oauth/token HTTP/1.1\r\nContent-Length: 1\r\n\r\na",
		"two hosts":                     head + "Host: evil.example\r\nContent-Length: 1\r\n\r\na",
		"a host with a space":           "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
		"a request without a version":   "GET /healthz\r\n\r\n",
		"pseudo-headers of HTTP/2":      "GET /healthz HTTP/1.1\r\nHost: h\r\n:authority: evil.example\r\n\r\n",
		"a line that is no header line": head + "evil\r\nContent-Length: 1\r\n\r\na",
	} {
		answer := w.raw(sent)
		status, _, _ := strings.Cut(answer, "\r\n")
		if strings.Count(answer, "HTTP/1.") != 1 || !strings.Contains(status, " 400 ") && !strings.Contains(status, " 501 ") {
			t.Errorf("%s: %q", name, answer)
		}
	}
	// The control: what is not ambiguous is answered, and what is behind it, too.
	if answer := w.raw(head + "Content-Length: 1\r\n\r\na"); strings.Count(answer, "HTTP/1.1 ") != 2 || !strings.Contains(answer, "HTTP/1.1 200 OK") {
		t.Errorf("two good requests: %q", answer)
	}
}

// Nothing is built from what a request says about the host, in any place where it may.
func TestHostsOfRequestsAreNotUsed(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "proxy: Host, absolute form and forwarded headers")
	w := newWorld(t, db.SQLite)
	w.T = t
	const evil = "evil.example"
	lines := "Host: " + evil + "\r\nX-Forwarded-Host: " + evil + "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 444\r\nForwarded: host=" + evil + ";proto=https\r\nX-Original-URL: http://" + evil + "/\r\nX-Rewrite-URL: /healthz\r\n\r\n"
	query := strings.TrimPrefix(w.AuthorizeURL(w.Request(w.App)), w.Issuer)
	for _, target := range []string{
		"/.well-known/openid-configuration", "http://" + evil + "/.well-known/openid-configuration", query, "http://" + evil + query, "/login", "http://" + evil + "/nothing", "/oidc/userinfo",
	} {
		answer := w.raw("GET " + target + " HTTP/1.1\r\n" + lines)
		if answer == "" || strings.Contains(answer, evil) || strings.Contains(answer, ":444") {
			t.Errorf("%s: %q", target, answer)
		}
	}
}
