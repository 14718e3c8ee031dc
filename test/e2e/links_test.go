package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"authly/internal/platform/db"
	"authly/internal/testx"
)

// expectHidden looks for a secret where a browser shows and keeps addresses.
func (b tab) expectHidden(token string) {
	b.t.Helper()
	if at := b.ask("location.href"); strings.Contains(at, token) {
		b.t.Error("the address bar shows the secret")
	}
	seen, err := chromedp.Call(b.ctx, page.GetNavigationHistory, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, entry := range seen.Entries {
		if strings.Contains(entry.URL, token) {
			b.t.Error("the history has the secret")
		}
	}
	if got := b.ask(`document.referrer + performance.getEntries().map(e => e.name).join() + document.cookie`); strings.Contains(got, token) {
		b.t.Errorf("a script could read the secret: %s", got)
	}
}

// A link is followed from a page of another site, as from a mailbox: the page works, also when it is loaded again,
// and its address has no secret.
func TestLinkFollowedFromAMailbox(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s, b := testx.NewServer(t, engine, testx.WithHost("localhost")), newTab(t, newBrowser(t))
		notice, err := s.Notice(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		link, password := notice.SetupURL.Reveal(), "seven green bicycles"
		token := strings.TrimPrefix(link, s.Issuer+"/setup/")
		s.Secret(token, password)
		mailbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(`<!doctype html><title>Mailbox</title><a id="link" href="` + link + `">Set up the server</a>`))
		}))
		t.Cleanup(mailbox.Close) // at 127.0.0.1, which is another site than localhost
		b.do(chromedp.Navigate(mailbox.URL), press("link"), shows("setup-form"))
		b.expectHidden(token)
		b.do(chromedp.Reload(), shows("setup-form"))
		if at := b.ask("location.href"); !strings.HasPrefix(at, s.Issuer+"/setup?link=") {
			t.Errorf("the page is at %s", at)
		}
		b.do(chromedp.Navigate(s.Issuer+"/setup"), shows("message-title"))
		if title := b.text("message-title"); title != "Open the link again" {
			t.Errorf("the page without its link says %q", title)
		}
		b.do(chromedp.Navigate(link), shows("setup-form"), chromedp.SendKeys(chromedp.ID("username"), "root"), chromedp.SendKeys(chromedp.ID("email"), "root@example.com"),
			chromedp.SendKeys(chromedp.ID("password"), password), chromedp.SendKeys(chromedp.ID("password_confirmation"), password),
			press("setup-submit"), shows("page-message"))
		b.expectHidden(token)
		if title := b.text("message-title"); title != "The administrator exists" {
			t.Errorf("the form ends with %q", title)
		}
	})
}
