package playground_test

import (
	"context"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"authly/internal/protocol/jose"
	"authly/internal/protocol/oidc"
)

// newBrowser starts a Chromium. Each tab has its own session storage.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("TEST_CHROMIUM")
	if path == "" && os.Getenv("TEST_ENGINES") == "sqlite" {
		t.Skip("a partial run, without a browser")
	}
	if path == "" {
		t.Fatal("TEST_CHROMIUM is not set: run the tests through make")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	allocator, cancelAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	browser, cancelBrowser := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancelBrowser()
		cancelAllocator()
	})
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return browser
}

// newTab opens a tab with a session storage of its own.
func newTab(t *testing.T, browser context.Context) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	limited, cancelLimited := context.WithTimeout(ctx, 30*time.Second)
	t.Cleanup(cancelLimited)
	return limited
}

// do runs steps; when one fails, the test ends with what the page shows.
func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		seen, _ := chromedp.Run(last, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
		t.Fatalf("%v; the page shows:\n%s", err, seen)
	}
}

// ask evaluates an expression that gives a text.
func ask(ctx context.Context, t *testing.T, expression string) string {
	t.Helper()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		t.Fatalf("evaluate %s: %v", expression, err)
	}
	return text
}

// text returns what an element shows.
func text(ctx context.Context, t *testing.T, selector string) string {
	t.Helper()
	return ask(ctx, t, "document.querySelector("+strconv.Quote(selector)+").innerText")
}

// press clicks a button as soon as it can be clicked.
func press(id string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.WaitEnabled(chromedp.ID(id)), chromedp.Click(chromedp.ID(id)))
}

// flowIs waits until the page is in a state.
func flowIs(state string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitReady(chromedp.CSS(`#playground[data-flow="` + state + `"]`))
}

// stepIs waits until a step is in a state.
func stepIs(step, state string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitReady(chromedp.CSS(`#step-` + step + `[data-state="` + state + `"]`))
}

// open shows the page, ready for a click.
func open(issuer string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.Navigate(issuer+"/playground"), chromedp.WaitEnabled(chromedp.ID("start")))
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	p := startProvider(t, "/tenant")
	for _, algorithm := range jose.Algorithms() {
		t.Run(string(algorithm), func(t *testing.T) {
			p.set(algorithm, spoiler{})
			tab := newTab(t, browser)
			do(tab, t, open(p.issuer), press("start"), flowIs("signed-in"))
			for _, step := range []string{"discovery", "request", "response", "token", "id-token", "userinfo"} {
				do(tab, t, stepIs(step, "done"))
			}
			if status := text(tab, t, "#status"); status != "Signed in as Alice Example." {
				t.Errorf("status %q", status)
			}
			if location := ask(tab, t, "location.href"); location != p.issuer+"/playground" {
				t.Errorf("the code is still in the address: %s", location)
			}
			if stored := ask(tab, t, "JSON.stringify({...sessionStorage, ...localStorage})"); stored != "{}" {
				t.Errorf("the tab keeps %s", stored)
			}
			do(tab, t, press("refresh"), stepIs("refresh-1", "done"), press("userinfo"), stepIs("userinfo-2", "done"),
				press("revoke"), stepIs("revocation-1", "done"), press("refresh"), stepIs("refresh-2", "done"), flowIs("signed-in"))
			if status := text(tab, t, "#status"); !strings.Contains(status, "refused") {
				t.Errorf("after the revocation the status is %q", status)
			}
		})
	}
}

// What a client has to refuse is the reason for having checks at all.
func TestRefusals(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	p := startProvider(t, "")
	for _, test := range []struct {
		name, step, text string
		spoil            spoiler
	}{
		{"oidcd-4.3 issuer of the metadata", "discovery", "issuer is the one", spoiler{metadata: "https://evil.example"}},
		{"rfc6749-10.12 state", "response", "state is the one", spoiler{response: func(v url.Values) { v.Set("state", "other") }}},
		{"rfc9207-2.4 iss", "response", "iss is the issuer", spoiler{response: func(v url.Values) { v.Set("iss", "https://evil.example") }}},
		{"rfc9207-2.4 iss missing", "response", "iss is the issuer", spoiler{response: func(v url.Values) { v.Del("iss") }}},
		{"rfc6749-4.1.2.1 error", "response", "access_denied (no)", spoiler{response: func(v url.Values) {
			v.Del("code")
			v.Set("error", "access_denied")
			v.Set("error_description", "no")
		}}},
		{"rfc7636-4.6 code of another request", "token", "invalid_grant", spoiler{response: func(v url.Values) { v.Set("code", "other") }}},
		{"oidcc-3.1.3.7 signature", "id-token", "signature matches", spoiler{idToken: func(token string) string {
			parts := strings.Split(token, ".")
			return parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))
		}}},
		{"oidcc-3.1.3.7 alg none", "id-token", "alg is none", spoiler{idToken: func(token string) string {
			return "eyJhbGciOiJub25lIn0." + strings.Split(token, ".")[1] + "."
		}}},
		{"oidcc-3.1.3.7 iss", "id-token", "iss is the issuer", spoiler{claims: func(c *oidc.IDTokenClaims) { c.Issuer = "https://evil.example" }}},
		{"oidcc-3.1.3.7 aud", "id-token", "aud is this client", spoiler{claims: func(c *oidc.IDTokenClaims) { c.Audience = "client_other" }}},
		{"oidcc-3.1.3.7 nonce", "id-token", "nonce is the one", spoiler{claims: func(c *oidc.IDTokenClaims) { c.Nonce = "other" }}},
		{"oidcc-3.1.3.7 exp", "id-token", "exp is in the future", spoiler{claims: func(c *oidc.IDTokenClaims) { c.Expiry -= 7200 }}},
		{"oidcc-3.1.3.8 at_hash", "id-token", "at_hash belongs", spoiler{claims: func(c *oidc.IDTokenClaims) { c.AccessTokenHash = "AAAA" }}},
		{"oidcc-5.3.4 sub", "userinfo", "sub is the one", spoiler{userinfo: func(c map[string]any) { c["sub"] = "mallory" }}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.set(jose.ES256, test.spoil)
			tab := newTab(t, browser)
			do(tab, t, open(p.issuer), press("start"), flowIs("failed"), stepIs(test.step, "failed"))
			if shown := text(tab, t, "#step-"+test.step+" .alert"); !strings.Contains(shown, test.text) {
				t.Errorf("the step says %q, want %q in it", shown, test.text)
			}
		})
	}
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	p := startProvider(t, "")
	for _, test := range []struct {
		name, state string
		claims      func(*oidc.IDTokenClaims)
	}{
		{"oidcc-3.1.2.1 signed in just now", "done", nil},
		{"oidcc-3.1.2.1 signed in too long ago", "failed", func(c *oidc.IDTokenClaims) { c.AuthenticationTime -= 3600 }},
		{"oidcc-3.1.2.1 auth_time is missing", "failed", func(c *oidc.IDTokenClaims) { c.AuthenticationTime = 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.set(jose.RS256, spoiler{claims: test.claims})
			do(newTab(t, browser), t, open(p.issuer), chromedp.SetValue(chromedp.ID("max_age"), "60"),
				press("start"), stepIs("id-token", test.state))
		})
	}
}

func TestOptionsAreSent(t *testing.T) {
	t.Parallel()
	p := startProvider(t, "")
	tab := newTab(t, newBrowser(t))
	do(tab, t, open(p.issuer), chromedp.SetValue(chromedp.ID("scope"), " email   profile "),
		chromedp.SetValue(chromedp.ID("prompt"), "none"), chromedp.SetValue(chromedp.ID("max_age"), "0"),
		press("start"), stepIs("response", "failed"))
	request := text(tab, t, "#step-request")
	for _, want := range []string{
		"response_type=code", "&client_id=" + clientID, "&redirect_uri=" + url.QueryEscape(p.issuer+"/playground"), "&scope=email+profile",
		"&code_challenge_method=S256", "&prompt=none", "&max_age=0",
	} {
		if !strings.Contains(request, want) {
			t.Errorf("the request has no %q:\n%s", want, request)
		}
	}
	if prompt := ask(tab, t, "document.getElementById('prompt').value"); prompt != "none" {
		t.Errorf("the form forgot the prompt: %q", prompt)
	}
}

// A response that was planted by somebody else's link must not sign anybody in.
func TestUnaskedResponse(t *testing.T) {
	t.Parallel()
	p := startProvider(t, "")
	tab := newTab(t, newBrowser(t))
	do(tab, t, chromedp.Navigate(p.issuer+"/playground?code=stolen&state=x&iss="+url.QueryEscape(p.issuer)), stepIs("response", "failed"), flowIs("failed"))
	if shown := text(tab, t, "#status"); !strings.Contains(shown, "No sign-in was started in this tab") {
		t.Errorf("status %q", shown)
	}
}

func TestOtherHostName(t *testing.T) {
	t.Parallel()
	p := startProvider(t, "/tenant")
	tab := newTab(t, newBrowser(t))
	do(tab, t, open(p.other))
	if location := ask(tab, t, "location.href"); location != p.issuer+"/playground" {
		t.Errorf("the page stayed at %s", location)
	}
}
