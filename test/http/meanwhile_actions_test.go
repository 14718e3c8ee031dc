//go:build !race

package http_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"testing"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/testx"
	"authly/internal/user"
)

func newName() string { return rand.Text()[:16] }

// actions are what may be under way when something ends.
func actions() []action {
	return []action{
		{"a sign-in", givesSession, signInAlone},
		{"a sign-in for a client", givesSession, signInForClient},
		{"a sign-in in a session", givesSession, signInAgain},
		{"a new password instead of a given one", givesFirstAccess, chooseAfterTicket},
		{"a new password by invitation", givesFirstAccess, acceptInvitation},
		{"a silent request", givesByMemory, askSilently},
		{"a decision", givesByDecision, decide},
		{"a code", givesTokens, redeemCode},
		{"a code with an assertion", givesTokensForKey, withAssertion(redeemCode)},
		{"a refresh", givesTokens, refresh},
		{"a refresh that rotates", givesTokens, ofPublicClient(refresh)},
		{"a client's own token", givesOwnTokens, ownToken},
		{"a client's own token with an assertion", givesTokensForKey, withAssertion(ownToken)},
	}
}

func signInAlone(s *stage) func(ctx context.Context) given {
	s.cast()
	browser := s.a.Browser()
	page := browser.Open(s.a.Issuer + "/login")
	return func(ctx context.Context) given {
		return given{browser: browser, last: browser.Within(ctx).SignIn(page, s.person)}
	}
}

func signInForClient(s *stage) func(ctx context.Context) given {
	s.cast()
	s.signedIn() // in another browser, where it is allowed
	browser, request := s.a.Browser(), s.request()
	page := browser.Open(s.a.AuthorizeURL(request))
	return func(ctx context.Context) given {
		answer := browser.Within(ctx).SignIn(page, s.person)
		return given{browser: browser, request: request, response: answer, last: answer}
	}
}

func signInAgain(s *stage) func(ctx context.Context) given {
	s.cast()
	browser, request := s.signedIn(), s.request(url.Values{"prompt": {"login"}})
	page := browser.Open(s.a.AuthorizeURL(request))
	return func(ctx context.Context) given {
		answer := browser.Within(ctx).SignIn(page, s.person)
		return given{browser: browser, request: request, response: answer, last: answer}
	}
}

func chooseAfterTicket(s *stage) func(ctx context.Context) given {
	s.cast()
	must(s.a.t, s.a.Users.RequirePasswordChange(s.a.t.Context(), s.person.ID))
	browser := s.a.Browser()
	page := browser.SignIn(browser.Open(s.a.Issuer+"/login"), s.person)
	return s.choose(browser, page)
}

func acceptInvitation(s *stage) func(ctx context.Context) given {
	name := "user" + newName()
	invited, err := s.a.Users.Create(s.a.t.Context(), user.New{Username: name})
	must(s.a.t, err)
	s.person = testx.Person{User: invited}
	s.cast()
	made := s.a.wants(s.a.send(s.token, http.MethodPost, "/users/"+invited.Subject()+"/invitation", ""), http.StatusCreated)
	link := made.Text("url")
	s.a.Secret(link)
	browser := s.a.Browser()
	return s.choose(browser, browser.Open(link))
}

// choose fills in a page that asks for a new password, and signs in with it where that is not done by the page.
func (s *stage) choose(browser *testx.Browser, page testx.Answer) func(ctx context.Context) given {
	if page.Form().ID != "password-form" {
		s.a.t.Fatalf("no new password is asked for at %s (%d):\n%s", page.URL, page.Status, page.Body)
	}
	chosen := "my own horse " + newName() + newName()
	s.a.Secret(chosen)
	s.person.Password = chosen
	return func(ctx context.Context) given {
		answer := browser.Within(ctx).Submit(page, url.Values{"password": {chosen}, "password_confirmation": {chosen}})
		return given{browser: browser, last: answer}
	}
}

func askSilently(s *stage) func(ctx context.Context) given {
	s.cast()
	browser, request := s.signedIn(), s.request(url.Values{"prompt": {"none"}})
	return func(ctx context.Context) given {
		answer := browser.Within(ctx).Open(s.a.AuthorizeURL(request))
		return given{browser: browser, request: request, response: answer, last: answer}
	}
}

func decide(s *stage) func(ctx context.Context) given {
	s.cast()
	browser, request := s.a.Browser(), s.request()
	page := browser.SignIn(browser.Open(s.a.AuthorizeURL(request)), s.person)
	return func(ctx context.Context) given {
		answer := browser.Within(ctx).Decide(page, "allow")
		return given{browser: browser, request: request, response: answer, last: answer}
	}
}

func redeemCode(s *stage) func(ctx context.Context) given {
	if s.app.ClientID == "" {
		s.cast()
	}
	browser, request := s.a.Browser(), s.request()
	response := browser.Through(browser.Open(s.a.AuthorizeURL(request)), s.person)
	return func(ctx context.Context) given {
		answer := s.redeem(s.a.Within(ctx), request, response)
		return given{browser: browser, tokens: answer, last: answer}
	}
}

func refresh(s *stage) func(ctx context.Context) given {
	redeem := redeemCode(s)
	first := redeem(s.a.t.Context())
	if first.tokens.Text("refresh_token") == "" {
		s.a.t.Fatalf("no refresh token: %d %s", first.tokens.Status, first.tokens.Body)
	}
	return func(ctx context.Context) given {
		answer := s.ask(s.a.Within(ctx), refreshWith(first.tokens.Text("refresh_token")))
		return given{browser: first.browser, tokens: answer, last: answer}
	}
}

func ownToken(s *stage) func(ctx context.Context) given {
	s.cast()
	return func(ctx context.Context) given {
		answer := s.ask(s.a.Within(ctx), url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {ownScope}})
		return given{tokens: answer, last: answer}
	}
}

func withAssertion(prepare func(s *stage) func(ctx context.Context) given) func(s *stage) func(ctx context.Context) given {
	return func(s *stage) func(ctx context.Context) given {
		key := newKey(s.a.t)
		s.key = &key
		return prepare(s)
	}
}

func newKey(t testing.TB) jose.SigningKey {
	t.Helper()
	signer, err := jose.GenerateKey(jose.ES256)
	must(t, err)
	id, err := jose.KeyID(signer.Public())
	must(t, err)
	return jose.SigningKey{KeyID: id, Algorithm: jose.ES256, Signer: signer}
}

func ofPublicClient(prepare func(s *stage) func(ctx context.Context) given) func(s *stage) func(ctx context.Context) given {
	return func(s *stage) func(ctx context.Context) given {
		s.person = s.a.Person("user" + newName())
		s.app = s.a.Public("http://127.0.0.1/callback", func(m *client.Metadata) { m.Resources = []string{resource} })
		return prepare(s)
	}
}
