package http_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// many returns a set of very many keys, with a good one as the first.
func many(t *testing.T, first jose.SigningKey) string {
	t.Helper()
	jwk, err := jose.PublicJWK(first.Verification())
	must(t, err)
	keys := []string{string(jwk)}
	for i := range jose.MaxKeys {
		keys = append(keys, strings.Replace(string(jwk), first.KeyID, fmt.Sprintf("key-%d", i), 1))
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

// A set of keys with too many of them, or that is too large, is refused wherever one comes in: it
// would be gone through for each signature.
func TestKeySetsAreBounded(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "bounds: keys of a client")
			w := newWorld(t, engine, withRegistration(registration.Open), unlimited, testx.WithConfig(func(c *config.Config) { c.Egress.AllowLoopback = true }))
			w.T = t
			known := w.Keyed(jose.ES256, nil)
			jwk, err := jose.PublicJWK(known.key.Verification())
			must(t, err)
			good := `{"keys":[` + string(jwk) + `]}`
			large := good[:len(good)-1] + `,"x":"` + strings.Repeat("x", jose.MaxKeySetBytes) + `"}`
			a := &administration{w.Server, t}
			token := testx.Bearer(a.own(a.robot(), adminScopes().String(), w.Issuer+adminPath))
			for name, set := range map[string]struct {
				text   string
				isGood bool
			}{"one key": {good, true}, "very many keys": {many(t, known.key), false}, "a large set": {large, false}} {
				registered := w.enrollText("", `{"redirect_uris":["`+callback+`"],"jwks":`+set.text+`}`)
				changed := a.send(token, http.MethodPatch, "/clients/"+known.ClientID, `{"jwks":`+set.text+`}`)
				away := newKeyServer(t)
				far := keyed{w.Confidential(callback, func(m *client.Metadata) { m.AuthenticationMethod, m.JWKSURI = oauth.PrivateKeyJWT, away.URL+"/jwks" }), known.key}
				away.text.Store(&set.text)
				asked := w.Post("/oauth/token", asserted(machine(), w.assert(far, jose.TypeJWT, w.claims(far, nil))))
				for at, answer := range map[string]testx.Answer{"a registration": registered, "a change": changed, "an address": asked} {
					isRefused := answer.Status >= http.StatusBadRequest && answer.Status < http.StatusInternalServerError
					if isRefused == set.isGood {
						t.Errorf("%s by %s: %d %s", name, at, answer.Status, answer.Body)
					}
				}
			}
		})
	}
}

// The oldest session of an account ends where there would be too many, and nobody else's does.
func TestSessionsOfOneAccountAreBounded(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "a fourth session where three are allowed", Rule: "bounds: sessions of an account", Want: Want{Status: http.StatusSeeOther, Error: oauth.LoginRequired}, Do: func(w *World) testx.Answer {
		bob := w.Person("bob")
		other := w.Browser()
		other.Through(other.Open(w.AuthorizeURL(w.Request(w.App))), bob)
		browsers := make([]*testx.Browser, 4)
		for i := range browsers {
			w.Clock.Advance(time.Second)
			browsers[i] = w.SignedIn()
		}
		silent := w.AuthorizeURL(w.Request(w.App, set("prompt", "none")))
		for i, browser := range append(browsers[1:], other) {
			if browser.Open(silent).Query().Get("code") == "" {
				w.T.Errorf("browser %d is signed out", i)
			}
		}
		return browsers[0].Open(silent)
	}}}, testx.WithConfig(func(c *config.Config) { c.Sessions.MaximumPerAccount = 3 }))
}

// Each operation that lists has a limit, which can't be exceeded. A new one without a limit fails
// the test until it is said why it never lists much.
func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "bounds: length of a list")
	a := administer(t, db.SQLite)
	token := testx.Bearer(a.own(a.robot(), adminScopes().String(), a.Issuer+adminPath))
	few := []string{
		"list-keys", "get-key", // a few for each algorithm
		"list-scopes",                                           // as many as administrators made
		"list-client-secrets",                                   // ten at most
		"get-system-status", "get-system-statistics", "get-job", // as many as there are parts and jobs
		"get-audit-event", "get-client", "get-grant", "get-session", // bounded when they are written
		"get-token", "get-user", "get-initial-access-token", "get-scope",
		"export-audit-events", // as a stream, of which four run at once: package admin holds that
	}
	described := a.describe(t)
	for _, operation := range described.operations {
		if operation.method != http.MethodGet {
			continue
		}
		has := false
		for _, parameter := range operation.Parameters {
			has = has || parameter.Name == "limit"
		}
		if has == slices.Contains(few, operation.ID) {
			t.Errorf("%s: has a limit: %t", operation.ID, has)
		}
		for _, limit := range []string{"201", "1000000", "-1", "0", "99999999999999999999", "1e3"} {
			if answer := a.Get(operation.path+"?limit="+limit, token); has && answer.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s with limit=%s: %d", operation.ID, limit, answer.Status)
			}
		}
		if answer := a.Get(operation.path+"?limit=200", token); has && answer.Status != http.StatusOK {
			t.Errorf("%s with limit=200: %d %s", operation.ID, answer.Status, answer.Body)
		}
	}
}
