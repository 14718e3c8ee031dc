package token_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// delivered counts the events of an action when what was promised is delivered.
func (e *environment) delivered(action audit.Action) int {
	e.t.Helper()
	e.must(audit.New(audit.Deps{Database: e.database, Clock: e.clock}).Deliver(e.t.Context()))
	return e.events(action)
}

// parties is an owner and a thief who have the same refresh token.
type parties struct {
	*environment
	known   client.Client
	service *token.Service
	current token.Response
}

func (e *environment) parties(lifetimes token.Lifetimes) *parties {
	e.t.Helper()
	p := &parties{environment: e, known: e.register(nil), service: e.serviceWith(lifetimes)}
	var err error
	p.current, err = e.redeem(p.known, e.code(p.known, nil))
	e.must(err)
	return p
}

func (p *parties) present(refreshToken string) (token.Response, error) {
	return p.exchange(p.service, p.known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
}

// rotate lets the owner refresh after a while, and the thief directly after that if it is repeated.
func (p *parties) rotate(repeated bool) (thief error) {
	p.t.Helper()
	p.clock.Advance(9 * time.Minute)
	next, err := p.present(p.current.RefreshToken)
	p.must(err)
	if repeated {
		p.clock.Advance(time.Second)
		_, thief = p.present(p.current.RefreshToken)
	}
	p.current = next
	return thief
}

// A thief who presents each refresh token within the window of its owner has to do it each time, and is noticed by that.
func TestThiefWithinTheWindowIsNoticed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		p := e.parties(lifetimes)
		for range lifetimes.Repetitions {
			e.must(p.rotate(true))
		}
		if !e.counts(p.current.AccessToken) {
			t.Fatal("the family ended too early")
		}
		e.wantCode(p.rotate(true), oauth.InvalidGrant)
		if e.counts(p.current.AccessToken) {
			t.Error("the family lives on")
		}
		_, err := p.present(p.current.RefreshToken)
		e.wantCode(err, oauth.InvalidGrant)
		if repeats, reuses := e.delivered(audit.RefreshRepeat), e.events(audit.RefreshReuse); repeats != lifetimes.Repetitions+1 || reuses != 1 {
			t.Errorf("%d repetitions and %d reuses in the log, want %d and 1", repeats, reuses, lifetimes.Repetitions+1)
		}
	})
}

// Tabs that race now and then, or however often where that is allowed, keep their tokens.
func TestRepetitionsThatAreTolerated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*token.Lifetimes)
		rounds []bool
	}{
		"one alone ends the row":      {func(*token.Lifetimes) {}, []bool{true, true, true, false, true, true, true}},
		"any number":                  {func(l *token.Lifetimes) { l.Repetitions = 0 }, []bool{true, true, true, true, true, true}},
		"those of the rolling period": {func(l *token.Lifetimes) { l.RefreshTokenIdle = 20 * time.Minute }, []bool{true, true, true, true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				e, allowed := newEnvironment(t, database), lifetimes
				test.change(&allowed)
				p := e.parties(allowed)
				repeated := 0
				for _, each := range test.rounds {
					e.must(p.rotate(each))
					if each {
						repeated++
					}
				}
				if !e.counts(p.current.AccessToken) {
					t.Error("the family ended")
				}
				if count := e.delivered(audit.RefreshRepeat); count != repeated {
					t.Errorf("%d events of %d repetitions", count, repeated)
				}
			})
		})
	}
}

// However many requests present one token at the same time, its rotation was repeated once.
func TestManyRequestsAreOneRepetition(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		p, other := e.parties(lifetimes), e.newService()
		for range lifetimes.Repetitions {
			e.clock.Advance(9 * time.Minute)
			presented := p.current.RefreshToken
			request := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {presented}}
			var racing sync.WaitGroup
			for i := range 40 {
				racing.Go(func() {
					if _, err := e.exchange([]*token.Service{p.service, other}[i%2], p.known, request); err != nil {
						t.Error(err)
					}
				})
			}
			racing.Wait()
			next, err := p.present(presented)
			e.must(err)
			p.current = next
		}
		if count := e.delivered(audit.RefreshRepeat); count != lifetimes.Repetitions {
			t.Errorf("%d events of %d repeated rotations", count, lifetimes.Repetitions)
		}
	})
}

// Two nodes repeat different rotations of a family at the same time: the later one counts both. They meet where each has
// marked its rotation; on SQLite, where one transaction waits for the other, before they begin.
func TestRepetitionsOfTwoNodesAreCounted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		p := e.parties(lifetimes)
		for range lifetimes.Repetitions - 1 {
			e.must(p.rotate(true))
		}
		first := p.current
		e.must(p.rotate(false))
		second := p.current
		next, err := p.present(second.RefreshToken)
		e.must(err)
		meeting := "UPDATE token_families SET revoked_at = revoked_at"
		if database.Engine() == db.SQLite {
			meeting = db.Begin
		}
		var arrived, working sync.WaitGroup
		arrived.Add(2)
		refused := make(chan error, 2)
		for _, presented := range []string{first.RefreshToken, second.RefreshToken} {
			node := e.serviceWith(lifetimes)
			params, err := oauth.ParseParams(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {presented}})
			e.must(err)
			working.Go(func() {
				var once sync.Once
				ctx := database.Observed(t.Context(), func(statement db.Statement) {
					if strings.HasPrefix(statement.Text, meeting) {
						once.Do(func() { arrived.Done(); arrived.Wait() })
					}
				})
				_, err := node.Exchange(ctx, params, func(context.Context) (client.Client, error) { return p.known, nil })
				refused <- err
			})
		}
		working.Wait()
		close(refused)
		count := 0
		for err := range refused {
			if oauth.CodeOf(err) == oauth.InvalidGrant {
				count++
			} else {
				e.must(err)
			}
		}
		if count != 1 || e.counts(next.AccessToken) {
			t.Errorf("%d of two were refused, want 1; the family counts: %v", count, e.counts(next.AccessToken))
		}
	})
}
