package e2e_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// patience bounds one test in a tab. A page takes a few milliseconds; starting a
// browser on a busy machine takes seconds.
const patience = 90 * time.Second

func each(t *testing.T, test func(t *testing.T, engine db.Engine)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// newBrowser starts a Chromium with an empty profile.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("TEST_CHROMIUM")
	if path == "" {
		t.Fatal("TEST_CHROMIUM is not set: run the tests through make")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-component-update", true))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	browser, cancelBrowser := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(browser) // waits until it has gone, so that the profile can be removed
		cancelBrowser()
		cancelAllocator()
	})
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return browser
}

// tab is one tab of the browser.
type tab struct {
	ctx context.Context
	t   *testing.T
}

func newTab(t *testing.T, browser context.Context) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	limited, cancelLimited := context.WithTimeout(ctx, patience)
	t.Cleanup(cancelLimited)
	return tab{limited, t}
}

// do runs steps; when one fails, the test ends with what the page shows.
func (b tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 5*time.Second)
		defer cancel()
		seen, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
		b.t.Fatalf("%v; the page shows:\n%s", err, seen)
	}
}

// ask evaluates an expression that gives a text.
func (b tab) ask(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return text
}

// text returns what an element shows, as soon as there is one.
func (b tab) text(id string) string {
	b.t.Helper()
	b.do(shows(id))
	return b.ask("document.getElementById(" + strconv.Quote(id) + ").innerText")
}

func shows(id string) chromedp.Action[chromedp.Void] { return chromedp.WaitVisible(chromedp.ID(id)) }

func press(id string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.WaitEnabled(chromedp.ID(id)), chromedp.Click(chromedp.ID(id)))
}

// signIn fills in the sign-in page with the keyboard.
func signIn(username, password string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		shows("login-form"), chromedp.Clear(chromedp.ID("username")), chromedp.SendKeys(chromedp.ID("username"), username),
		chromedp.SendKeys(chromedp.ID("password"), password), press("login-submit"),
	)
}

// withoutJavaScript turns the scripts of pages off.
func (b tab) withoutJavaScript() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatalf("turn JavaScript off: %v", err)
	}
}
