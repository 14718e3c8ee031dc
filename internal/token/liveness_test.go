package token_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// TestEverythingAboveATokenEndsIt is the table of "grants first".
func TestEverythingAboveATokenEndsIt(t *testing.T) {
	t.Parallel()
	statements := map[string]string{
		"user disabled":   `UPDATE users SET state = 'disabled'`,
		"user deleted":    `DELETE FROM users`,
		"client disabled": `UPDATE clients SET state = 'disabled'`,
		"client deleted":  `DELETE FROM clients`,
		"grant revoked":   `UPDATE grants SET revoked_at = updated_at`,
		"session ended":   `UPDATE sessions SET ended_at = created_at`,
	}
	for name, statement := range statements {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				e := newEnvironment(t, database)
				known, ctx := e.register(nil), t.Context()
				opaque := e.register(func(n *client.Metadata) { n.AccessTokenFormat = client.FormatOpaque })
				sessionID := id.New()
				_, err := database.Write(ctx).Exec(ctx, `INSERT INTO sessions (id, token_hash, user_id, authentication_methods, authenticated_at,
					created_at, last_seen_at, idle_expires_at, expires_at, user_agent, address) VALUES ($1, $2, $3, '[]', $4, $4, $4, $5, $5, '', '')`,
					sessionID, []byte("x"), e.user, e.clock.Now(), e.clock.Now().Add(time.Hour))
				e.must(err)
				online := func(c *token.Code) { c.SessionID = &sessionID; c.Scopes = oauth.ScopeSet{"openid"} }
				pending := e.code(known, online)
				jwt, err := e.redeem(known, e.code(known, online))
				e.must(err)
				handle, err := e.redeem(opaque, e.code(opaque, online))
				e.must(err)
				if strings.Contains(handle.AccessToken, ".") || !e.counts(handle.AccessToken) || !e.counts(jwt.AccessToken) {
					t.Fatal("the tokens don't count to begin with")
				}
				_, err = database.Write(ctx).Exec(ctx, statement)
				e.must(err)
				if e.counts(jwt.AccessToken) || e.counts(handle.AccessToken) {
					t.Error("an access token still counts")
				}
				_, err = e.refresh(known, jwt.RefreshToken)
				e.wantCode(err, oauth.InvalidGrant)
				_, err = e.redeem(known, pending)
				if name == "client disabled" { // its authentication would have refused it before
					e.wantCode(err, oauth.InvalidClient)
				} else {
					e.wantCode(err, oauth.InvalidGrant)
				}
			})
		})
	}
}

func TestOfflineAccessOutlivesTheSession(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known, ctx := e.register(nil), t.Context()
		sessionID := id.New()
		_, err := database.Write(ctx).Exec(ctx, `INSERT INTO sessions (id, token_hash, user_id, authentication_methods, authenticated_at,
			created_at, last_seen_at, idle_expires_at, expires_at, user_agent, address) VALUES ($1, $2, $3, '[]', $4, $4, $4, $5, $5, '', '')`,
			sessionID, []byte("x"), e.user, e.clock.Now(), e.clock.Now().Add(time.Hour))
		e.must(err)
		got, err := e.redeem(known, e.code(known, func(c *token.Code) { c.SessionID = &sessionID }))
		e.must(err)
		_, err = database.Write(ctx).Exec(ctx, `UPDATE sessions SET ended_at = created_at`)
		e.must(err)
		if _, err := e.refresh(known, got.RefreshToken); err != nil {
			t.Error(err)
		}
	})
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		got, err := e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}, "resource": {"https://api.example/"}})
		e.must(err)
		if got.RefreshToken != "" || got.IDToken != "" || !e.counts(got.AccessToken) {
			t.Errorf("got %+v", got)
		}
		_, err = e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}, "scope": {"openid"}})
		e.wantCode(err, oauth.InvalidScope)
		_, err = e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}, "resource": {"https://unknown.example"}})
		e.wantCode(err, oauth.InvalidTarget)
		public := e.register(nil)
		_, err = e.exchange(e.tokens, public, url.Values{"grant_type": {"client_credentials"}})
		e.wantCode(err, oauth.UnauthorizedClient)
		_, err = e.exchange(e.tokens, known, url.Values{"grant_type": {"password"}})
		e.wantCode(err, oauth.UnsupportedGrantType)
		_, err = e.exchange(e.tokens, known, url.Values{})
		e.wantCode(err, oauth.InvalidRequest)
	})
}

func TestClientsOwnTokenEndsWithTheClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		for _, format := range []client.AccessTokenFormat{client.FormatJWT, client.FormatOpaque} {
			known := e.register(func(n *client.Metadata) { confidential(n); n.AccessTokenFormat = format })
			got, err := e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}})
			e.must(err)
			if !e.counts(got.AccessToken) {
				t.Fatalf("%s: it doesn't count to begin with", format)
			}
			_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE clients SET state = 'disabled' WHERE id = $1`, known.ID)
			e.must(err)
			if e.counts(got.AccessToken) {
				t.Errorf("%s: it counts although its client is disabled", format)
			}
		}
	})
}

func TestSweepForgetsRotatedTokensOfALivingFamily(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		got, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		for range 4 {
			e.clock.Advance(13 * 24 * time.Hour)
			got, err = e.refresh(known, got.RefreshToken)
			e.must(err)
		}
		e.must(e.tokens.Sweep(t.Context()))
		var rows int
		e.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM refresh_tokens`).Scan(&rows))
		if rows != 2 { // the live one, and the one before it, whose reuse must still be noticed
			t.Errorf("%d rows", rows)
		}
		if _, err := e.refresh(known, got.RefreshToken); err != nil {
			t.Error(err)
		}
	})
}

func TestSweepKeepsWhatStillCounts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		code := e.code(known, nil)
		got, err := e.redeem(known, code)
		e.must(err)
		_ = e.code(known, nil) // never redeemed
		e.clock.Advance(11 * time.Minute)
		e.must(e.tokens.Sweep(t.Context()))
		got, err = e.refresh(known, got.RefreshToken)
		e.must(err)
		_, err = e.redeem(known, code) // its replay is still noticed
		e.wantCode(err, oauth.InvalidGrant)
		if e.counts(got.AccessToken) {
			t.Error("the replay of an old code was not noticed after a sweep")
		}
		e.clock.Advance(lifetimes.RefreshToken)
		e.must(e.tokens.Sweep(t.Context()))
		for _, table := range []string{"authorization_codes", "token_families", "refresh_tokens", "access_tokens"} {
			var rows int
			e.must(database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&rows))
			if rows != 0 {
				t.Errorf("%d rows stay in %s for ever", rows, table)
			}
		}
	})
}

func TestWhatEndedForGoodStaysEnded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		own := func() string {
			got, err := e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}})
			e.must(err)
			return got.AccessToken
		}
		for name, end := range map[string]func() error{
			"user":   func() error { return e.tokens.EndAllOfUser(t.Context(), e.user) },
			"client": func() error { return e.tokens.EndAllOfClient(t.Context(), known.ID) },
		} {
			pending, itself := e.code(known, nil), own()
			got, err := e.redeem(known, e.code(known, nil))
			e.must(err)
			e.must(end())
			if e.counts(got.AccessToken) {
				t.Errorf("%s: the access token still counts", name)
			}
			if e.counts(itself) != (name == "user") {
				t.Errorf("%s: the client's own token counts: %v", name, e.counts(itself))
			}
			_, err = e.refresh(known, got.RefreshToken)
			e.wantCode(err, oauth.InvalidGrant)
			_, err = e.redeem(known, pending)
			e.wantCode(err, oauth.InvalidGrant)
		}
		if got, err := e.redeem(known, e.code(known, nil)); err != nil || !e.counts(got.AccessToken) {
			t.Errorf("nothing can be issued afterwards: %v", err)
		}
	})
}

func TestIDTokenAlgorithmIsTheClients(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		for _, algorithm := range jose.Algorithms() {
			known := e.register(func(n *client.Metadata) { n.IDTokenAlgorithm = algorithm })
			got, err := e.redeem(known, e.code(known, nil))
			e.must(err)
			if _, err := e.keys.Verify(got.IDToken, jose.TypeJWT, algorithm); err != nil {
				t.Errorf("%s: %v", algorithm, err)
			}
		}
	})
}
