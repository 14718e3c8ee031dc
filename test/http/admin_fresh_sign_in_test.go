package http_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// freshChallenge is what a request with an old sign-in is answered with (RFC 9470 section 3).
const freshChallenge = `Bearer realm="authly", error="insufficient_user_authentication", error_description="a more recent authentication is required", max_age="900"`

// oldSignIns returns tokens that count, of sign-ins that are an hour old: one of a user, one of a
// user that was refreshed a moment ago, and one of a service account.
func (a *administration) oldSignIns() map[string]string {
	a.t.Helper()
	robot, person, before := a.robot(), a.administrator("longsince"), a.Clock.Now().Add(-time.Hour)
	given := a.Tokens(robot, person, url.Values{"scope": {"openid offline_access " + adminScopes().String()}, "resource": {a.Issuer + adminPath}})
	service := a.own(robot, adminScopes().String(), a.Issuer+adminPath)
	a.change(`UPDATE token_families SET authenticated_at = $1 WHERE user_id = $2`, before, person.ID)
	a.change(`UPDATE access_tokens SET issued_at = $1 WHERE client = $2 AND family_id IS NULL`, before, robot.ID)
	refreshed := a.wants(a.Token(robot, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.Text("refresh_token")}}), http.StatusOK)
	return map[string]string{
		"an old sign-in": given.Text("access_token"), "an old sign-in, refreshed": refreshed.Text("access_token"), "an old token of a service account": service,
	}
}

// The operations that need a fresh sign-in: a new one that is dangerous has to be added here.
func TestDangerousOperations(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, _ testx.RequestOption) {
		by := map[string][]string{}
		for operation, declared := range a.declarations() {
			by[declared.freshSignIn] = append(by[declared.freshSignIn], operation)
			if declared.freshSignIn != "any" && strings.HasPrefix(operation, http.MethodGet+" ") {
				a.t.Errorf("%s reads, and needs a fresh sign-in", operation)
			}
		}
		for kind, want := range map[string][]string{
			"sensitive": {"PATCH /clients/{client_id}", "PATCH /users/{user_id}", "POST /clients", "POST /users"},
			"always": {
				"DELETE /clients/{client_id}", "DELETE /clients/{client_id}/secrets/{secret_id}", "DELETE /scopes/{name}", "DELETE /users/{user_id}",
				"POST /clients/{client_id}/enable", "POST /clients/{client_id}/secrets", "POST /initial-access-tokens", "POST /keys/rotate", "POST /keys/{kid}/retire", "POST /keys/{kid}/withdraw",
				"POST /users/{user_id}/enable", "POST /users/{user_id}/invitation", "POST /users/{user_id}/password", "POST /users/{user_id}/require-password-change", "POST /users/{user_id}/unlock",
			},
		} {
			var got []string
			for _, operation := range slices.Sorted(slices.Values(by[kind])) {
				got = append(got, strings.Replace(operation, adminPath, "", 1))
			}
			if !slices.Equal(got, want) {
				a.t.Errorf("%s: got %q, want %q", kind, got, want)
			}
		}
	})
}

// The age of the sign-in counts, not that of the token: the limit is exact, a refresh doesn't
// help, and a new sign-in does.
func TestFreshSignIn(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, _ testx.RequestOption) {
		ledger.Holds(a.t, "access: dangerous operations need a fresh sign-in")
		robot, root, other := a.robot(), a.administrator("root"), a.Person("other")
		ask := url.Values{"scope": {"openid offline_access " + adminScopes().String()}, "resource": {a.Issuer + adminPath}}
		given := a.Tokens(robot, root, ask)
		refresh := func() {
			given = a.wants(a.Token(robot, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.Text("refresh_token")}}), http.StatusOK)
		}
		reset := func() testx.Answer {
			return a.send(testx.Bearer(given.Text("access_token")), http.MethodPost, "/users/"+other.Subject()+"/password", "")
		}
		a.Clock.Advance(15 * time.Minute)
		refresh()
		a.Secret(a.wants(reset(), http.StatusOK).Text("temporary_password"))
		a.Clock.Advance(time.Second)
		answer := a.wants(reset(), http.StatusUnauthorized, `"urn:authly:problem:insufficient_user_authentication"`, "sign in again")
		if got := answer.Header.Get("WWW-Authenticate"); got != freshChallenge {
			a.t.Errorf("the challenge is %q", got)
		}
		refresh()
		a.wants(reset(), http.StatusUnauthorized)
		a.wants(a.send(testx.Bearer(given.Text("access_token")), http.MethodGet, "/users", ""), http.StatusOK)
		given = a.Tokens(robot, root, ask)
		a.Secret(a.wants(reset(), http.StatusOK).Text("temporary_password"))
	})
}

// Bodies that make an administrator or change a credential need a fresh sign-in, and others of the
// same operations don't.
func TestSensitiveBodies(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, _ testx.RequestOption) {
		ledger.Holds(a.t, "access: dangerous operations need a fresh sign-in")
		person, app := a.Person("person"), a.Confidential("https://app.example/callback", nil)
		user, known := "/users/"+person.Subject(), "/clients/"+app.ClientID
		old := a.oldSignIns()
		for _, name := range slices.Sorted(maps.Keys(old)) {
			token := testx.Bearer(old[name])
			for _, test := range []struct{ method, path, body string }{
				{http.MethodPost, "/users", `{"username":"eve","password":"engine of analysis 1843","administrator":true}`},
				{http.MethodPatch, user, `{"administrator":true}`},
				{http.MethodPatch, user, `{"require_password_change":true}`},
				{http.MethodPatch, user, `{"require_password_change":false}`},
				{http.MethodPost, "/clients", `{"client_name":"x","grant_types":["client_credentials"],"administrator":true}`},
				{http.MethodPatch, known, `{"administrator":true}`},
				{http.MethodPatch, known, `{"jwks":{"keys":[]}}`},
				{http.MethodPatch, known, `{"jwks_uri":"https://eve.example/keys"}`},
				{http.MethodPatch, known, `{"token_endpoint_auth_method":"none"}`},
			} {
				answer := a.wants(a.send(token, test.method, test.path, test.body), http.StatusUnauthorized, `"urn:authly:problem:insufficient_user_authentication"`)
				if got := answer.Header.Get("WWW-Authenticate"); got != freshChallenge || answer.Header.Get("Content-Type") != "application/problem+json" {
					a.t.Errorf("%s: %s %s %s is answered with %q", name, test.method, test.path, test.body, answer.Header)
				}
			}
			a.wants(a.send(token, http.MethodPatch, user, `{"nickname":"Eve","administrator":false}`), http.StatusOK, `"administrator":false`)
			a.wants(a.send(token, http.MethodPatch, known, `{"client_name":"An app","administrator":false}`), http.StatusOK, `"administrator":false`)
			made := a.wants(a.send(token, http.MethodPost, "/clients", `{"client_name":"x","redirect_uris":["https://x.example/callback"]}`), http.StatusCreated)
			a.Secret(made.Text("client_secret"))
		}
	})
}

// 0 lets any sign-in do.
func TestFreshSignInSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		a := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Admin.FreshSignIn = 0 }))
		for name, token := range a.oldSignIns() {
			if answer := a.send(testx.Bearer(token), http.MethodDelete, "/scopes/no:such", ""); answer.Status != http.StatusNotFound {
				t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
		}
	}
}
