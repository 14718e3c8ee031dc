package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/testx"
)

// told is an application that notes what browsers ask it for at a logout.
type told struct {
	url string
	// slowly is a path that is answered after the timer of the signed-out page; "" for none.
	slowly string

	mu   sync.Mutex
	seen []string // path and query
}

func newTold(t *testing.T, out http.HandlerFunc) *told {
	t.Helper()
	p := &told{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.URL.RequestURI())
		p.mu.Unlock()
		if r.URL.Path == "/out" && out != nil {
			out(w, r)
			return
		}
		if r.URL.Path == p.slowly {
			select {
			case <-time.After(6 * time.Second):
			case <-r.Context().Done():
			}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>Application</title><h1 id="application">Application</h1>`))
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *told) requests(path string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []string
	for _, each := range p.seen {
		if strings.HasPrefix(each, path) {
			found = append(found, each)
		}
	}
	return found
}

// register makes a client of the application. The redirect URI of the relying party
// is the other one.
func (p *told) register(s *testx.Server, name string) testx.Client {
	return s.Confidential(loopback, func(m *client.Metadata) {
		m.Name, m.RedirectURIs = name, []string{loopback, p.url + "/callback"}
		m.FrontChannelLogoutURI, m.FrontChannelLogoutSessionRequired = p.url+"/out?x=y", true
		m.PostLogoutRedirectURIs = []string{p.url + "/goodbye?from=authly"}
	})
}

// endSession returns where an application sends the browser for a logout.
func endSession(s *testx.Server, p *told, hint string) string {
	return s.Issuer + "/oidc/logout?" + url.Values{
		"id_token_hint": {hint}, "post_logout_redirect_uri": {p.url + "/goodbye?from=authly"}, "state": {"a b&c=d"},
	}.Encode()
}

// A logout at one of two applications loads the page of each, with the iss and sid
// of their ID tokens, and ends where it should.
func TestFrontChannelLogout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada, browser := s.Person("ada"), newBrowser(t)
		for _, test := range []struct {
			name    string
			prepare func(b tab)
		}{
			{"with JavaScript", func(tab) {}},
			{"without JavaScript", tab.withoutJavaScript},
		} {
			t.Run(test.name, func(t *testing.T) {
				first, second, b := newTold(t, nil), newTold(t, nil), newTab(t, browser)
				one, two := newRelyingParty(t, s, first.register(s, "First")), newRelyingParty(t, s, second.register(s, "Second"))
				b.do(chromedp.Navigate(one.url+"/start"), signIn("ada", ada.Password), press("consent-allow"))
				one.signedIn(b)
				b.do(chromedp.Navigate(two.url+"/start"), press("consent-allow"))
				found := two.signedIn(b)
				var claims struct {
					SID string `json:"sid"`
				}
				if err := found.idToken.Claims(&claims); err != nil || claims.SID == "" {
					t.Fatalf("no sid: %v", err)
				}
				hint, _ := found.token.Extra("id_token").(string)
				test.prepare(b)
				b.do(chromedp.Navigate(endSession(s, second, hint)), shows("application"))
				if at, want := b.ask("location.href"), second.url+"/goodbye?from=authly&state=a+b%26c%3Dd"; at != want {
					t.Errorf("the browser is at %s, want %s", at, want)
				}
				want := []string{"/out?x=y&iss=" + url.QueryEscape(s.Issuer) + "&sid=" + claims.SID}
				for name, p := range map[string]*told{"first": first, "second": second} {
					if got := p.requests("/out"); !slices.Equal(got, want) {
						t.Errorf("the %s application was asked for %q, want %q", name, got, want)
					}
				}
				b.do(chromedp.Navigate(one.url+"/start"), shows("login-form"))
			})
		}
	})
}

// A client that takes longer than the page's own timer to answer is asked once for the page to which
// the browser goes on.
func TestSignedOutPageGoesOnOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada, b := s.Person("ada"), newTab(t, newBrowser(t))
		slow := newTold(t, nil)
		slow.slowly = "/goodbye"
		party := newRelyingParty(t, s, slow.register(s, "Slow"))
		b.do(chromedp.Navigate(party.url+"/start"), signIn("ada", ada.Password), press("consent-allow"))
		hint, _ := party.signedIn(b).token.Extra("id_token").(string)
		b.do(chromedp.Navigate(endSession(s, slow, hint)), shows("application"))
		if got := slow.requests("/goodbye"); len(got) != 1 {
			t.Errorf("the browser asked for %q", got)
		}
	})
}

// An application that never answers, redirects elsewhere, or wants to take over
// the page doesn't keep the browser from going on to where it should.
func TestFrontChannelLogoutWithHostileApplications(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada, b := s.Person("ada"), newTab(t, newBrowser(t))
		elsewhere, released := newTold(t, nil), make(chan struct{})
		t.Cleanup(func() { close(released) })
		silent := newTold(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-released:
			case <-r.Context().Done():
			}
		})
		away := newTold(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.url+"/framed", http.StatusFound)
		})
		over := newTold(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<script>try { top.location = "` + elsewhere.url + `/taken" } catch (e) {} open("` + elsewhere.url + `/opened"); fetch("/ran")</script>`))
		})
		var hint string
		for i, p := range []*told{silent, away, over} {
			party := newRelyingParty(t, s, p.register(s, "Hostile"))
			b.do(chromedp.Navigate(party.url + "/start"))
			if i == 0 {
				b.do(signIn("ada", ada.Password))
			}
			b.do(press("consent-allow"))
			hint, _ = party.signedIn(b).token.Extra("id_token").(string)
		}
		begun := time.Now()
		b.do(chromedp.Navigate(endSession(s, over, hint)), shows("application"))
		if at := b.ask("location.href"); !strings.HasPrefix(at, over.url+"/goodbye?") {
			t.Errorf("the browser is at %s", at)
		}
		if took := time.Since(begun); took > 40*time.Second {
			t.Errorf("it took %s", took)
		}
		for _, p := range []*told{silent, away, over} {
			if len(p.requests("/out")) != 1 {
				t.Error("an application was not asked")
			}
		}
		if len(over.requests("/ran")) != 1 {
			t.Error("the script did not run, so that this shows nothing")
		}
		if got := elsewhere.requests("/"); len(got) > 0 {
			t.Errorf("something else was loaded: %q", got)
		}
	})
}
