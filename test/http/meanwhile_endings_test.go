//go:build !race

package http_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/testx"
)

// aboutPeople are the kinds of actions that are about a person; afterSignIn those of them that need a session.
func aboutPeople() []outcome {
	return []outcome{givesSession, givesFirstAccess, givesByMemory, givesByDecision, givesTokens}
}
func afterSignIn() []outcome { return []outcome{givesByMemory, givesByDecision, givesTokens} }
func throughClients() []outcome {
	return []outcome{givesSession, givesByMemory, givesByDecision, givesTokens, givesTokensForKey, givesOwnTokens}
}
func rememberedOnly() []outcome { return []outcome{givesByMemory, givesTokens} }
func withTheirTokens() []outcome {
	return []outcome{givesSession, givesByMemory, givesByDecision, givesTokens}
}

// endings are what ends, and what is taken away.
func endings() []ending {
	onUser := func(path string) func(s *stage) {
		return func(s *stage) {
			s.a.wants(s.a.send(s.token, http.MethodPost, "/users/"+s.person.Subject()+path, ""), http.StatusOK)
		}
	}
	onClient := func(path string) func(s *stage) {
		return func(s *stage) {
			s.a.wants(s.a.send(s.token, http.MethodPost, "/clients/"+s.app.ClientID+path, ""), http.StatusOK)
		}
	}
	change := func(body string) func(s *stage) {
		return func(s *stage) {
			s.a.wants(s.a.send(s.token, http.MethodPatch, "/clients/"+s.app.ClientID, body), http.StatusOK)
		}
	}
	remove := func(path func(s *stage) string) func(s *stage) {
		return func(s *stage) {
			if answer := s.a.send(s.token, http.MethodDelete, path(s), ""); answer.Status != http.StatusNoContent && answer.Status != http.StatusOK {
				s.a.t.Errorf("%s: %d %s", path(s), answer.Status, answer.Body)
			}
		}
	}
	claims := url.Values{"claims": {`{"userinfo":{"phone_number":null},"id_token":{"phone_number":null}}`}}
	return []ending{
		{name: "the password is replaced", of: aboutPeople(), check: isGone, do: func(s *stage) {
			answer := s.a.wants(s.a.send(s.token, http.MethodPost, "/users/"+s.person.Subject()+"/password", ""), http.StatusOK)
			s.a.Secret(answer.Text("temporary_password"))
		}},
		{name: "an invitation is used", of: []outcome{givesSession, givesByMemory, givesByDecision, givesTokens}, check: isGone, do: acceptAnInvitation},
		{name: "the account is disabled", of: aboutPeople(), check: isGone, do: onUser("/disable"), undo: onUser("/enable")},
		{name: "the account is deleted", of: aboutPeople(), check: isGone, do: remove(func(s *stage) string { return "/users/" + s.person.Subject() })},
		{name: "a new password is required", of: append(afterSignIn(), givesSession), check: isGone, do: onUser("/require-password-change")},
		{name: "the sessions are ended", of: afterSignIn(), check: isGone, do: remove(func(s *stage) string { return "/users/" + s.person.Subject() + "/sessions" })},
		{name: "the consent is withdrawn", of: rememberedOnly(), check: isNotAllowed, do: remove(func(s *stage) string { return "/users/" + s.person.Subject() + "/grants" })},
		{name: "the client is disabled", of: throughClients(), check: tokensAreGone, do: onClient("/disable"), undo: onClient("/enable")},
		{name: "the client is deleted", of: throughClients(), check: tokensAreGone, do: remove(func(s *stage) string { return "/clients/" + s.app.ClientID })},
		{name: "the secret is withdrawn", of: []outcome{givesTokens, givesTokensForKey, givesOwnTokens}, check: isUnauthenticated, do: withdrawCredentials},
		{name: "the resource is taken", of: append(withTheirTokens(), givesTokensForKey, givesOwnTokens), asks: url.Values{"resource": {resource}}, check: isNotForResource, do: change(`{"resources":[]}`)},
		{name: "the scope is taken", of: append(withTheirTokens(), givesTokensForKey, givesOwnTokens), check: isWithoutScope, do: change(`{"scopes":["openid","profile","offline_access"]}`)},
		{name: "the claim is taken", of: append(withTheirTokens(), givesTokensForKey), asks: claims, check: isWithoutPhone, do: change(`{"scopes":["openid","profile","email","offline_access"]}`)},
	}
}

// acceptAnInvitation replaces the person's password by one that they choose, which is not required to be changed.
func acceptAnInvitation(s *stage) {
	link := s.a.wants(s.a.send(s.token, http.MethodPost, "/users/"+s.person.Subject()+"/invitation", ""), http.StatusCreated).Text("url")
	chosen := "a quite new horse " + newName()
	s.a.Secret(link, chosen)
	browser := s.a.Browser()
	s.a.wants(browser.Submit(browser.Open(link), url.Values{"password": {chosen}, "password_confirmation": {chosen}}), http.StatusOK)
}

// withdrawCredentials takes the secret that the client has, or its key, and leaves it another one.
func withdrawCredentials(s *stage) {
	if s.app.Secret == "" && s.key == nil {
		return // a public client has none
	}
	if s.key != nil {
		document, err := jose.JWKS([]jose.VerificationKey{newKey(s.a.t).Verification()})
		must(s.a.t, err)
		s.a.wants(s.a.send(s.token, http.MethodPatch, "/clients/"+s.app.ClientID, `{"jwks":`+string(document)+`}`), http.StatusOK)
		return
	}
	_, other, err := s.a.Clients.AddSecret(s.a.t.Context(), s.app.ID, client.NewSecret{}) // without an overlap
	must(s.a.t, err)
	s.a.Secret(other.Reveal())
}

// isGone finds no session, no code and no token that counts.
func isGone(t *testing.T, s *stage, g given) {
	t.Helper()
	if g.browser != nil {
		if page := g.browser.Open(s.a.Issuer + "/login"); page.Form().ID != "login-form" {
			t.Errorf("the browser is signed in (%d):\n%s", page.Status, page.Body)
		}
	}
	tokensAreGone(t, s, g)
}

// tokensAreGone finds no code and no token that counts.
func tokensAreGone(t *testing.T, s *stage, g given) {
	t.Helper()
	for _, tokens := range s.all(g) {
		if answer := s.a.Introspect(s.guard, tokens.Text("access_token")); answer.JSON["active"] == true {
			t.Errorf("the access token counts for a resource server: %s", answer.Body)
		}
		if answer := s.a.Introspect(s.app, tokens.Text("access_token")); answer.JSON["active"] == true {
			t.Errorf("the access token counts for its client: %s", answer.Body)
		}
		if answer := s.a.Get("/oauth/userinfo", testx.Bearer(tokens.Text("access_token"))); answer.Status == http.StatusOK {
			t.Errorf("the access token counts here: %s", answer.Body)
		}
		if value := tokens.Text("refresh_token"); value != "" {
			if answer := s.ask(s.a.Server, refreshWith(value)); answer.Status == http.StatusOK {
				t.Errorf("the refresh token counts: %s", answer.Body)
			}
		}
	}
}

// all returns the tokens that an action gave, at once or for the code that it gave.
func (s *stage) all(g given) []testx.Answer {
	var all []testx.Answer
	if g.tokens.Status == http.StatusOK {
		all = append(all, g.tokens)
	}
	if strings.HasPrefix(g.response.Header.Get("Location"), callback) && g.response.Query().Get("code") != "" {
		if answer := s.redeem(s.a.Server, g.request, g.response); answer.Status == http.StatusOK {
			all = append(all, answer)
		}
	}
	return all
}

// isNotAllowed finds nothing that counts, and no consent that nobody gave.
func isNotAllowed(t *testing.T, s *stage, g given) {
	t.Helper()
	tokensAreGone(t, s, g)
	_, found, err := s.a.Grants.Find(t.Context(), s.app.ID, s.person.ID)
	must(t, err)
	if found {
		t.Error("there is a consent again, which nobody gave")
	}
}

// isUnauthenticated finds the old credentials refused.
func isUnauthenticated(t *testing.T, s *stage, g given) {
	t.Helper()
	if s.app.Secret == "" && s.key == nil {
		return
	}
	answer := s.ask(s.a.Server, url.Values{"grant_type": {"client_credentials"}})
	if answer.Status != http.StatusUnauthorized {
		t.Errorf("the old credentials are answered with %d: %s", answer.Status, answer.Body)
	}
	if g.last.Status >= http.StatusInternalServerError {
		t.Errorf("%d %s", g.last.Status, g.last.Body)
	}
}

// isNotForResource finds nothing that counts at the resource.
func isNotForResource(t *testing.T, s *stage, g given) {
	t.Helper()
	for _, tokens := range s.all(g) {
		if answer := s.a.Introspect(s.guard, tokens.Text("access_token")); answer.JSON["active"] == true {
			t.Errorf("the access token counts at the resource: %s", answer.Body)
		}
		if value := tokens.Text("refresh_token"); value != "" {
			again := s.ask(s.a.Server, refreshWith(value))
			if answer := s.a.Introspect(s.guard, again.Text("access_token")); again.Status == http.StatusOK && answer.JSON["active"] == true {
				t.Errorf("the refresh token gives access to the resource: %s", answer.Body)
			}
		}
	}
}

// isWithoutScope finds the scope nowhere: neither the one that a person allowed nor that of the client itself.
func isWithoutScope(t *testing.T, s *stage, g given) {
	t.Helper()
	for _, tokens := range s.withRefreshed(g) {
		for _, by := range []testx.Client{s.app, s.guard} {
			if by.ClientID == s.app.ClientID && s.key != nil {
				continue // it introspects nothing with a secret
			}
			answer := s.a.Introspect(by, tokens.Text("access_token"))
			if scopes := strings.Fields(answer.Text("scope")); slices.Contains(scopes, "email") || slices.Contains(scopes, ownScope) {
				t.Errorf("the access token has the scope: %s", answer.Body)
			}
		}
		if answer := s.a.Get("/oauth/userinfo", testx.Bearer(tokens.Text("access_token"))); answer.JSON["email"] != nil {
			t.Errorf("UserInfo has the claim: %s", answer.Body)
		}
	}
}

// isWithoutPhone finds the claim, which was asked for by its name, nowhere.
func isWithoutPhone(t *testing.T, s *stage, g given) {
	t.Helper()
	for _, tokens := range s.withRefreshed(g) {
		if answer := s.a.Get("/oauth/userinfo", testx.Bearer(tokens.Text("access_token"))); answer.JSON["phone_number"] != nil {
			t.Errorf("UserInfo has the claim: %s", answer.Body)
		}
	}
	// What was issued after the end has it neither.
	for _, tokens := range s.all(g) {
		again := s.ask(s.a.Server, refreshWith(tokens.Text("refresh_token")))
		if again.Text("id_token") == "" {
			continue
		}
		if _, claims := jwt(t, again.Text("id_token")); claims["phone_number"] != nil {
			t.Error("a later ID token has the claim")
		}
	}
}

// withRefreshed returns the tokens that an action gave, and those that they give.
func (s *stage) withRefreshed(g given) []testx.Answer {
	all := s.all(g)
	for _, tokens := range all {
		if value := tokens.Text("refresh_token"); value != "" {
			if again := s.ask(s.a.Server, refreshWith(value)); again.Status == http.StatusOK {
				all = append(all, again)
			}
		}
	}
	return all
}
