package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

var errRefused = errors.New("refused by its verdict")

// scopeGroup writes a scope for each name; a name that starts with "-" is refused.
func scopeGroup(database *db.DB, commits *atomic.Int64) *db.Group[string] {
	return db.NewGroup(database, func(ctx context.Context, batch []string) ([]error, error) {
		commits.Add(1)
		verdicts := make([]error, len(batch))
		for i, name := range batch {
			if name[0] == '-' {
				verdicts[i] = errRefused
				continue
			}
			if err := insertScope(ctx, database, name); err != nil {
				return nil, err
			}
		}
		return verdicts, nil
	}, scopesWritten(database))
}

// scopesWritten reports which scopes are there.
func scopesWritten(database *db.DB) func(context.Context, []string) ([]bool, error) {
	return func(ctx context.Context, batch []string) ([]bool, error) {
		written := make([]bool, len(batch))
		for i, name := range batch {
			if err := database.Read(ctx).QueryRow(ctx, `SELECT count(*) > 0 FROM scopes WHERE name = $1`, name).Scan(&written[i]); err != nil {
				return nil, err
			}
		}
		return written, nil
	}
}

func TestGroupRaceSharesCommitsAndKeepsVerdictsApart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		var commits atomic.Int64
		group := scopeGroup(database, &commits)
		var callers sync.WaitGroup
		for i := range 300 {
			callers.Go(func() {
				name, want := fmt.Sprintf("scope%d", i), error(nil)
				if i%10 == 0 {
					name, want = "-"+name, errRefused
				}
				if err := group.Do(t.Context(), name); !errors.Is(err, want) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		callers.Wait()
		if got := countScopes(t, database); got != 270 {
			t.Errorf("%d rows, want 270", got)
		}
		if got := commits.Load(); got >= 300 {
			t.Errorf("%d commits for 300 callers: nothing was shared", got)
		}
	})
}

func TestGroupOneBadItemFailsAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		var commits atomic.Int64
		group := scopeGroup(database, &commits)
		var callers sync.WaitGroup
		var failures atomic.Int64
		for i := range 64 {
			callers.Go(func() {
				if err := group.Do(t.Context(), fmt.Sprintf("scope%d", i/2)); err != nil { // each name twice
					if !db.IsUnique(err, "") {
						t.Errorf("unexpected: %v", err)
					}
					failures.Add(1)
				}
			})
		}
		callers.Wait()
		if failures.Load() != 32 || countScopes(t, database) != 32 {
			t.Errorf("%d failures and %d rows, want 32 of each", failures.Load(), countScopes(t, database))
		}
	})
}

func TestGroupLeaderWhoLeavesTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		entered, goOn := make(chan struct{}, 1), make(chan struct{})
		group := db.NewGroup(database, func(ctx context.Context, batch []string) ([]error, error) {
			select {
			case entered <- struct{}{}:
				<-goOn
			default:
			}
			for _, name := range batch {
				if err := insertScope(ctx, database, name); err != nil {
					return nil, err
				}
			}
			return make([]error, len(batch)), nil
		}, scopesWritten(database))
		leaderContext, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() { _ = group.Do(leaderContext, "leader") })
		<-entered
		for i := range 8 {
			callers.Go(func() {
				if err := group.Do(t.Context(), fmt.Sprintf("follower%d", i)); err != nil {
					t.Error(err)
				}
			})
		}
		leave()
		close(goOn)
		callers.Wait()
		if got := countScopes(t, database); got != 9 {
			t.Errorf("%d rows, want 9: the leader's too, since its commit was under way", got)
		}
		if err := group.Do(t.Context(), "afterwards"); err != nil {
			t.Errorf("the group is stuck: %v", err)
		}
	})
}

func TestGroupWaiterWhoLeavesIsNotWritten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		entered, goOn := make(chan struct{}, 1), make(chan struct{})
		var commits atomic.Int64
		group := db.NewGroup(database, func(ctx context.Context, batch []string) ([]error, error) {
			if commits.Add(1) == 1 {
				entered <- struct{}{}
				<-goOn
			}
			for _, name := range batch {
				if err := insertScope(ctx, database, name); err != nil {
					return nil, err
				}
			}
			return make([]error, len(batch)), nil
		}, scopesWritten(database))
		var callers sync.WaitGroup
		callers.Go(func() {
			if err := group.Do(t.Context(), "leader"); err != nil {
				t.Error(err)
			}
		})
		<-entered
		gone, leave := context.WithCancel(t.Context())
		leave()
		if err := group.Do(gone, "gone"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(goOn)
		callers.Wait()
		if got := countScopes(t, database); got != 1 {
			t.Errorf("%d rows, want 1", got)
		}
	})
}

func TestGroupRefusesToBePartOfATransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		var commits atomic.Int64
		group := scopeGroup(database, &commits)
		err := database.Tx(t.Context(), func(ctx context.Context) error { return group.Do(ctx, "name") })
		if err == nil || commits.Load() != 0 {
			t.Errorf("got %v after %d commits", err, commits.Load())
		}
	})
}
