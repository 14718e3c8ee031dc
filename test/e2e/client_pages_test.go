package e2e_test

import (
	"bytes"
	"encoding/pem"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/testx"
)

// A client that registered itself is shown as what it says it is: its logo, which a
// browser really draws within the pages' own policy and from this server, its links, and on the consent
// page what it asks for and that nobody has checked it.
func TestClientThatRegisteredItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		var picture bytes.Buffer
		if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 300, 200))); err != nil {
			t.Fatal(err)
		}
		host := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture.Bytes()) }))
		t.Cleanup(host.Close)
		authority := filepath.Join(t.TempDir(), "authority.pem")
		if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		s := testx.NewServer(t, engine, testx.WithPath("/tenant"), testx.WithConfig(func(c *config.Config) {
			c.Registration.OpenScopes += " phone" // the claim that is asked for by name needs it
			c.Registration.Mode, c.Egress.AllowLoopback, c.Egress.AdditionalCAFile = "open", true, authority
		}))
		made := s.Call(http.MethodPost, "/oauth/register", nil, testx.JSON(`{"client_name":"Fjord Photo Albums","redirect_uris":["`+loopback+`"],
			"grant_types":["authorization_code","refresh_token"],"scope":"openid profile email phone offline_access","logo_uri":"`+host.URL+`/logo.png","policy_uri":"https://fjord.example/privacy","tos_uri":"https://fjord.example/terms"}`))
		known, err := s.Clients.Find(t.Context(), made.Text("client_id"))
		if err != nil {
			t.Fatalf("register: %s, %v", made.Body, err)
		}
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, testx.Client{Client: known, Secret: made.Text("client_secret")}), newTab(t, newBrowser(t))
		about := func(page string) {
			t.Helper()
			if size := b.ask(`(i => i.complete + " " + i.naturalWidth)(document.getElementById("` + page + `-logo"))`); size == "true 0" || !strings.HasPrefix(size, "true ") {
				t.Errorf("%s: the logo is not drawn: %s", page, size)
			}
			for id, want := range map[string]string{"policy": "https://fjord.example/privacy", "terms": "https://fjord.example/terms"} {
				if got := b.ask(`document.getElementById("` + page + `-` + id + `").href`); got != want {
					t.Errorf("%s: %s leads to %s", page, id, got)
				}
			}
			if others := b.ask(`performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin)).join(" ")`); others != "" {
				t.Errorf("%s loads from others: %s", page, others)
			}
		}
		b.do(chromedp.Navigate(p.url+"/start?login_hint=ada&claims="+url.QueryEscape(`{"userinfo":{"phone_number":{"essential":true}}}`)), shows("login-form"),
			chromedp.WaitReady(chromedp.ID("login-logo")))
		about("login")
		b.do(signIn("ada", ada.Password), shows("consent-form"))
		about("consent")
		for id, want := range map[string]string{"consent-warning": "registered itself", "consent-scopes": "Keep this access while you are away"} {
			if text := b.text(id); !strings.Contains(text, want) {
				t.Errorf("%s says %q", id, text)
			}
		}
		if claim := b.ask(`document.querySelector("[data-claim=phone_number]").innerText`); !strings.Contains(claim, "phone number") {
			t.Errorf("the claim beyond the scopes is shown as %q", claim)
		}
		b.do(press("consent-allow"))
		p.signedIn(b)
	})
}

// Every page that a request can lead to is one form with one press, without scripts.
func TestEveryStepWithoutJavaScript(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, s.Confidential(loopback, nil)), newTab(t, newBrowser(t))
		b.withoutJavaScript()
		start := func(prompt string) chromedp.Action[chromedp.Void] {
			return chromedp.Navigate(p.url + "/start?response_mode=form_post&prompt=" + prompt)
		}
		b.do(start("create"), shows("login-notice"), signIn("ada", ada.Password), press("consent-allow"), press("form-post-submit"))
		p.signedIn(b)
		b.do(start("select_account"), press("select-account-current"), press("form-post-submit"))
		p.signedIn(b)
		b.do(start("login"), shows("login-again"), signIn("ada", ada.Password), press("form-post-submit"))
		p.signedIn(b)
		b.do(start("consent"), press("consent-deny"), press("form-post-submit"))
		if found := p.result(b); found.response.Get("error") != "access_denied" {
			t.Errorf("the response is %v", found.response)
		}
	})
}
