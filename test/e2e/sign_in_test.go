package e2e_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/oauth2"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/testx"
)

const loopback = "http://127.0.0.1/callback"

// The whole way of an unmodified client: discovery, code with PKCE, ID token,
// UserInfo, refresh, revocation.
func TestSignIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine, testx.WithPath("/tenant"))
		ada, browser := s.Person("ada"), newBrowser(t)
		for _, test := range []struct {
			name   string
			client testx.Client
			asked  bool // for consent the second time
		}{
			{"confidential", s.Confidential(loopback, nil), false},
			{"public on the loopback interface", s.Public(loopback, nil), true},
		} {
			t.Run(test.name, func(t *testing.T) {
				p, b := newRelyingParty(t, s, test.client), newTab(t, browser)
				b.do(chromedp.Navigate(p.url+"/start?prompt=login"), signIn("ada", ada.Password), shows("consent-form"))
				if user := b.text("consent-user"); !strings.Contains(user, "ada") {
					t.Errorf("consent is asked for %q", user)
				}
				if host := b.text("consent-host"); !strings.Contains(host, "127.0.0.1") {
					t.Errorf("the page names the host %q", host)
				}
				b.do(press("consent-allow"))
				found := p.signedIn(b)
				if found.idToken.Subject != ada.Subject() {
					t.Errorf("sub is %s", found.idToken.Subject)
				}
				useTokens(t, p, found, ada)

				b.do(chromedp.Navigate(p.url + "/start"))
				if test.asked {
					b.do(press("consent-allow"))
				}
				p.signedIn(b)
			})
		}
	})
}

// useTokens does what applications do with what they got.
func useTokens(t *testing.T, p *relyingParty, found outcome, ada testx.Person) {
	t.Helper()
	information, err := p.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(found.token))
	if err != nil {
		t.Fatalf("userinfo: %v", err)
	}
	if information.Subject != ada.Subject() || information.Email != ada.Email || !information.EmailVerified {
		t.Errorf("userinfo says %+v", information)
	}
	old := &oauth2.Token{RefreshToken: found.token.RefreshToken}
	refreshed, err := p.config.TokenSource(t.Context(), old).Token()
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	p.issuer.Secret(refreshed.AccessToken, refreshed.RefreshToken)
	if refreshed.AccessToken == found.token.AccessToken {
		t.Error("refreshing gave the same access token")
	}
	var endpoints struct {
		Revocation string `json:"revocation_endpoint"`
	}
	if err := p.provider.Claims(&endpoints); err != nil || endpoints.Revocation == "" {
		t.Fatalf("no revocation endpoint: %v", err)
	}
	form := url.Values{"token": {refreshed.RefreshToken}, "client_id": {p.client.ClientID}}
	if answer := p.issuer.Post(endpoints.Revocation, form, testx.As(p.client)); answer.Status != http.StatusOK {
		t.Fatalf("revocation: %d %s", answer.Status, answer.Body)
	}
	for name, token := range map[string]string{"first": found.token.AccessToken, "refreshed": refreshed.AccessToken} {
		if answer := p.issuer.Get("/oidc/userinfo", testx.Bearer(token)); answer.Status != http.StatusUnauthorized {
			t.Errorf("the %s access token after the revocation: %d", name, answer.Status)
		}
	}
	var refusal *oauth2.RetrieveError
	_, err = p.config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: refreshed.RefreshToken}).Token()
	if !errors.As(err, &refusal) || refusal.ErrorCode != "invalid_grant" {
		t.Errorf("refreshing after the revocation: %v", err)
	}
}

func TestWrongPasswordAndDeny(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, s.Confidential(loopback, nil)), newTab(t, newBrowser(t))
		s.Secret("not the password")
		b.do(chromedp.Navigate(p.url+"/start"), signIn("ada", "not the password"))
		if text := b.text("login-error"); !strings.Contains(text, "don’t match") {
			t.Errorf("the page says %q", text)
		}
		if kept := b.ask("document.getElementById('username').value"); kept != "ada" {
			t.Errorf("the page forgot the username: %q", kept)
		}
		if kept := b.ask("document.getElementById('password').value"); kept != "" {
			t.Error("the page gives the password back")
		}
		b.do(signIn("ada", ada.Password), press("consent-deny"))
		found := p.result(b)
		if found.response.Get("error") != "access_denied" || found.response.Get("iss") != s.Issuer || found.response.Has("code") {
			t.Errorf("the response is %v", found.response)
		}
		if found.err == nil || found.err.Error() != "access_denied" { // the state was checked before
			t.Errorf("the application says %v", found.err)
		}
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, s.Confidential(loopback, nil)), newTab(t, newBrowser(t))
		b.do(chromedp.Navigate(p.url+"/start"), signIn("ada", ada.Password), press("consent-allow"))
		p.signedIn(b)
		b.do(chromedp.Navigate(s.Issuer+"/logout"), press("logout-confirm"), shows("signed-out-title"))
		b.do(chromedp.Navigate(p.url+"/start"), signIn("ada", ada.Password)) // asked for the password, not for consent
		p.signedIn(b)
	})
}

// Two sign-ins at once in one browser end as two sign-ins, in whichever order.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada, browser := s.Person("ada"), newBrowser(t)
		first := newRelyingParty(t, s, s.Confidential(loopback, func(n *client.Metadata) { n.Name = "First" }))
		second := newRelyingParty(t, s, s.Confidential(loopback, func(n *client.Metadata) { n.Name = "Second" }))
		one, two := newTab(t, browser), newTab(t, browser)
		one.do(chromedp.Navigate(first.url+"/start"), shows("login-form"))
		two.do(chromedp.Navigate(second.url+"/start"), shows("login-form"))
		one.do(signIn("ada", ada.Password), shows("consent-form"))
		two.do(signIn("ada", ada.Password), shows("consent-form"))
		one.do(press("consent-allow")) // the same person: what the page says still holds
		if found := first.signedIn(one); found.idToken.Audience[0] != first.client.ClientID {
			t.Errorf("the first tab got a token for %v", found.idToken.Audience)
		}
		two.do(press("consent-allow"))
		if found := second.signedIn(two); found.idToken.Audience[0] != second.client.ClientID {
			t.Errorf("the second tab got a token for %v", found.idToken.Audience)
		}
	})
}

// Going back after the end shows that it is over, and gives no second code.
func TestBackButton(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, s.Confidential(loopback, nil)), newTab(t, newBrowser(t))
		b.do(chromedp.Navigate(p.url+"/start"), signIn("ada", ada.Password), press("consent-allow"))
		p.signedIn(b)
		b.do(chromedp.NavigateBack())
		if page := b.ask("location.href"); !strings.HasPrefix(page, s.Issuer+"/") {
			t.Fatalf("back leads to %s", page)
		}
		if forms := b.ask("String(document.forms.length)"); forms != "0" {
			t.Errorf("the page has a form:\n%s", b.ask("document.body.innerText"))
		}
		if text := b.ask("document.body.innerText"); !strings.Contains(text, "finished already") {
			t.Errorf("the page says:\n%s", text)
		}
		select {
		case again := <-p.outcomes:
			t.Errorf("the client got another response: %v", again.response)
		default:
		}
	})
}

// A request that another site posts comes without our cookies; the person is
// known all the same.
func TestPostedFromAnotherSite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, s.Confidential(loopback, nil)), newTab(t, newBrowser(t))
		b.do(chromedp.Navigate(p.other+"/post"), signIn("ada", ada.Password), press("consent-allow"))
		p.signedIn(b)
		b.do(chromedp.Navigate(p.other + "/post"))
		p.signedIn(b) // neither the password nor consent is asked for again
	})
}

// The page that takes a response to the client by a form sends itself within its
// own content security policy, and after the consent form as well as without it.
func TestResponseByFormPost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, s.Confidential(loopback, nil)), newTab(t, newBrowser(t))
		b.do(chromedp.Navigate(p.url+"/start?response_mode=form_post"), signIn("ada", ada.Password), press("consent-allow"))
		p.signedIn(b)
		b.do(chromedp.Navigate(p.other + "/start?response_mode=form_post"))
		p.signedIn(b)
		b.withoutJavaScript()
		b.do(chromedp.Navigate(p.url+"/start?response_mode=form_post"), press("form-post-submit"))
		p.signedIn(b)
	})
}

// prompt=select_account in a browser with one account, and then with another.
func TestChoiceOfAnAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada, grace := s.Person("ada"), s.Person("grace")
		p, b := newRelyingParty(t, s, s.Confidential(loopback, nil)), newTab(t, newBrowser(t))
		b.do(chromedp.Navigate(p.url+"/start"), signIn("ada", ada.Password), press("consent-allow"))
		p.signedIn(b)
		b.do(chromedp.Navigate(p.url+"/start?prompt=select_account"), press("select-account-current"))
		if found := p.signedIn(b); found.idToken.Subject != ada.Subject() {
			t.Errorf("chose ada, got %s", found.idToken.Subject)
		}
		b.do(chromedp.Navigate(p.url+"/start?prompt=select_account"), press("select-account-other"), signIn("grace", grace.Password), press("consent-allow"))
		if found := p.signedIn(b); found.idToken.Subject != grace.Subject() {
			t.Errorf("chose grace, got %s", found.idToken.Subject)
		}
	})
}

func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		p, b := newRelyingParty(t, s, s.Public(loopback, nil)), newTab(t, newBrowser(t))
		b.withoutJavaScript()
		b.do(chromedp.Navigate(p.other + "/post"))
		select { // the form that submits itself proves that scripts are off
		case <-p.outcomes:
			t.Fatal("JavaScript is on")
		default:
		}
		if page := b.ask("location.href"); !strings.HasPrefix(page, p.other) {
			t.Fatalf("JavaScript is on: the page moved to %s", page)
		}
		b.do(chromedp.Navigate(p.url+"/start"), signIn("ada", ada.Password), press("consent-allow"))
		p.signedIn(b)
		b.do(chromedp.Navigate(s.Issuer+"/logout"), press("logout-confirm"), shows("signed-out-title"))
	})
}

// The playground of --dev is a third client, written in JavaScript.
func TestPlayground(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine, testx.WithHost("localhost"), testx.WithConfig(func(c *config.Config) { c.Dev = true }))
		notice, err := s.Notice(t.Context())
		if err != nil || notice.Dev == nil {
			t.Fatalf("--dev made no demo data: %v", err)
		}
		dev, b := notice.Dev, newTab(t, newBrowser(t))
		s.Secret(dev.User.Password.Reveal(), dev.Administrator.Password.Reveal(), dev.ConfidentialClient.ClientSecret.Reveal())
		flow := func(state string) chromedp.Action[chromedp.Void] {
			return chromedp.WaitReady(chromedp.CSS(`#playground[data-flow="` + state + `"]`))
		}
		b.do(chromedp.Navigate(s.Issuer+"/playground"), press("start"), signIn(dev.User.Username, dev.User.Password.Reveal()),
			press("consent-allow"), flow("signed-in"))
		for _, step := range []string{"discovery", "request", "response", "token", "id-token", "userinfo"} {
			b.do(chromedp.WaitReady(chromedp.CSS(`#step-` + step + `[data-state="done"]`)))
		}
		done := func(step string) chromedp.Action[chromedp.Void] {
			return chromedp.WaitReady(chromedp.CSS(`#step-` + step + `[data-state="done"]`))
		}
		b.do(press("refresh"), done("refresh-1"), press("userinfo"), done("userinfo-2"), press("revoke"), done("revocation-1"))
	})
}
