package login_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
)

func TestPlainSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		b := w.browser(t)
		form := b.get(t, "/login")
		form.has(t, http.StatusOK, `action="/id/login"`, `name="username"`, `name="password"`, "to continue to your account")
		answer := b.signIn(t, form, "ADA@example.com", adasPassword)
		answer.goesTo(t, w.issuer+"/login")
		if b.who(t) != w.ada.ID {
			t.Error("nobody, or somebody else, is signed in")
		}
		if b.cookie(t, "authly_form") != "" {
			t.Error("the key of the form outlived the sign-in")
		}
		b.get(t, "/login").has(t, http.StatusOK, "You are signed in", `href="/id/logout"`)
		u, err := w.users.Find(t.Context(), w.ada.ID)
		must(t, err)
		if u.LastLoginAt == nil || !u.LastLoginAt.Equal(start) {
			t.Errorf("last login: %v", u.LastLoginAt)
		}
		// The same credentials for another person, on the same browser.
		form = b.get(t, "/login?switch=1")
		form.has(t, http.StatusOK, `name="password"`)
		old := b.cookie(t, "authly_session")
		b.signIn(t, form, "bob", bobsPassword).goesTo(t, w.issuer+"/login")
		if b.who(t) != w.bob.ID {
			t.Error("the other person is not signed in")
		}
		if _, live, _ := w.sessions.Current(t.Context(), secret.FromString(old)); live {
			t.Error("the session of the person before is still live")
		}
		must(t, w.users.Disable(t.Context(), w.bob.ID))
		b.get(t, "/login").has(t, http.StatusOK, `name="password"`)
	})
}

var shownUsername = regexp.MustCompile(`(name="username" type="text" value=")[^"]*"`)

// Who may not sign in must not learn why.
func TestRefusalsAreAlike(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ledger.Holds(t, "account: refusals are alike")
		w := newWorld(t, database)
		must(t, w.users.Disable(t.Context(), w.bob.ID))
		w.hasher.take()
		b := w.browser(t)
		form := b.get(t, "/login")
		var first page
		for i, test := range [][2]string{
			{"ada", "wrong"},
			{"ada@example.com", adasPassword + " "},
			{"nobody", adasPassword},
			{"nobody@example.com", "wrong"},
			{"bob", bobsPassword},
			{"bob", "wrong"},
			{"not a name", "wrong"},
		} {
			answer := b.signIn(t, form, test[0], test[1])
			answer.has(t, http.StatusForbidden, "match", `value="`+test[0]+`"`)
			answer.hasNot(t, test[1]+`"`)
			if checks := w.hasher.take(); checks != 1 {
				t.Errorf("%v: %d passwords were checked, want 1", test, checks)
			}
			answer.body = shownUsername.ReplaceAllString(answer.body, `$1"`)
			for _, name := range []string{"X-Request-Id", "Date", "Content-Length"} {
				answer.header.Del(name)
			}
			if i == 0 {
				first = answer
				continue
			}
			if answer.body != first.body || cmp.Diff(answer.header, first.header) != "" {
				t.Errorf("%v: the answer differs: %s %s", test, cmp.Diff(first.body, answer.body), cmp.Diff(first.header, answer.header))
			}
		}
		if b.who(t) != uuid.Nil {
			t.Error("somebody is signed in")
		}
		for _, test := range [][2]string{{"", "x"}, {"ada", ""}} {
			b.signIn(t, form, test[0], test[1]).has(t, http.StatusBadRequest, "Please enter")
		}
		if w.hasher.take() != 0 {
			t.Error("nothing was checked as a password")
		}
		w.expectUnlogged(t, "wrong", adasPassword, bobsPassword, "nobody", "not a name")
	})
}

func (w *world) expectUnlogged(t *testing.T, texts ...string) {
	t.Helper()
	logged := strings.ReplaceAll(w.logged.String(), "wrong credentials", "")
	if logged == "" {
		t.Error("nothing was logged at all")
	}
	for _, text := range texts {
		if strings.Contains(logged, text) {
			t.Errorf("%q is in the log:\n%s", text, logged)
		}
	}
}

func TestLoginCSRF(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		b, attacker := w.browser(t), w.browser(t)
		own, foreign := b.get(t, "/login"), attacker.get(t, "/login")
		begun, foreignBegun := b.get(t, "/begin"), attacker.get(t, "/begin")
		for name, form := range map[string]url.Values{
			"no token":                         {},
			"an empty token":                   {"csrf_token": {""}},
			"another browser's token":          foreign.form(),
			"the token of an interaction":      {"csrf_token": begun.form()["csrf_token"]},
			"a plain token for an interaction": {"csrf_token": own.form()["csrf_token"], "interaction": begun.form()["interaction"]},
			"another browser's with ours":      {"csrf_token": foreignBegun.form()["csrf_token"], "interaction": begun.form()["interaction"]},
		} {
			form.Set("username", "ada")
			form.Set("password", adasPassword)
			b.post(t, "/login", form).has(t, http.StatusForbidden, "Please try again")
			if b.who(t) != uuid.Nil {
				t.Errorf("%s: signed in", name)
			}
		}
		// The whole form of another browser, interaction and all.
		b.signIn(t, foreignBegun, "ada", adasPassword).has(t, http.StatusNotFound, "took too long")
		// A form from another site, even with everything right.
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.issuer+"/login",
			strings.NewReader(own.form("username", "ada", "password", adasPassword).Encode()))
		must(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", "https://evil.example")
		b.do(t, request).has(t, http.StatusForbidden)
		// A key of another length, such as one that was guessed at, is none.
		victim := w.browser(t)
		victim.plant(t, "authly_form", "short")
		if got := victim.get(t, "/login"); victim.cookie(t, "authly_form") == "short" || got.form().Get("csrf_token") == "" {
			t.Error("a key that is none of ours was used")
		}
		if b.who(t) != uuid.Nil || w.hasher.take() != 0 {
			t.Error("a password was checked")
		}
		// The form that the refusal brought is good.
		again := b.post(t, "/login", url.Values{"username": {"ada"}, "password": {adasPassword}})
		b.signIn(t, again, "ada", adasPassword).goesTo(t, w.issuer+"/login")
	})
}

func TestSignInWithinAnInteraction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		b := w.browser(t)
		form := b.get(t, "/begin?login_hint=ada%22%3E")
		form.has(t, http.StatusOK, "The &lt;Shop&gt;", "shop.example", `value="ada&#34;&gt;"`)
		if policy := form.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https") {
			t.Errorf("the form may not end at the client: %s", policy)
		}
		id := form.form().Get("interaction")
		b.signIn(t, form, "ada", "wrong").has(t, http.StatusForbidden, "The &lt;Shop&gt;", "match")
		form = b.get(t, "/login?interaction="+id) // the back button
		answer := b.signIn(t, form, "ada", adasPassword)
		answer.goesTo(t, w.issuer+"/oauth/authorize?interaction="+id)
		if answer.header.Get("Cache-Control") != "no-store" {
			t.Error("the answer may be stored")
		}
		binding := secret.FromString(b.cookie(t, "authly_interaction_"+id))
		bound, err := w.interactions.Find(t.Context(), uuid.MustParse(id), binding)
		must(t, err)
		current, _, err := w.sessions.Current(t.Context(), secret.FromString(b.cookie(t, "authly_session")))
		must(t, err)
		if !bound.SignedInWith(current.ID) || current.UserID != w.ada.ID || !current.AuthenticatedAt.Equal(*bound.AuthenticatedAt) {
			t.Errorf("recorded: %v, %+v", bound.Interaction, current)
		}
		if diff := cmp.Diff([]string{"pwd"}, current.Methods); diff != "" {
			t.Error(diff)
		}
		b.get(t, "/login?interaction="+id).has(t, http.StatusOK, "goes on with "+id)

		must(t, w.interactions.Complete(t.Context(), bound.ID))
		b.get(t, "/login?interaction="+id).has(t, http.StatusGone, "finished")
		b.signIn(t, form, "ada", adasPassword).has(t, http.StatusGone, "finished")
	})
}

func TestInteractionsThatCantGoOn(t *testing.T) {
	w := newWorld(t, dbtest.Open(t, db.SQLite))
	b, other := w.browser(t), w.browser(t)
	form := b.get(t, "/begin")
	id := form.form().Get("interaction")
	other.get(t, "/login?interaction="+id).has(t, http.StatusNotFound, "took too long")
	for _, unknown := range []string{uuid.NewString(), "x", "%00", strings.ToUpper(id) + "0", strings.Repeat("a", 4000)} {
		b.get(t, "/login?interaction="+unknown).has(t, http.StatusNotFound, "took too long")
	}
	w.clock.Advance(time.Hour)
	b.get(t, "/login?interaction="+id).has(t, http.StatusNotFound, "took too long")
	b.signIn(t, form, "ada", adasPassword).has(t, http.StatusNotFound, "took too long")
	if b.who(t) != uuid.Nil {
		t.Error("signed in by an interaction that is over")
	}
}

// OpenID Connect Core 1.0 section 3.1.2.1: prompt and max_age.
func TestWhoIsSignedInAlready(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		b := w.browser(t)
		b.signIn(t, b.get(t, "/login"), "ada", adasPassword).goesTo(t, w.issuer+"/login")
		first := b.cookie(t, "authly_session")
		w.clock.Advance(10 * time.Minute)
		for _, enough := range []string{"", "?max_age=600", "?prompt=consent", "?login_hint=bob"} {
			b.get(t, "/begin"+enough).has(t, http.StatusOK, "goes on with")
		}
		for _, again := range []string{"?prompt=login", "?max_age=599", "?max_age=0"} {
			b.get(t, "/begin"+again).has(t, http.StatusOK, "Sign in again", "signed in as <bdi>ada</bdi>", `value="ada"`, `name="password"`)
		}
		b.get(t, "/begin?prompt=login&login_hint=bob").has(t, http.StatusOK, "signed in as <bdi>ada</bdi>", `value="bob"`)
		wanting := b.get(t, "/begin?prompt=create")
		wanting.has(t, http.StatusOK, "<h1>Sign in</h1>", `name="password"`, `id="login-notice"`)
		if strings.Contains(wanting.body, "login-again") {
			t.Errorf("who wants a new account is to confirm the one that they have:\n%s", wanting.body)
		}

		// "Use another account" on the consent page.
		going := b.get(t, "/begin")
		id := strings.TrimPrefix(going.body, "goes on with ")
		other := b.get(t, "/login?interaction="+id+"&switch=1")
		other.has(t, http.StatusOK, `name="password"`, "The &lt;Shop&gt;")
		other.hasNot(t, ">ada<", `"ada"`)
		b.signIn(t, other, "bob", "wrong").has(t, http.StatusForbidden, `value="bob"`)

		// The same person once more keeps the session and gets a new token.
		form := b.get(t, "/begin?prompt=login")
		old, _, err := w.sessions.Current(t.Context(), secret.FromString(first))
		must(t, err)
		b.signIn(t, form, "ada", "wrong").has(t, http.StatusForbidden, "signed in as <bdi>ada</bdi>", "match")
		if b.cookie(t, "authly_session") != first {
			t.Error("a refused attempt changed the session")
		}
		b.signIn(t, form, "ada", adasPassword).goesTo(t, w.issuer+"/oauth/authorize?interaction="+form.form().Get("interaction"))
		current, _, err := w.sessions.Current(t.Context(), secret.FromString(b.cookie(t, "authly_session")))
		must(t, err)
		if current.ID != old.ID || !current.AuthenticatedAt.Equal(w.clock.Now()) || b.cookie(t, "authly_session") == first {
			t.Errorf("after signing in again: %+v, was %+v", current, old)
		}
		// Within this interaction that is enough, however slow the reader is.
		w.clock.Advance(30 * time.Minute)
		b.get(t, "/login?interaction="+form.form().Get("interaction")).has(t, http.StatusOK, "goes on with")
	})
}

// A token that somebody knows from before the sign-in is worth nothing after it.
func TestSessionFixation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		attacker, victim := w.browser(t), w.browser(t)
		attacker.signIn(t, attacker.get(t, "/login"), "bob", bobsPassword).goesTo(t, w.issuer+"/login")
		for name, planted := range map[string]string{
			"made up": secret.New().Reveal(), "the attacker's own session": attacker.cookie(t, "authly_session"),
		} {
			victim.plant(t, "authly_session", planted)
			victim.signIn(t, victim.get(t, "/login?switch=1"), "ada", adasPassword).goesTo(t, w.issuer+"/login")
			if victim.cookie(t, "authly_session") == planted {
				t.Errorf("%s: the planted token was kept", name)
			}
			if victim.who(t) != w.ada.ID {
				t.Errorf("%s: the victim is not signed in", name)
			}
			if found, live, _ := w.sessions.Current(t.Context(), secret.FromString(planted)); live {
				t.Errorf("%s: the planted token is live for %s", name, found.UserID)
			}
		}
	})
}

func TestMalformedPosts(t *testing.T) {
	w := newWorld(t, dbtest.Open(t, db.SQLite))
	b := w.browser(t)
	for _, body := range []string{"%zz", strings.Repeat("a", 70_000)} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.issuer+"/login", strings.NewReader(body))
		must(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		b.do(t, request).has(t, http.StatusBadRequest)
	}
}
