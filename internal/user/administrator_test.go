package user_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/user"
)

func TestLastAdministratorStays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		if exists, err := w.users.AdministratorExists(t.Context()); err != nil || exists {
			t.Fatalf("an administrator in an empty database: %v, %v", exists, err)
		}
		var administrators []user.User
		// All are removed at once, in the two ways that there are, and one has to
		// stay. Several rounds, because the first ones only warm up the connections.
		const rounds, count = 12, 8
		for round := range rounds {
			failures := make([]error, count)
			var group sync.WaitGroup
			for i := range count {
				made, err := w.users.Create(t.Context(), user.New{Username: fmt.Sprintf("root%d-%d", round, i), Administrator: true})
				if err != nil {
					t.Fatal(err)
				}
				administrators = append(administrators, made)
			}
			for i, administrator := range administrators[len(administrators)-count:] {
				group.Go(func() {
					if i%2 == 0 {
						failures[i] = w.users.Disable(context.WithoutCancel(t.Context()), administrator.ID)
					} else {
						failures[i] = w.users.Delete(context.WithoutCancel(t.Context()), administrator.ID)
					}
				})
			}
			group.Wait()
			refused := 0
			for _, err := range failures {
				if fault.KindOf(err) == fault.Conflict {
					refused++
				} else if err != nil {
					t.Errorf("remove an administrator: %v", err)
				}
			}
			if refused != 1 {
				t.Fatalf("round %d: %d removals were refused, want 1", round, refused)
			}
			// The one who stayed makes room for the next round, which is against the rules.
			if _, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET state = 'disabled'`); err != nil {
				t.Fatal(err)
			}
		}
		if exists, err := w.users.AdministratorExists(t.Context()); err != nil || !exists {
			t.Errorf("the last administrator is gone: %v", err)
		}
	})
}
