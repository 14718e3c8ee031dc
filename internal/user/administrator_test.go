package user_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

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
		// All are removed at once, in all the ways that there are, and one has to
		// stay. Several rounds, because the first ones only warm up the connections.
		demote := func(ctx context.Context, id uuid.UUID) error {
			return changed(ctx, w, id, func(p *user.Profile) { p.Administrator = false })
		}
		hurry := func(ctx context.Context, id uuid.UUID) error {
			return changed(ctx, w, id, func(p *user.Profile) { p.RequirePasswordChange = true })
		}
		ways := []func(context.Context, uuid.UUID) error{w.users.Disable, w.users.Delete, w.users.RequirePasswordChange, demote, hurry}
		const rounds, count = 6, 32
		for round := range rounds {
			failures := make([]error, count)
			var group sync.WaitGroup
			for i := range count {
				administrators = append(administrators, w.inOffice(t, database, fmt.Sprintf("root%d-%d", round, i)))
			}
			for i, administrator := range administrators[len(administrators)-count:] {
				group.Go(func() {
					ctx := context.WithoutCancel(t.Context())
					failures[i] = database.Tx(ctx, func(ctx context.Context) error {
						if _, err := w.users.Lock(ctx, administrator.ID); err != nil {
							return err
						}
						return ways[i%len(ways)](ctx, administrator.ID)
					})
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

// inOffice makes an administrator who could sign in. The password is none: hashing takes long.
func (w world) inOffice(t *testing.T, database *db.DB, name string) user.User {
	t.Helper()
	created, err := w.users.Create(t.Context(), user.New{Username: name, Administrator: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET password_hash = 'none' WHERE id = $1`, created.ID); err != nil {
		t.Fatal(err)
	}
	return created
}

func changed(ctx context.Context, w world, id uuid.UUID, change func(*user.Profile)) error {
	u, err := w.users.Find(ctx, id)
	if err != nil {
		return err
	}
	wanted := u.Profile()
	change(&wanted)
	_, err = w.users.Replace(ctx, id, wanted)
	return err
}

// Only who can sign in to administer counts, and everything else of the last one can be changed.
func TestWhoIsTheLastAdministrator(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ctx := t.Context()
		root := w.inOffice(t, database, "root")
		for name, other := range map[string]user.New{
			"without a password": {Username: "invited", Administrator: true},
			"with a given one":   {Username: "hurried", Administrator: true, RequirePasswordChange: true},
			"disabled":           {Username: "disabled", Administrator: true, State: user.Disabled},
		} {
			created, err := w.users.Create(ctx, other)
			if err != nil {
				t.Fatal(err)
			}
			if name != "without a password" {
				if _, err := database.Write(ctx).Exec(ctx, `UPDATE users SET password_hash = 'none' WHERE id = $1`, created.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		for name, attempt := range map[string]func() error{
			"disable": func() error { return w.users.Disable(ctx, root.ID) },
			"delete":  func() error { return w.users.Delete(ctx, root.ID) },
			"require": func() error { return w.users.RequirePasswordChange(ctx, root.ID) },
			"demote":  func() error { return changed(ctx, w, root.ID, func(p *user.Profile) { p.Administrator = false }) },
			"hurry": func() error {
				return changed(ctx, w, root.ID, func(p *user.Profile) { p.RequirePasswordChange = true })
			},
		} {
			if err := attempt(); fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := changed(ctx, w, root.ID, func(p *user.Profile) { p.Claims.Nickname = "Chief" }); err != nil {
			t.Errorf("the last one gets a nickname: %v", err)
		}
		if u, err := w.users.Find(ctx, root.ID); err != nil || !u.MayAdminister() || u.Claims.Nickname != "Chief" {
			t.Errorf("the last one is %+v, %v", u, err)
		}
		hurried, err := w.users.FindByIdentifier(ctx, "hurried")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.users.Disable(ctx, hurried.ID); err != nil {
			t.Errorf("one who does not count is disabled: %v", err)
		}
	})
}
