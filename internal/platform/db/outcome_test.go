package db_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

var errLost = errors.New("the answer was lost")

// losses are the ways to lose a commit that both engines have: by what stands around it.
func losses() map[string]db.Committer {
	return map[string]db.Committer{
		"committed": func(commit, _ func() error) error { return errors.Join(errLost, commit()) },
		"not committed": func(_, rollback func() error) error {
			return errors.Join(errLost, rollback())
		},
	}
}

// once loses the first commit only.
func once(loss db.Committer) db.Committer {
	var lost atomic.Bool
	return func(commit, rollback func() error) error {
		if lost.CompareAndSwap(false, true) {
			return loss(commit, rollback)
		}
		return commit()
	}
}

// prize is one item of a group: of all items, one takes the prize, and each leaves a scope of its own.
type prize struct{ own string }

// leader is an item that takes and leaves nothing.
const leader = "leader"

var errTaken = errors.New("the prize was taken before")

// prizeGroup is a group whose items consume something, as those of a token response do.
func prizeGroup(database *db.DB, applied func(context.Context)) *db.Group[prize] {
	names := func(batch []prize) []string {
		var all []string
		for _, item := range batch {
			all = append(all, item.own)
		}
		return all
	}
	return db.NewGroup(database, func(ctx context.Context, batch []prize) ([]error, error) {
		applied(ctx)
		verdicts := make([]error, len(batch))
		for i, item := range batch {
			if item.own == leader {
				continue
			}
			taken, err := database.Write(ctx).Exec(ctx, `UPDATE scopes SET active = $1 WHERE name = 'prize' AND active`, false)
			if err != nil {
				return nil, err
			}
			if taken == 0 {
				verdicts[i] = errTaken
				continue
			}
			if err := insertScope(ctx, database, item.own); err != nil {
				return nil, err
			}
		}
		return verdicts, nil
	}, func(ctx context.Context, batch []prize) ([]bool, error) {
		return scopesWritten(database)(ctx, names(batch))
	})
}

func offerPrize(t *testing.T, database *db.DB) {
	t.Helper()
	if _, err := database.Write(t.Context()).Exec(t.Context(), `INSERT INTO scopes (name, description, is_default, active, created_at, updated_at)
		VALUES ('prize', '', $1, $2, $3, $3)`, false, true, noon); err != nil {
		t.Fatal(err)
	}
}

// A COMMIT that takes all the time that its batch has leaves time to find out what it has done.
func TestGroupLooksAfterASlowCommit(t *testing.T) {
	t.Parallel()
	for name, loss := range losses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				offerPrize(t, database)
				over := make(chan (<-chan struct{}), 2)
				group := prizeGroup(database, func(ctx context.Context) { over <- ctx.Done() })
				group.Hurry(time.Second)
				ctx := database.Committing(t.Context(), once(func(commit, rollback func() error) error {
					err := loss(commit, rollback)
					<-<-over
					return err
				}))
				if err := group.Do(ctx, prize{"first"}); err != nil {
					t.Errorf("the one who took it: %v", err)
				}
			})
		})
	}
}

// An item that consumed something isn't refused because of its own commit, whose answer was lost.
func TestGroupFindsOutWhatALostCommitHasDone(t *testing.T) {
	t.Parallel()
	for name, loss := range losses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				offerPrize(t, database)
				group := prizeGroup(database, func(context.Context) {})
				ctx := database.Committing(t.Context(), once(loss))
				if err := group.Do(ctx, prize{"first"}); err != nil {
					t.Errorf("the one who took it: %v", err)
				}
				if err := group.Do(ctx, prize{"second"}); !errors.Is(err, errTaken) {
					t.Errorf("the one who came too late: %v", err)
				}
				if got := countScopes(t, database); got != 2 {
					t.Errorf("%d rows, want 2", got)
				}
			})
		})
	}
}

// In a batch, each has the true verdict: also one that was refused by what was lost with it.
func TestGroupBatchWithALostCommitHasTrueVerdicts(t *testing.T) {
	t.Parallel()
	for name, loss := range losses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				offerPrize(t, database)
				entered, goOn := make(chan struct{}), make(chan struct{})
				var applications atomic.Int64
				group := prizeGroup(database, func(context.Context) {
					if applications.Add(1) == 1 {
						close(entered)
						<-goOn
					}
				})
				lossy, verdicts := database.Committing(t.Context(), once(loss)), make(chan error, 4)
				go func() { verdicts <- group.Do(t.Context(), prize{leader}) }()
				<-entered
				var taken atomic.Int64
				for i, own := range []string{"a", "b", "c"} {
					go func() {
						err := group.Do(lossy, prize{own})
						if err == nil {
							taken.Add(1)
						} else if errors.Is(err, errTaken) {
							err = nil
						}
						verdicts <- err
					}()
					for group.Waiting() != i+1 {
						runtime.Gosched()
					}
				}
				close(goOn)
				for range 4 {
					if err := <-verdicts; err != nil {
						t.Error(err)
					}
				}
				if got := countScopes(t, database); got != 2 || taken.Load() != 1 {
					t.Errorf("%d rows and %d who took the prize, want 2 and 1", got, taken.Load())
				}
			})
		})
	}
}

// A commit whose answer is lost is an error of its own kind, and what it committed is not run again.
func TestTransactionWithALostCommitIsNotRunAgain(t *testing.T) {
	t.Parallel()
	for name, loss := range losses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, database *db.DB) {
				runs := 0
				err := database.Tx(database.Committing(t.Context(), once(loss)), func(ctx context.Context) error {
					runs++
					return insertScope(ctx, database, "one")
				})
				if !db.IsOutcomeUnknown(err) || !errors.Is(err, errLost) || runs != 1 {
					t.Errorf("%d runs, and %v", runs, err)
				}
				want := map[string]int{"committed": 1, "not committed": 0}[name]
				if got := countScopes(t, database); got != want {
					t.Errorf("%d rows, want %d", got, want)
				}
			})
		})
	}
}

func throughLossy(t *testing.T) (*db.DB, *dbtest.Lossy) {
	t.Helper()
	if !slices.Contains(dbtest.Engines(t), db.PostgreSQL) {
		t.Skip("about PostgreSQL only")
	}
	options, lossy := dbtest.ThroughLossy(t, dbtest.Options(t, db.PostgreSQL))
	return dbtest.OpenWith(t, options), lossy
}

// The same with a real connection that ends: before the server has the COMMIT, after it, and with a
// COMMIT that the server carries out while the group writes again.
func TestGroupOnAConnectionThatLosesCommits(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]dbtest.Loss{"answer": dbtest.LoseAnswer, "request": dbtest.LoseRequest, "late": dbtest.DelayRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database, lossy := throughLossy(t)
			offerPrize(t, database)
			applications := 0
			group := prizeGroup(database, func(context.Context) {
				if applications++; applications == 2 && loss == dbtest.DelayRequest {
					lossy.Deliver()
				}
			})
			lossy.LoseNext(loss)
			if err := group.Do(t.Context(), prize{"first"}); err != nil {
				t.Errorf("the one who took it: %v", err)
			}
			if err := group.Do(t.Context(), prize{"second"}); !errors.Is(err, errTaken) {
				t.Errorf("the one who came too late: %v", err)
			}
			if got := countScopes(t, database); got != 2 || lossy.Lost() != 1 {
				t.Errorf("%d rows and %d lost commits, want 2 and 1", got, lossy.Lost())
			}
		})
	}
}

func TestTransactionOnAConnectionThatLosesCommits(t *testing.T) {
	t.Parallel()
	for loss, want := range map[dbtest.Loss]int{dbtest.LoseAnswer: 1, dbtest.LoseRequest: 0} {
		database, lossy := throughLossy(t)
		runs := 0
		lossy.LoseNext(loss)
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			runs++
			return insertScope(ctx, database, "one")
		})
		if !db.IsOutcomeUnknown(err) || runs != 1 || countScopes(t, database) != want {
			t.Errorf("loss %d: %d runs, and %v", loss, runs, err)
		}
	}
}
