package token_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
	"authly/internal/session"
	"authly/internal/token"
)

// recognized is a user whose sign-in is not what is tested.
type recognized uuid.UUID

func (k recognized) Admit(context.Context) (uuid.UUID, error) { return uuid.UUID(k), nil }

// signedIn starts a session that lasts 3 hours, and 1 hour without use. The token service learns of it.
func (e *environment) signedIn() (session.Session, secret.Redacted, *session.Service) {
	e.t.Helper()
	sessions := session.NewService(session.Deps{
		Database: e.database, Clock: e.clock, Lifetime: policy.Lifetime{Idle: time.Hour, Absolute: 3 * time.Hour},
	})
	started, cookie, err := sessions.Start(e.t.Context(), session.New{Person: recognized(e.user), Methods: []string{"pwd"}})
	e.must(err)
	e.sessions = sessions
	e.tokens = e.newService()
	return started, cookie, sessions
}

// online makes a code one without offline access.
func online(sessionID uuid.UUID) func(*token.Code) {
	return func(c *token.Code) { c.SessionID, c.Scopes = &sessionID, oauth.ScopeSet{"openid"} }
}

// Without offline access everything ends with the expiry of the session: idle, and for good. A
// refresh is a use of the session, as a visit is.
func TestWithoutOfflineAccessTokensEndWithTheExpiryOfTheSession(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(func(m *client.Metadata) { m.AccessTokenLifetime = client.SecondsOf(2 * time.Hour) })
		started, cookie, sessions := e.signedIn()
		got, err := e.redeem(known, e.code(known, online(started.ID)))
		e.must(err)
		idle, err := e.redeem(known, e.code(known, online(started.ID)))
		e.must(err)
		for range 3 { // 150 minutes, without a visit
			e.clock.Advance(50 * time.Minute)
			got, err = e.refresh(known, got.RefreshToken)
			e.must(err)
		}
		if _, lives, err := sessions.Current(t.Context(), cookie); err != nil || !lives {
			t.Errorf("a refresh did not keep the session: %v", err)
		}
		if got.ExpiresIn != 30*60 {
			t.Errorf("the access token lasts %d s, and the session 1800", got.ExpiresIn)
		}
		live, err := e.tokens.Lookup(t.Context(), secret.FromString(got.AccessToken))
		e.must(err)
		if !live.ExpiresAt.Equal(started.ExpiresAt) {
			t.Errorf("it ends at %s, and the session at %s", live.ExpiresAt, started.ExpiresAt)
		}
		pending := e.code(known, online(started.ID))
		page, err := e.tokens.ListIssued(t.Context(), token.IssuedQuery{Kind: token.KindFamily, UserID: e.user, State: token.Active})
		if err != nil || len(page.Items) != 2 {
			t.Errorf("%d families are listed as active, and %v", len(page.Items), err)
		}
		e.clock.Advance(30 * time.Minute) // the absolute end
		for _, answer := range []token.Response{got, idle} {
			if e.counts(answer.AccessToken) {
				t.Error("an access token outlives the session")
			}
			_, err = e.refresh(known, answer.RefreshToken)
			e.wantCode(err, oauth.InvalidGrant)
		}
		_, err = e.redeem(known, pending)
		e.wantCode(err, oauth.InvalidGrant)
		page, err = e.tokens.ListIssued(t.Context(), token.IssuedQuery{Kind: token.KindFamily, UserID: e.user, State: token.Active})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("%d families are listed as active, and %v", len(page.Items), err)
		}
	})
}

func TestWithoutOfflineAccessTokensEndWithAnUnusedSession(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(func(m *client.Metadata) { m.AccessTokenLifetime = client.SecondsOf(2 * time.Hour) })
		started, _, _ := e.signedIn()
		got, err := e.redeem(known, e.code(known, online(started.ID)))
		e.must(err)
		offline, err := e.redeem(known, e.code(known, func(c *token.Code) { c.SessionID = &started.ID }))
		e.must(err)
		e.clock.Advance(time.Hour - time.Microsecond)
		if !e.counts(got.AccessToken) {
			t.Error("it ended before the session")
		}
		e.clock.Advance(time.Microsecond)
		if e.counts(got.AccessToken) {
			t.Error("an access token outlives the unused session")
		}
		_, err = e.refresh(known, got.RefreshToken)
		e.wantCode(err, oauth.InvalidGrant)
		if _, err := e.refresh(known, offline.RefreshToken); err != nil || !e.counts(offline.AccessToken) {
			t.Errorf("offline access ended with the session: %v", err)
		}
	})
}

// The session expires between the check of a refresh and its record.
func TestRefreshIsRefusedWhenItsSessionExpiresMeanwhile(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		started, _, _ := e.signedIn()
		got, err := e.redeem(known, e.code(known, online(started.ID)))
		e.must(err)
		kept := e.hold(known, lifetimes, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.RefreshToken}})
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE sessions SET idle_expires_at = $1`, e.clock.Now())
		e.must(err)
		e.wantCode(kept.record().err, oauth.InvalidGrant)
	})
}
