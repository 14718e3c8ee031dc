package token_test

import (
	"net/url"
	"sync"
	"testing"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/revoke"
	"authly/internal/token"
)

// withoutLog does something while no event can be written, and then delivers what was promised, by two jobs.
func (e *environment) withoutLog(do func()) {
	e.t.Helper()
	rename := func(statement string) {
		_, err := e.database.Write(e.t.Context()).Exec(e.t.Context(), statement)
		e.must(err)
	}
	rename(`ALTER TABLE audit_events RENAME TO events_away`)
	do()
	rename(`ALTER TABLE events_away RENAME TO audit_events`)
	var working sync.WaitGroup
	for range 2 {
		working.Go(func() {
			if err := audit.New(audit.Deps{Database: e.database, Clock: e.clock}).Deliver(e.t.Context()); err != nil {
				e.t.Error(err)
			}
		})
	}
	working.Wait()
}

// What has to end ends even while the audit log can't be written; the event is there once as soon as it can.
func TestFamilyEndsWithoutTheLog(t *testing.T) {
	t.Parallel()
	for action, end := range map[audit.Action]func(e *environment, known client.Client, code secret.Redacted, got token.Response){
		audit.CodeReplay: func(e *environment, known client.Client, code secret.Redacted, _ token.Response) {
			_, err := e.redeem(known, code)
			e.wantCode(err, oauth.InvalidGrant)
		},
		audit.RefreshReuse: func(e *environment, known client.Client, _ secret.Redacted, got token.Response) {
			_, err := e.refresh(known, got.RefreshToken)
			e.must(err)
			e.clock.Advance(lifetimes.ReuseWindow)
			_, err = e.refresh(known, got.RefreshToken)
			e.wantCode(err, oauth.InvalidGrant)
		},
		audit.TokenRevoke: func(e *environment, known client.Client, _ secret.Redacted, got token.Response) {
			e.must(revoke.New(e.tokens).Revoke(e.t.Context(), known, secret.FromString(got.RefreshToken)))
		},
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				e := newEnvironment(t, database)
				known := e.register(nil)
				code := e.code(known, nil)
				got, err := e.redeem(known, code)
				e.must(err)
				e.withoutLog(func() { end(e, known, code, got) })
				if e.counts(got.AccessToken) {
					t.Error("the family lives on")
				}
				if count := e.events(action); count != 1 {
					t.Errorf("%d events, want 1", count)
				}
			})
		})
	}
}

// The recorder finds the replay after the check did not, and the log can't be written.
func TestFamilyEndsByTheRecorderWithoutTheLog(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		request := codeRequest(e.code(known, nil))
		first, second := e.hold(known, lifetimes, request), e.hold(known, lifetimes, request)
		var winner answered
		e.withoutLog(func() {
			winner = first.record()
			e.wantCode(second.record().err, oauth.InvalidGrant)
		})
		e.wantEnded(known, winner, audit.CodeReplay)
	})
}

// A client's own access token has no family, and ends in the same way.
func TestOwnTokenEndsWithoutTheLog(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(confidential)
		own, err := e.exchange(e.tokens, known, url.Values{"grant_type": {"client_credentials"}})
		e.must(err)
		e.withoutLog(func() { e.must(revoke.New(e.tokens).Revoke(t.Context(), known, secret.FromString(own.AccessToken))) })
		if e.counts(own.AccessToken) || e.events(audit.TokenRevoke) != 1 {
			t.Errorf("counts: %v, %d events", e.counts(own.AccessToken), e.events(audit.TokenRevoke))
		}
	})
}
