package http_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

const toldAt = "https://shop.example/out?a=b"

func frontChannel(n *client.Metadata) {
	n.FrontChannelLogoutURI, n.FrontChannelLogoutSessionRequired = toldAt, true
}

// framesOf returns the addresses that a page loads.
func framesOf(page testx.Answer) []string {
	var all []string
	for _, found := range regexp.MustCompile(`<iframe src="([^"]*)"`).FindAllStringSubmatch(page.Body, -1) {
		all = append(all, html.UnescapeString(found[1]))
	}
	return all
}

// told returns the address at which a client is told of the end of a shopper's session.
func (s shopper) told(uri string) string {
	s.w.T.Helper()
	_, claims := jwt(s.w.T, s.hint)
	sid, _ := claims["sid"].(string)
	if sid == "" {
		s.w.T.Fatal("the ID token has no sid")
	}
	return oauth.RedirectURIWithParameters(uri, []oauth.Parameter{{Name: "iss", Value: s.w.Issuer}, {Name: "sid", Value: sid}})
}

// tells checks the page: it loads these addresses, allows these origins, and goes on
// to one place, or nowhere.
func tells(t *testing.T, page testx.Answer, onward, sources string, frames ...string) {
	t.Helper()
	signedOutPage.check(t, page)
	if got := framesOf(page); !slices.Equal(got, frames) {
		t.Errorf("the frames are %q, want %q", got, frames)
	}
	policy := page.Header.Get("Content-Security-Policy")
	if _, allowed, _ := strings.Cut(policy, "frame-src "); strings.SplitN(allowed, ";", 2)[0] != sources {
		t.Errorf("the policy is %s", policy)
	}
	for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "Location": ""} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	refresh := regexp.MustCompile(`<noscript><meta http-equiv="refresh" content="3;url=([^"]*)"></noscript>`).FindStringSubmatch(page.Body)
	link := regexp.MustCompile(`id="signed-out-continue" href="([^"]*)"`).FindStringSubmatch(page.Body)
	if onward == "" {
		if refresh != nil || link != nil || strings.Contains(policy, "script-src") || !strings.Contains(page.Body, `id="signed-out-login"`) {
			t.Errorf("the page goes on:\n%s", page.Body)
		}
		return
	}
	if refresh == nil || html.UnescapeString(refresh[1]) != onward || link == nil || html.UnescapeString(link[1]) != onward {
		t.Errorf("it goes on to %q and %q, want %q", refresh, link, onward)
	}
	if strings.Count(policy, "script-src 'sha256-") != 1 || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
}

func TestFrontChannelLogout(t *testing.T) {
	t.Parallel()
	const shop = "https://shop.example"
	play(t, []Scenario{
		{Name: "by the client, and on to its address", Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			page := s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout), set("state", "a b&c"))
			tells(w.T, page, afterLogout+"?state=a+b%26c", shop, s.told(toldAt))
			s.mustBeSignedOut()
			return page
		}},
		{Name: "posted from another site", Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			page := s.Send(w.Issuer+"/oidc/logout", merged(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout)),
				testx.Header("Origin", shop), testx.Header("Sec-Fetch-Site", "cross-site"))
			tells(w.T, page, afterLogout, shop, s.told(toldAt))
			return page
		}},
		{Name: "after the question", Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			question := s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout), set("state", "s"))
			if len(framesOf(question)) > 0 {
				w.T.Error("the question tells already")
			}
			page := s.decide(question, "logout")
			tells(w.T, page, afterLogout+"?state=s", shop, s.told(toldAt))
			signedOutPage.check(w.T, s.decide(question, "logout")) // pressed twice
			return page
		}},
		{Name: "on the page, and stays", Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			page := s.decide(s.Open(w.Issuer+"/logout"), "logout")
			tells(w.T, page, "", shop, s.told(toldAt))
			return page
		}},
		{Name: "by a hint alone", Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			page := s.ask(set("id_token_hint", s.hint), set("state", "s"))
			tells(w.T, page, "", shop, s.told(toldAt))
			return page
		}},
		{Name: "nobody stays signed in who wanted to stay", Want: Want{Status: http.StatusOK, Body: []string{"You are signed in"}}, WantNot: []string{"<iframe", "shop.example"}, Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			return s.decide(s.Open(w.Issuer+"/logout"), "stay")
		}},
		{Name: "all clients of the session, with the sid alone, and of no other session", Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			w.shopper(frontChannel) // the same person elsewhere
			w.shopperAt(w.shop(frontChannel), w.Browser(), w.Person("eve"))
			other := w.Confidential("https://other.example:8443/callback", func(n *client.Metadata) {
				n.Name, n.FrontChannelLogoutURI, n.SubjectType = "Other", "https://other.example:8443/out;x=y", client.SubjectPairwise
			})
			there := w.shopperAt(other, s.Browser, w.Ada)
			disabled := w.shop(frontChannel)
			w.shopperAt(disabled, s.Browser, w.Ada)
			must(w.T, w.Clients.Disable(w.T.Context(), disabled.ID))
			page := s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
			tells(w.T, page, afterLogout, "https://other.example:8443", there.told("https://other.example:8443/out;x=y"))
			return page
		}},
		{Name: "nobody has to be told", Want: Want{Status: http.StatusSeeOther}, WantNot: []string{"<iframe", "frame-src"}, Do: func(w *World) testx.Answer {
			s := w.shopper(nil)
			return s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
		}},
	})
}

// Nobody but the browser whose session was ended, and only once, sees the page: it
// is not a page that sends people somewhere, or that says where somebody is signed in.
func TestFrontChannelPageIsOneBrowsers(t *testing.T) {
	t.Parallel()
	nothing := []string{"<iframe", "frame-src", "http-equiv"}
	valid := func(s shopper) url.Values {
		return merged(set("id_token_hint", s.hint), set("post_logout_redirect_uri", afterLogout))
	}
	play(t, []Scenario{
		{Name: "reloaded", Want: Want{Status: http.StatusSeeOther}, WantNot: nothing, Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			s.ask(valid(s))
			return s.ask(valid(s))
		}},
		{Name: "in another browser, afterwards", Want: Want{Status: http.StatusSeeOther}, WantNot: nothing, Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			s.ask(valid(s))
			return w.Browser().Open(w.Issuer + "/oidc/logout?" + valid(s).Encode())
		}},
		{Name: "in another browser, before", Want: Want{Status: http.StatusSeeOther}, WantNot: nothing, Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			defer s.mustBeSignedIn()
			return w.Browser().Open(w.Issuer + "/oidc/logout?" + valid(s).Encode())
		}},
		{Name: "with the handle of another's request", Want: signedOutPage, WantNot: append(nothing, "shop.example"), Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			page := s.ask(set("client_id", s.shop.ClientID), set("post_logout_redirect_uri", afterLogout))
			handle := page.Form().Fields.Get("interaction")
			s.decide(page, "logout")
			return w.Browser().Open(w.Issuer + "/oidc/logout?" + set("handle", handle).Encode())
		}},
		{Name: "with the old cookie", Want: Want{Status: http.StatusSeeOther}, WantNot: nothing, Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			old := cookies(s.Browser)
			s.ask(valid(s))
			return w.Get("/oidc/logout?"+valid(s).Encode(), testx.Header("Cookie", old))
		}},
		{Name: "a frame's own address for the way on", Want: refusedLogout(redirectIsWrong), WantNot: nothing, Do: func(w *World) testx.Answer {
			s := w.shopper(frontChannel)
			return s.ask(set("id_token_hint", s.hint), set("post_logout_redirect_uri", toldAt))
		}},
	})
}

// A client that registers itself.
func TestFrontChannelRegistration(t *testing.T) {
	t.Parallel()
	refused := jsonError(http.StatusBadRequest, oauth.InvalidClientMetadata)
	with := func(members object) func(*World) testx.Answer {
		return func(w *World) testx.Answer { return w.enroll("", plain.with(members)) }
	}
	play(t, []Scenario{
		{Name: "is kept", Want: Want{Status: http.StatusCreated, Body: []string{
			`"frontchannel_logout_uri":"https://app.example/out?a=b"`, `"frontchannel_logout_session_required":true`,
		}}, Do: with(object{"frontchannel_logout_uri": "https://app.example/out?a=b", "frontchannel_logout_session_required": true})},
		{Name: "of another origin", Want: refused, Do: with(object{"frontchannel_logout_uri": "https://evil.example/out"})},
		{Name: "with a fragment", Want: refused, Do: with(object{"frontchannel_logout_uri": "https://app.example/out#x"})},
		{Name: "that widens the policy", Want: refused, Do: with(object{"frontchannel_logout_uri": "https://app.example;script-src */out"})},
		{Name: "on the user's machine", Want: refused, Do: with(object{
			"frontchannel_logout_uri": "http://127.0.0.1:3000/out", "redirect_uris": []string{"http://127.0.0.1:3000/callback"}, "application_type": "native",
		})},
		{Name: "a wrong type", Want: refused, Do: with(object{"frontchannel_logout_session_required": "yes"})},
		{Name: "is changed with the record, and held to the redirect URIs that it then has", Want: refused, Do: func(w *World) testx.Answer {
			made := w.enroll("", plain.with(object{"frontchannel_logout_uri": "https://app.example/out"}))
			token := testx.Bearer(made.Text("registration_access_token"))
			change := func(members object) testx.Answer {
				return w.Call(http.MethodPut, made.Text("registration_client_uri"), nil, token, testx.JSON(plain.with(object{"client_id": made.Text("client_id")}).with(members).String()))
			}
			changed := change(object{"frontchannel_logout_uri": "https://app.example/elsewhere"})
			Want{Status: http.StatusOK, Body: []string{`"frontchannel_logout_uri":"https://app.example/elsewhere"`}}.check(w.T, changed)
			Want{Status: http.StatusOK, Body: []string{`"frontchannel_logout_uri":"https://app.example/elsewhere"`}}.check(w.T, w.Get(made.Text("registration_client_uri"), token))
			Want{Status: http.StatusOK}.check(w.T, change(object{}))
			refuseText(w.T, w.Get(made.Text("registration_client_uri"), token), "frontchannel_logout_uri")
			return change(object{"frontchannel_logout_uri": "https://app.example/out", "redirect_uris": []string{"https://new.example/callback"}})
		}},
	}, withRegistration(registration.Open), unlimited)
}
