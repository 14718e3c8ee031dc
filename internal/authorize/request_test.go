package authorize_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// errorDescription is what RFC 6749 section 4.1.2.1 allows, without what means something in HTML.
var errorDescription = regexp.MustCompile(`^[\x20-\x21\x23-\x25\x27-\x3b\x3d\x3f-\x5b\x5d-\x7e]*$`)

// OpenID Connect Core 1.0 section 3.1.2.1: with prompt=none no page is shown, whatever else is wrong.
func TestPromptNoneNeverShowsAPage(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for name, test := range map[string]struct {
			change url.Values
			more   string
			want   oauth.ErrorCode
		}{
			"alone":              {url.Values{"prompt": {"none"}}, "", oauth.LoginRequired},
			"with login":         {url.Values{"prompt": {"none login"}}, "", oauth.InvalidRequest},
			"with consent first": {url.Values{"prompt": {"consent none"}}, "", oauth.InvalidRequest},
			"with an unknown":    {url.Values{"prompt": {"none create"}}, "", oauth.InvalidRequest},
			"with two spaces":    {url.Values{"prompt": {"none  login"}}, "", oauth.InvalidRequest},
			"with a bad scope":   {url.Values{"prompt": {"none"}, "scope": {"admin"}}, "", oauth.InvalidScope},
			"with a repetition":  {url.Values{"prompt": {"none"}}, "&nonce=again", oauth.InvalidRequest},
		} {
			for _, browser := range []*testx.Browser{w.Browser(), w.signedIn()} {
				answer := browser.Open(w.AuthorizeURL(w.Request(w.app, test.change)) + test.more)
				got := answer.Query().Get("error")
				if name == "alone" && got == string(oauth.ConsentRequired) { // somebody is signed in
					got = string(test.want)
				}
				if answer.Status != http.StatusSeeOther || got != string(test.want) || answer.Query().Get("iss") != w.Issuer {
					t.Errorf("%s: %d to %q\n%s", name, answer.Status, answer.Header.Get("Location"), answer.Body)
				}
			}
		}
		if answer := w.Browser().Open(w.AuthorizeURL(w.Request(w.app, url.Values{"prompt": {"nonelogin"}}))); answer.Form().ID != "login-form" {
			t.Errorf("OA-23: a word that is not none sends the browser to %q", answer.Header.Get("Location"))
		}
	})
}

// RFC 6749 section 3.1: what comes twice is not chosen from.
func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser := w.signedIn()
		for _, name := range []string{
			"response_type", "scope", "state", "nonce", "prompt", "max_age", "login_hint", "code_challenge", "code_challenge_method",
			"response_mode", "acr_values", `x"><script>alert(1)</script>`, "é\\\"", "a&b",
		} {
			repeated := url.Values{name: {"one", "two"}}.Encode()
			request := w.Request(w.app, url.Values{name: nil})
			answer := browser.Open(w.AuthorizeURL(request) + "&" + repeated)
			wantNoCode(t, name, answer)
			if answer.Query().Get("error") != string(oauth.InvalidRequest) {
				t.Errorf("%s: %d to %q", name, answer.Status, answer.Header.Get("Location"))
			}
			if description := answer.Query().Get("error_description"); description == "" || !errorDescription.MatchString(description) {
				t.Errorf("rfc6749-4.1.2.1 %s: error_description %q", name, description)
			}
			if name == "state" && answer.Query().Has("state") {
				t.Error("one of two states was chosen")
			}
		}
		for _, name := range []string{"client_id", "redirect_uri"} {
			request := w.Request(w.app)
			answer := browser.Open(w.AuthorizeURL(request) + "&" + url.Values{name: {request.Get(name)}}.Encode())
			wantNoCode(t, name, answer)
			if !strings.Contains(answer.Body, "the parameter "+name+" was sent more than once") {
				t.Errorf("%s: the page doesn't say what is wrong:\n%s", name, answer.Body)
			}
		}
	})
}

// RFC 7636 section 4.4.1.
func TestChallenge(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser := w.signedIn()
		policy := func(p client.PKCE) testx.Client {
			return w.Confidential(callback, func(n *client.Metadata) { n.PKCE, n.Consent = p, client.ConsentSkip })
		}
		required, orNonce, optional := policy(client.PKCERequired), policy(client.PKCEOrNonce), policy(client.PKCEOptional)
		none := url.Values{"code_challenge": nil, "code_challenge_method": nil}
		without := func(more url.Values) url.Values {
			all := url.Values{}
			for _, values := range []url.Values{none, more} {
				for name, value := range values {
					all[name] = value
				}
			}
			return all
		}
		for name, test := range map[string]struct {
			client testx.Client
			change url.Values
			passes bool
		}{
			"required, sent":                            {required, nil, true},
			"required, missing":                         {required, none, false},
			"required, missing but a nonce":             {required, without(url.Values{"nonce": {"n"}}), false},
			"or nonce, nonce":                           {orNonce, none, true},
			"or nonce, neither":                         {orNonce, without(url.Values{"nonce": nil}), false},
			"or nonce, nonce without openid":            {orNonce, without(url.Values{"scope": {"profile"}}), false},
			"optional, missing":                         {optional, none, true},
			"optional, method alone":                    {optional, url.Values{"code_challenge": nil}, false},
			"optional, rfc7636-4.3 method missing":      {optional, url.Values{"code_challenge_method": nil}, false},
			"optional, plain":                           {optional, url.Values{"code_challenge_method": {"plain"}}, false},
			"optional, s256 in lower case":              {optional, url.Values{"code_challenge_method": {"s256"}}, false},
			"optional, rfc7636-4.2 challenge too short": {optional, url.Values{"code_challenge": {strings.Repeat("a", 42)}}, false},
			"optional, rfc7636-4.2 padded challenge":    {optional, url.Values{"code_challenge": {strings.Repeat("a", 43) + "="}}, false},
		} {
			answer := browser.Open(w.AuthorizeURL(w.Request(test.client, test.change)))
			if got := answer.Query().Get("code") != ""; got != test.passes {
				t.Errorf("%s: %d to %q", name, answer.Status, answer.Header.Get("Location"))
			}
		}
	})
}

// OpenID Connect Core 1.0 section 11: offline_access is for clients that get refresh
// tokens. Others are not granted it, so that nobody is asked for what can't happen; and a
// consent that was given counts, without prompt=consent.
func TestOfflineAccess(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		codeOnly := func(n *client.Metadata) { n.GrantTypes = []oauth.GrantType{oauth.AuthorizationCode} }
		refreshing, plain := w.Confidential(callback, nil), w.Confidential(callback, codeOnly)
		browser := w.Browser()
		ask := func(known testx.Client, more url.Values) (testx.Request, testx.Answer) {
			request := w.Request(known, url.Values{"scope": {"openid offline_access"}}, more)
			return request, browser.Open(w.AuthorizeURL(request))
		}
		_, page := ask(refreshing, nil)
		page = browser.SignIn(page, w.person)
		if page.Form().ID != "consent-form" || !strings.Contains(page.Body, `data-scope="offline_access"`) {
			t.Errorf("nobody is asked for offline_access: %d\n%s", page.Status, page.Body)
		}
		browser.Decide(page, "allow")
		request, answer := ask(refreshing, url.Values{"prompt": {"none"}})
		if tokens := w.Redeem(refreshing, request, answer); tokens.Text("refresh_token") == "" || tokens.Text("scope") != "openid offline_access" {
			t.Errorf("with a consent that was given: %q %s", answer.Header.Get("Location"), tokens.Body)
		}
		_, page = ask(plain, nil)
		if page.Form().ID != "consent-form" || strings.Contains(page.Body, "offline_access") {
			t.Errorf("a client without refresh tokens asks to keep its access:\n%s", page.Body)
		}
		browser.Decide(page, "allow")
		request, answer = ask(plain, url.Values{"prompt": {"none"}})
		if tokens := w.Redeem(plain, request, answer); tokens.Text("scope") != "openid" || tokens.Text("refresh_token") != "" {
			t.Errorf("without refresh tokens: %q %s", answer.Header.Get("Location"), tokens.Body)
		}
		if _, answer = ask(plain, url.Values{"scope": {"offline_access"}, "prompt": {"none"}}); answer.Query().Get("error") != string(oauth.InvalidScope) {
			t.Errorf("nothing but offline_access: %q", answer.Header.Get("Location"))
		}
	})
}

// RFC 6749 section 3.3 and RFC 8707 section 2: nobody gets more than was registered.
func TestScopesAndResourcesAreNeverWidened(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser := w.signedIn()
		narrow := w.Confidential(callback, func(n *client.Metadata) {
			n.Scopes, n.Consent, n.Resources = oauth.ScopeSet{"openid", "email", "retired"}, client.ConsentSkip, []string{resource}
		})
		for name, test := range map[string]struct {
			change url.Values
			scope  string
			want   oauth.ErrorCode
		}{
			"dropped":                   {url.Values{"scope": {"phone openid address email"}}, "openid email", ""},
			"not in the catalogue":      {url.Values{"scope": {"openid retired"}}, "openid", ""},
			"nothing left":              {url.Values{"scope": {"phone retired"}}, "", oauth.InvalidScope},
			"case counts":               {url.Values{"scope": {"OPENID"}}, "", oauth.InvalidScope},
			"none asked: the defaults":  {url.Values{"scope": nil}, "openid email", ""},
			"resource with a slash":     {url.Values{"scope": {"openid"}, "resource": {resource + "/", resource}}, "openid", ""},
			"one resource not the same": {url.Values{"scope": {"openid"}, "resource": {resource, resource + "/v1"}}, "", oauth.InvalidTarget},
		} {
			request := w.Request(narrow, test.change)
			answer := browser.Open(w.AuthorizeURL(request))
			if got := answer.Query().Get("error"); got != string(test.want) {
				t.Errorf("%s: %d to %q", name, answer.Status, answer.Header.Get("Location"))
				continue
			}
			if test.want == "" {
				if got := w.Redeem(narrow, request, answer).Text("scope"); name != "none asked: the defaults" && got != test.scope {
					t.Errorf("%s: scope %q, want %q", name, got, test.scope)
				}
			}
		}
	})
}

func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		skipped := w.Confidential(callback, func(n *client.Metadata) { n.Consent = client.ConsentSkip })
		browser := w.signedIn()
		state := strings.Repeat("s", oauth.MaxParameterBytes)
		if got := browser.Open(w.AuthorizeURL(w.Request(skipped, url.Values{"state": {state}}))); got.Query().Get("state") != state {
			t.Errorf("a state of 8 KiB is not returned: %d", got.Status)
		}
		for name, change := range map[string]url.Values{
			"state":        {"state": {state + "s"}},
			"another name": {"x": {state + "s"}},
			"long name":    {strings.Repeat("n", oauth.MaxParameterNameBytes+1): {"x"}},
			"many":         {"ui_locales": make([]string, oauth.MaxParameters+1)},
		} {
			answer := browser.Open(w.AuthorizeURL(w.Request(skipped, change)))
			wantNoCode(t, name, answer)
			if answer.Status != http.StatusBadRequest || answer.Header.Get("Location") != "" {
				t.Errorf("%s: %d to %q", name, answer.Status, answer.Header.Get("Location"))
			}
		}
		long := browser.Open(w.AuthorizeURL(w.Request(skipped, url.Values{"login_hint": {strings.Repeat("h", 300)}})))
		if long.Query().Get("code") == "" {
			t.Errorf("oidc-core-3.1.2.1 a hint that is none is an error: %d", long.Status)
		}
	})
}

// A posted request comes without cookies; whoever goes on with it first has it (OC-12).
func TestPostedRequestRaceIsClaimedByOneBrowser(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		stored := w.Post("/oauth/authorize", w.Request(w.app).Values, testx.Header("Origin", "https://app.example"), testx.Header("Sec-Fetch-Site", "cross-site"))
		location := stored.Header.Get("Location")
		if stored.Status != http.StatusSeeOther || !strings.HasPrefix(location, w.Issuer+"/oauth/authorize?interaction=") || stored.Header.Get("Set-Cookie") != "" {
			t.Fatalf("%d to %q", stored.Status, location)
		}
		browsers := make([]*testx.Browser, racers)
		for i := range browsers {
			browsers[i] = w.Browser()
		}
		claimed := 0
		for _, answer := range race(func(i int) testx.Answer { return browsers[i].Open(location) }) {
			switch {
			case answer.Form().ID == "login-form":
				claimed++
			case answer.Status != http.StatusNotFound:
				t.Errorf("%d\n%s", answer.Status, answer.Body)
			}
		}
		if claimed != 1 {
			t.Errorf("%d browsers have the request", claimed)
		}
	})
}

func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		browser, request, page := w.atConsent()
		w.Clock.Advance(time.Second)
		answer := browser.Decide(page, "allow")
		for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if answer.Status != http.StatusSeeOther || answer.Query().Get("iss") != w.Issuer || answer.Query().Get("state") != request.Get("state") {
			t.Errorf("%d to %q", answer.Status, answer.Header.Get("Location"))
		}
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https:;") {
			t.Errorf("policy of the consent page: %q", policy)
		}
	})
}
