package http_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
	"authly/internal/testx"
)

// declaration is what an operation declares about who may do it.
type declaration struct{ scope, freshSignIn string }

// declarations returns what each operation of the description declares, by "METHOD /path".
func (a *administration) declarations(options ...testx.RequestOption) map[string]declaration {
	a.t.Helper()
	var described struct {
		Paths map[string]map[string]struct {
			Security    []map[string][]string `json:"security"`
			FreshSignIn string                `json:"x-fresh-sign-in"`
		} `json:"paths"`
	}
	answer := a.Get("/api/v1/openapi.json", options...)
	if err := json.Unmarshal([]byte(answer.Body), &described); err != nil || len(described.Paths) == 0 {
		a.t.Fatalf("the description is not given: %d, %v", answer.Status, err)
	}
	declared := map[string]declaration{}
	for path, operations := range described.Paths {
		for method, operation := range operations {
			needs := operation.Security
			if len(needs) != 1 || len(needs[0]["oauth"]) != 1 || !slices.Contains([]string{"any", "always", "sensitive"}, operation.FreshSignIn) {
				a.t.Fatalf("%s %s declares %v and %q", method, path, needs, operation.FreshSignIn)
			}
			declared[strings.ToUpper(method)+" "+path] = declaration{needs[0]["oauth"][0], operation.FreshSignIn}
		}
	}
	return declared
}

// caller is one way to ask.
type caller struct {
	options []testx.RequestOption
	want    []int  // statuses; none for whoever is let in
	kind    string // of the problem; "" for any
}

// letIn is a caller who gets as far as the operation itself.
func letIn(options ...testx.RequestOption) caller { return caller{options: options} }

// unknown is a caller without a token that counts.
func unknown(options ...testx.RequestOption) caller {
	return caller{options, []int{http.StatusUnauthorized}, ""}
}

// ended is a caller whose token may have ended with something, or may count no more.
func ended(token string) caller {
	return caller{[]testx.RequestOption{testx.Bearer(token)}, []int{http.StatusUnauthorized, http.StatusForbidden}, ""}
}

func refusedFor(kind string, options ...testx.RequestOption) caller {
	return caller{options, []int{http.StatusForbidden}, kind}
}

// Every route × every way of asking: only the right ones pass. The routes are those that are
// mounted, and they are all that the description has: a new one is in here by itself.
func TestAuthorityOfEveryRoute(t *testing.T) {
	t.Parallel()
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "access: every route of the administration")
			a := administer(t, engine, testx.WithConfig(func(c *config.Config) {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}))
			callers, old, services, declared := a.callers(), a.oldSignIns(), a.services(), a.declarations(testx.Header("X-Forwarded-For", "127.0.0.1"))
			for _, route := range a.Routes() {
				if !strings.HasPrefix(route.Path, "/api/") || route.Path == "/api/v1/openapi.json" {
					continue
				}
				needed := declared[route.Method+" "+route.Path]
				if delete(declared, route.Method+" "+route.Path); needed.scope == "" || !strings.HasPrefix(route.Path, adminPath+"/") {
					t.Errorf("%s %s is not in the description", route.Method, route.Path)
					continue
				}
				path := parameter.ReplaceAllString(route.Path, "0190d8b2-0000-7000-8000-000000000000")
				for name, by := range callers {
					a.asks(route.Method, path, name, by)
				}
				for name, token := range old {
					by := letIn(testx.Bearer(token))
					if needed.freshSignIn == "always" {
						by = caller{by.options, []int{http.StatusUnauthorized}, "insufficient_user_authentication"}
					}
					a.asks(route.Method, path, name, by)
				}
				a.asks(route.Method, path, "exactly its scope", letIn(testx.Bearer(services[needed.scope])))
				a.asks(route.Method, path, "every other scope", refusedFor("insufficient_scope", testx.Bearer(services["but "+needed.scope])))
			}
			for operation := range declared {
				t.Errorf("%s is described and not mounted", operation)
			}
		})
	}
}

// asks sends a request whose body no operation takes, and compares the answer.
func (a *administration) asks(method, path, name string, by caller) {
	a.t.Helper()
	options := by.options
	if method != http.MethodGet && method != http.MethodDelete {
		options = append(slices.Clone(options), testx.JSON(`{"no_such_member":7}`))
	}
	// The proxy says for whom, unless the caller says something else.
	options = append(slices.Clone(options), func(r *http.Request) {
		if r.Header.Values("X-Forwarded-For") == nil {
			r.Header.Set("X-Forwarded-For", "127.0.0.1")
		}
	})
	answer := a.Call(method, path, nil, options...)
	if by.want == nil {
		if answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden || answer.Status >= http.StatusInternalServerError {
			a.t.Errorf("%s %s by %s: %d %s", method, path, name, answer.Status, answer.Body)
		}
		return
	}
	if !slices.Contains(by.want, answer.Status) || by.kind != "" && answer.Text("type") != "urn:authly:problem:"+by.kind ||
		!strings.HasPrefix(answer.Header.Get("Content-Type"), "application/problem+json") ||
		answer.Status == http.StatusUnauthorized && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer ") {
		a.t.Errorf("%s %s by %s: %d %s", method, path, name, answer.Status, answer.Body)
	}
}

// The scopes of the matrix are those of the catalogue and of the operations.
func TestScopesOfTheOperations(t *testing.T) {
	t.Parallel()
	a := administer(t, db.SQLite)
	catalogue, err := a.Scopes.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var known oauth.ScopeSet
	for _, entry := range catalogue {
		if oauth.IsAdministrationScope(entry.Name) {
			known = append(known, entry.Name)
		}
	}
	if !slices.Equal(known, adminScopes()) {
		t.Errorf("the catalogue has %v", known)
	}
	for operation, needed := range a.declarations() {
		// What reads needs a scope that reads, and anything else one that writes.
		if !known.Has(needed.scope) || strings.HasPrefix(operation, "GET ") != strings.HasSuffix(needed.scope, ":read") {
			t.Errorf("%s needs %s", operation, needed.scope)
		}
	}
}

// services returns the tokens of a service account: with one scope each, and with all but one.
func (a *administration) services() map[string]string {
	a.t.Helper()
	robot, tokens := a.robot(), map[string]string{}
	for _, name := range adminScopes() {
		tokens[name] = a.own(robot, name, a.Issuer+adminPath)
		tokens["but "+name] = a.own(robot, adminScopes().Without(oauth.ScopeSet{name}).String(), a.Issuer+adminPath)
	}
	return tokens
}

// callers returns all ways of asking with a token, or without one.
func (a *administration) callers() map[string]caller {
	a.t.Helper()
	all := a.tokensForOtherThings() // one of them has to grow old, the others must not
	for _, more := range []map[string]caller{a.administrators(), a.serviceAccounts(), a.forced()} {
		for name, by := range more {
			all[name] = by
		}
	}
	return all
}

// administrators are people, before and after what can happen to their accounts.
func (a *administration) administrators() map[string]caller {
	a.t.Helper()
	robot, everything := a.robot(), adminScopes().String()
	person := func(name string) (testx.Person, string) {
		made := a.administrator(name)
		return made, a.on(robot, made, everything)
	}
	_, good := person("good")
	disabled, ofDisabled := person("disabled")
	hurried, ofHurried := person("hurried")
	demoted, ofDemoted := person("demoted")
	deleted, ofDeleted := person("deleted")
	_, revoked := person("revoked")
	sans := a.on(robot, a.administrator("sans"), "openid")
	for _, end := range []func() error{
		func() error { return a.Users.Disable(a.t.Context(), disabled.ID) },
		func() error { return a.Users.Delete(a.t.Context(), deleted.ID) },
	} {
		if err := end(); err != nil {
			a.t.Fatal(err)
		}
	}
	a.change(`UPDATE users SET require_password_change = $1 WHERE id = $2`, true, hurried.ID)
	a.change(`UPDATE users SET administrator = $1 WHERE id = $2`, false, demoted.ID)
	a.wants(a.Post("/oauth/revoke", url.Values{"token": {revoked}}, testx.As(robot)), http.StatusOK)
	return map[string]caller{
		"an administrator":              letIn(testx.Bearer(good)),
		"an administrator sans":         refusedFor("insufficient_scope", testx.Bearer(sans)),
		"a disabled administrator":      ended(ofDisabled),
		"one with a given password":     ended(ofHurried),
		"one who was demoted":           refusedFor("not_administrator", testx.Bearer(ofDemoted)),
		"one who was deleted":           unknown(testx.Bearer(ofDeleted)),
		"one who has revoked the token": unknown(testx.Bearer(revoked)),
	}
}

// tokensForOtherThings are of an account that may administer, and not for this.
func (a *administration) tokensForOtherThings() map[string]caller {
	a.t.Helper()
	here, everything, robot := a.Issuer+adminPath, adminScopes().String(), a.robot()
	expired := a.own(robot, everything, here)
	a.Clock.Advance(time.Hour)
	right, again := a.own(robot, everything, here), a.own(robot, everything, here)
	theirs := a.Tokens(robot, a.administrator("other"), url.Values{"scope": {"openid offline_access " + everything}, "resource": {here}})
	return map[string]caller{
		"nobody":                 unknown(),
		"garbage":                unknown(testx.Bearer("garbage")),
		"basic credentials":      unknown(testx.As(robot)),
		"an expired token":       unknown(testx.Bearer(expired)),
		"no audience":            unknown(testx.Bearer(a.own(robot, everything))),
		"another audience":       unknown(testx.Bearer(a.own(robot, everything, "https://api.example"))),
		"two audiences":          unknown(testx.Bearer(a.own(robot, everything, "https://api.example", here))),
		"an ID token":            unknown(testx.Bearer(theirs.Text("id_token"))),
		"a refresh token":        unknown(testx.Bearer(theirs.Text("refresh_token"))),
		"a token in the URL":     unknown(func(r *http.Request) { r.URL.RawQuery = "access_token=" + right }),
		"a token in the URL too": unknown(testx.Bearer(right), func(r *http.Request) { r.URL.RawQuery = "access_token=" + right }),
		"a token in a cookie":    unknown(func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "access_token", Value: right}) }),
		"two tokens":             unknown(testx.Bearer(right), func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+again) }),
		"the right token":        letIn(testx.Bearer(right)),
		"a foreign address":      refusedFor("address_refused", testx.Bearer(right), testx.Header("X-Forwarded-For", "203.0.113.9")),
		"a made up near address": refusedFor("address_refused", testx.Bearer(right), testx.Header("X-Forwarded-For", "127.0.0.1, 203.0.113.9")),
		"a silent proxy":         refusedFor("address_refused", testx.Bearer(right), func(r *http.Request) { r.Header["X-Forwarded-For"] = []string{} }),
		"an open quote":          refusedFor("address_refused", testx.Bearer(right), testx.Header("X-Forwarded-For", `", 203.0.113.9`)),
	}
}

// serviceAccounts are clients, before and after what can happen to their records.
func (a *administration) serviceAccounts() map[string]caller {
	a.t.Helper()
	here, everything := a.Issuer+adminPath, adminScopes().String()
	demoted, disabled, deleted := a.robot(), a.robot(), a.robot()
	all := map[string]caller{
		"a service account":         letIn(testx.Bearer(a.own(a.robot(), everything, here))),
		"a demoted service account": refusedFor("not_administrator", testx.Bearer(a.own(demoted, everything, here))),
		"a disabled one":            ended(a.own(disabled, everything, here)),
		"a deleted one":             unknown(testx.Bearer(a.own(deleted, everything, here))),
	}
	a.change(`UPDATE clients SET administrator = $1 WHERE id = $2`, false, demoted.ID)
	for _, err := range []error{a.Clients.Disable(a.t.Context(), disabled.ID), a.Clients.Delete(a.t.Context(), deleted.ID)} {
		if err != nil {
			a.t.Fatal(err)
		}
	}
	return all
}

// forced are those who got the scopes by somebody who can write to the database. The scope
// alone opens nothing.
func (a *administration) forced() map[string]caller {
	a.t.Helper()
	here := a.Issuer + adminPath
	if err := a.Scopes.Create(a.t.Context(), scope.Scope{Name: "reports", Description: "Read reports", Active: true}); err != nil {
		a.t.Fatal(err)
	}
	ordinary := func(m *client.Metadata) { m.Resources, m.Scopes = []string{here}, append(m.Scopes, "reports") }
	registered := func(m *client.Metadata) { ordinary(m); m.RegisteredBy = client.ByClient }
	person, plain := a.Person("ordinary"), a.Confidential("https://plain.example/callback", ordinary)
	theirs := a.Confidential("https://theirs.example/callback", registered)
	flagged := a.Confidential("https://flagged.example/callback", registered)
	all := map[string]caller{
		"an ordinary user with the scopes":               refusedFor("not_administrator", testx.Bearer(a.on(plain, person, "openid"))),
		"a client without the flag":                      refusedFor("not_administrator", testx.Bearer(a.own(plain, "reports", here))),
		"an administrator by a client that registered":   refusedFor("not_administrator", testx.Bearer(a.on(theirs, a.administrator("trusting"), "openid"))),
		"a client that registered itself, with the flag": refusedFor("not_administrator", testx.Bearer(a.own(flagged, "reports", here))),
	}
	a.change(`UPDATE clients SET administrator = $1 WHERE id = $2`, true, flagged.ID)
	changed, err := a.Database().Write(a.t.Context()).Exec(a.t.Context(), `UPDATE access_tokens SET scopes = $1 WHERE client IN ($2, $3, $4)`,
		db.Strings(adminScopes()), plain.ID, theirs.ID, flagged.ID)
	if err != nil || changed != 4 {
		a.t.Fatalf("%d tokens, %v", changed, err)
	}
	return all
}
