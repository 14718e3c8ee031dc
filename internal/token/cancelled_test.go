package token_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Whoever replays a code or a refresh token can't keep the family alive by hanging up.
func TestRevocationOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		got, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		live, err := e.tokens.Lookup(t.Context(), secret.FromString(got.AccessToken))
		e.must(err)
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		e.must(e.tokens.RevokeFamily(gone, live.Family.ID, "test"))
		if e.counts(got.AccessToken) {
			t.Error("the family lives")
		}
	})
}

// Concurrent requests share commits: one that is broken off must not take its
// neighbours along, and what was answered counts.
func TestConcurrentRequestsThatAreBrokenOff(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		params, err := oauth.ParseParams(url.Values{"grant_type": {"client_credentials"}})
		e.must(err)
		var requests sync.WaitGroup
		for i := range 256 {
			requests.Go(func() {
				patience := time.Minute
				if i%2 == 0 {
					patience = time.Duration(i) * 20 * time.Microsecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				got, err := e.tokens.Exchange(ctx, params, func(context.Context) (client.Client, error) { return known, nil })
				switch {
				case err == nil && !e.counts(got.AccessToken):
					t.Error("a token was answered and is not there")
				case err != nil && i%2 == 1:
					t.Errorf("a patient request failed: %v", err)
				}
			})
		}
		requests.Wait()
	})
}

// RFC 9068 section 4: a token says whom it is meant for.
func TestTokenForTheServerItself(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		for _, format := range []client.AccessTokenFormat{client.FormatJWT, client.FormatOpaque} {
			known := e.register(func(n *client.Metadata) { confidential(n); n.AccessTokenFormat = format })
			for resource, want := range map[string]bool{"": true, "https://api.example": false} {
				request := url.Values{"grant_type": {"client_credentials"}}
				if resource != "" {
					request.Set("resource", resource)
				}
				got, err := e.exchange(e.tokens, known, request)
				e.must(err)
				live, err := e.tokens.Lookup(t.Context(), secret.FromString(got.AccessToken))
				e.must(err)
				if live.ForServer != want {
					t.Errorf("%s for %q: %v", format, resource, live.ForServer)
				}
			}
		}
	})
}
