package token_test

import (
	"net/url"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// held is a token request that has been checked, and is kept from recording what it gives.
type held struct {
	gate   *gate
	answer chan answered
}

type answered struct {
	token.Response
	err error
}

// hold sends a token request to a node of its own and returns when it has been checked.
func (e *environment) hold(known client.Client, lifetimes token.Lifetimes, request url.Values) held {
	e.t.Helper()
	h := held{newGate(e.keys), make(chan answered, 1)}
	e.signing = h.gate
	node := e.serviceWith(lifetimes)
	e.signing = nil
	go func() {
		response, err := e.exchange(node, known, request)
		h.answer <- answered{response, err}
	}()
	<-h.gate.arrived
	return h
}

// record lets the request go on, and returns its answer.
func (h held) record() answered {
	close(h.gate.open)
	return <-h.answer
}

// events counts the events of an action.
func (e *environment) events(action audit.Action) int {
	e.t.Helper()
	log := audit.New(audit.Deps{Database: e.database, Clock: e.clock})
	read, err := log.List(e.t.Context(), audit.Query{Action: action})
	e.must(err)
	return len(read.Events)
}

// wantEnded holds that nothing of what was answered counts, and that the log says so once.
func (e *environment) wantEnded(known client.Client, winner answered, reason audit.Action) {
	e.t.Helper()
	e.must(winner.err)
	if e.counts(winner.AccessToken) {
		e.t.Error("the access token of the first request still counts")
	}
	_, err := e.refresh(known, winner.RefreshToken)
	e.wantCode(err, oauth.InvalidGrant)
	if count := e.events(reason); count != 1 {
		e.t.Errorf("%d events of %s, want 1", count, reason)
	}
}

// Two requests with the same code pass the check, and then both record.
func TestCodeReplayFoundByTheRecorderEndsTheFamily(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		request := codeRequest(e.code(known, nil))
		first, second := e.hold(known, lifetimes, request), e.hold(known, lifetimes, request)
		winner, loser := second.record(), first.record()
		e.wantCode(loser.err, oauth.InvalidGrant)
		e.wantEnded(known, winner, audit.CodeReplay)
	})
}

// Two requests with the same refresh token pass the check, and then both record. Without a window
// the second is reuse, also when its request came before that of the first.
func TestRefreshReuseFoundByTheRecorderEndsTheFamily(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		window, apart time.Duration
		earlierWins   bool
		reuse         bool
	}{
		{"no window, at the same time", 0, 0, true, true},
		{"no window, the later wins", 0, time.Millisecond, false, true},
		{"no window, the earlier wins", 0, time.Millisecond, true, true},
		{"within the window", 30 * time.Second, time.Second, true, false},
		{"within the window, the later wins", 30 * time.Second, time.Second, false, false},
		{"after the window", 30 * time.Second, 30 * time.Second, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				e := newEnvironment(t, database)
				known := e.register(nil)
				got, err := e.redeem(known, e.code(known, nil))
				e.must(err)
				window := lifetimes
				window.ReuseWindow = test.window
				request := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.RefreshToken}}
				first := e.hold(known, window, request)
				e.clock.Advance(test.apart)
				second := e.hold(known, window, request)
				if !test.earlierWins {
					first, second = second, first
				}
				winner, other := first.record(), second.record()
				if test.reuse {
					e.wantCode(other.err, oauth.InvalidGrant)
					e.wantEnded(known, winner, audit.RefreshReuse)
					return
				}
				e.must(winner.err)
				e.must(other.err)
				if winner.RefreshToken != other.RefreshToken || !e.counts(winner.AccessToken) || !e.counts(other.AccessToken) {
					t.Error("an honest repetition was not answered as the first request was")
				}
			})
		})
	}
}
