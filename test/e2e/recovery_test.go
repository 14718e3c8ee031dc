package e2e_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"authly"
	"authly/internal/platform/db"
	"authly/internal/testx"
)

// An operator gets back in: by a new password for an administrator, and by a new one.
func TestRecovery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s, b := testx.NewServer(t, engine, testx.WithHost("localhost")), newTab(t, newBrowser(t))
		link := func(username string) string {
			made, err := authly.Recover(t.Context(), s.Settings, authly.Options{}, username)
			if err != nil {
				t.Fatal(err)
			}
			s.Secret(made.URL.Reveal())
			return made.URL.Reveal()
		}
		const first, second = "seven green bicycles", "eleven quiet lanterns"
		s.Secret(first, second)
		choose := func(password string) chromedp.Action[chromedp.Void] {
			return chromedp.Steps(shows("setup-form"), chromedp.SendKeys(chromedp.ID("password"), password),
				chromedp.SendKeys(chromedp.ID("password_confirmation"), password), press("setup-submit"))
		}
		b.do(chromedp.Navigate(link("")), shows("setup-form"), chromedp.SendKeys(chromedp.ID("username"), "root"),
			chromedp.SendKeys(chromedp.ID("email"), "root@example.com"), choose(first), shows("message-title"))
		again := link("root")
		b.do(chromedp.Navigate(again), choose("short"), shows("setup-error"), shows("password-error"))
		if title := b.ask("document.title"); title != "Error: Choose a new password · Authly" {
			t.Errorf("the title is %q", title)
		}
		b.do(choose(second), shows("message-title"))
		b.do(chromedp.Navigate(s.Issuer+"/login"), signIn("root", first), shows("login-error"), signIn("root", second), shows("page-message"))
		b.do(chromedp.Navigate(again), shows("message-title"))
		if text := b.text("message-title"); text != "This link doesn’t work" {
			t.Errorf("the link that was used says %q", text)
		}
	})
}
