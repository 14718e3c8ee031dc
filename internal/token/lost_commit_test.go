package token_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync/atomic"
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

// losing makes the next commit of the recorder fail in a way, in the context that it returns.
type losing func(database *db.DB, ctx context.Context) context.Context

func losingBy(loss db.Committer) losing {
	return func(database *db.DB, ctx context.Context) context.Context {
		var lost atomic.Bool
		return database.Committing(ctx, func(commit, rollback func() error) error {
			if lost.CompareAndSwap(false, true) {
				return loss(commit, rollback)
			}
			return commit()
		})
	}
}

// holdThroughLostCommits redeems a code and refreshes, and loses a commit of each. The client gets what was
// written, goes on with it, and a replay is still one.
func holdThroughLostCommits(t *testing.T, e *environment, lose func(ctx context.Context) context.Context) {
	t.Helper()
	strict := lifetimes
	strict.ReuseWindow = 0
	for _, node := range []*token.Service{e.tokens, e.serviceWith(strict)} {
		known := e.register(func(n *client.Metadata) { confidential(n); n.RefreshTokenRotation = client.Rotate })
		send := func(request url.Values) (token.Response, error) {
			params, err := oauth.ParseParams(request)
			e.must(err)
			return node.Exchange(lose(t.Context()), params, func(context.Context) (client.Client, error) { return known, nil })
		}
		own, err := send(url.Values{"grant_type": {"client_credentials"}})
		if err != nil || !e.counts(own.AccessToken) {
			t.Fatalf("client credentials: %v", err)
		}
		code := codeRequest(e.code(known, nil))
		got, err := send(code)
		if err != nil || !e.counts(got.AccessToken) {
			t.Fatalf("the honest code: %v", err)
		}
		first := got.AccessToken
		for range 2 {
			got, err = send(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.RefreshToken}})
			if err != nil || !e.counts(got.AccessToken) || !e.counts(first) {
				t.Fatalf("the honest refresh: %v", err)
			}
		}
		_, err = e.exchange(node, known, code)
		e.wantCode(err, oauth.InvalidGrant)
		if e.counts(first) || e.counts(got.AccessToken) {
			t.Error("the replay of the code was not noticed")
		}
	}
}

// A commit whose answer is lost doesn't make an honest client the thief of its own tokens.
func TestLostCommitIsNoReplay(t *testing.T) {
	t.Parallel()
	errLost := errors.New("the answer was lost")
	for name, lose := range map[string]losing{
		"committed":     losingBy(func(commit, _ func() error) error { return errors.Join(errLost, commit()) }),
		"not committed": losingBy(func(_, rollback func() error) error { return errors.Join(errLost, rollback()) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				holdThroughLostCommits(t, newEnvironment(t, database), func(ctx context.Context) context.Context { return lose(database, ctx) })
			})
		})
	}
}

// A thief doesn't try again when the answer to the commit that ends the family is lost, so that the server does.
func TestReplayIsNoticedThroughALostCommit(t *testing.T) {
	t.Parallel()
	errLost := errors.New("the answer was lost")
	for name, lose := range map[string]losing{
		"committed":     losingBy(func(commit, _ func() error) error { return errors.Join(errLost, commit()) }),
		"not committed": losingBy(func(_, rollback func() error) error { return errors.Join(errLost, rollback()) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				e := newEnvironment(t, database)
				known := e.register(nil)
				code := codeRequest(e.code(known, nil))
				got, err := e.exchange(e.tokens, known, code)
				e.must(err)
				params, err := oauth.ParseParams(code)
				e.must(err)
				_, err = e.tokens.Exchange(lose(database, t.Context()), params, func(context.Context) (client.Client, error) { return known, nil })
				e.wantCode(err, oauth.InvalidGrant)
				if e.counts(got.AccessToken) || e.events(audit.CodeReplay) != 1 {
					t.Errorf("counts: %v, %d events", e.counts(got.AccessToken), e.events(audit.CodeReplay))
				}

				own := e.register(confidential)
				got, err = e.exchange(e.tokens, own, url.Values{"grant_type": {"client_credentials"}})
				e.must(err)
				e.must(revoke.New(e.tokens).Revoke(lose(database, t.Context()), own, secret.FromString(got.AccessToken)))
				if e.counts(got.AccessToken) || e.events(audit.TokenRevoke) != 1 {
					t.Errorf("a client's own: counts: %v, %d events", e.counts(got.AccessToken), e.events(audit.TokenRevoke))
				}
			})
		})
	}
}

// [TestLostCommitIsNoReplay] with connections that end between the COMMIT and its answer.
func TestLostConnectionIsNoReplay(t *testing.T) {
	t.Parallel()
	if !slices.Contains(dbtest.Engines(t), db.PostgreSQL) {
		t.Skip("about PostgreSQL only")
	}
	for name, loss := range map[string]dbtest.Loss{"answer": dbtest.LoseAnswer, "request": dbtest.LoseRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, lossy := dbtest.ThroughLossy(t, dbtest.Options(t, db.PostgreSQL))
			holdThroughLostCommits(t, newEnvironment(t, dbtest.OpenWith(t, options)), func(ctx context.Context) context.Context {
				lossy.LoseNext(loss)
				return ctx
			})
			if lossy.Lost() != 8 {
				t.Errorf("%d commits were lost, want 8", lossy.Lost())
			}
		})
	}
}
