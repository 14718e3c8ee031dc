package bootstrap_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/bootstrap"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

func TestConfiguredAdministrator(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		link := w.token(t)
		created, err := w.service.EnsureAdministrator(t.Context(), root("root"))
		must(t, err)
		if verified, err := w.users.VerifyPassword(t.Context(), "root", secret.FromString(goodPassword)); err != nil || verified.User.ID != created.ID || !verified.User.MayAdminister() {
			t.Errorf("made %+v, %v", verified, err)
		}
		w.expectUseless(t, link)
		if logged := w.events(t, audit.SetUp); len(logged) != 1 || logged[0].Actor.Kind != audit.Operator || logged[0].Target.ID != created.Subject() || logged[0].Outcome != audit.Success {
			t.Errorf("the log says %+v", logged)
		}

		// The next start does nothing: neither with another password nor for another name.
		for _, again := range []bootstrap.Administrator{
			{Username: "root", Email: "root@example.com", Password: secret.FromString("another green bicycle")},
			root("second"),
			{Username: "root", Email: "root@example.com", Password: secret.FromString("weak")},
		} {
			if created, err := w.service.EnsureAdministrator(t.Context(), again); err != nil || created.ID != uuid.Nil {
				t.Errorf("%s: %+v, %v", again.Username, created, err)
			}
		}
		if _, err := w.users.VerifyPassword(t.Context(), "root", secret.FromString(goodPassword)); err != nil {
			t.Errorf("the password: %v", err)
		}
		if _, err := w.users.FindByIdentifier(t.Context(), "second"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a second administrator: %v", err)
		}

		// Not even if nobody can sign in as one.
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET state = 'disabled'`)
		must(t, err)
		if created, err := w.service.EnsureAdministrator(t.Context(), root("third")); err != nil || created.ID != uuid.Nil {
			t.Errorf("beside a disabled one: %+v, %v", created, err)
		}
	})
}

// Nobody is made an administrator who was not created as one, and nothing half is left.
func TestConfiguredAdministratorIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		ada, err := w.users.Create(t.Context(), user.New{Username: "ada", Email: "ada@example.com", Password: secret.FromString(goodPassword)})
		must(t, err)
		for name, test := range map[string]struct {
			wanted bootstrap.Administrator
			kind   fault.Kind
			want   map[string]string
		}{
			"username":      {bootstrap.Administrator{Username: "ADA", Email: "root@example.com", Password: secret.FromString(goodPassword)}, fault.Conflict, map[string]string{"username": "user.username_taken"}},
			"e-mail":        {bootstrap.Administrator{Username: "root", Email: "Ada@Example.com", Password: secret.FromString(goodPassword)}, fault.Conflict, map[string]string{"email": "user.email_taken"}},
			"weak password": {bootstrap.Administrator{Username: "root", Email: "root@example.com", Password: secret.FromString("short")}, fault.Invalid, map[string]string{"password": "password.too_short"}},
			"no password":   {bootstrap.Administrator{Username: "root", Email: "root@example.com"}, fault.Invalid, map[string]string{"password": "password.required"}},
		} {
			_, err := w.service.EnsureAdministrator(t.Context(), test.wanted)
			var refusal *fault.Error
			if !errors.As(err, &refusal) || refusal.Kind != test.kind {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if diff := cmp.Diff(test.want, refusal.Fields); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if after, err := w.users.Find(t.Context(), ada.ID); err != nil || after.Administrator {
			t.Errorf("ada: %+v, %v", after, err)
		}
		if exists, err := w.users.AdministratorExists(t.Context()); err != nil || exists {
			t.Errorf("there is an administrator: %v, %v", exists, err)
		}
		if logged := w.events(t, audit.SetUp); len(logged) != 0 {
			t.Errorf("the log says %+v", logged)
		}
	})
}

// Many nodes start at once, with the same configuration or not, and somebody has a set-up URL.
func TestConfiguredAdministratorAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		ctx := context.WithoutCancel(t.Context())
		var group sync.WaitGroup
		for i := range 32 {
			name := "root"
			if i%4 == 3 {
				name += strconv.Itoa(i)
			}
			group.Go(func() {
				if _, err := w.service.EnsureAdministrator(ctx, root(name)); err != nil {
					t.Errorf("start: %v", err)
				}
			})
			if i%8 == 7 {
				group.Go(func() {
					address, err := w.service.SetupURL(ctx)
					if err != nil || address.IsZero() {
						return
					}
					_, err = w.service.CreateAdministrator(ctx, w.tokenIn(t, address), root("other"+strconv.Itoa(i)))
					if err != nil && fault.KindOf(err) != fault.NotFound {
						t.Errorf("by a URL: %v", err)
					}
				})
			}
		}
		group.Wait()
		var administrators int
		must(t, database.Read(ctx).QueryRow(ctx, `SELECT count(*) FROM users WHERE administrator`).Scan(&administrators))
		if logged := w.events(t, audit.SetUp); administrators != 1 || len(logged) != 1 {
			t.Errorf("%d administrators, the log says %+v", administrators, logged)
		}
	})
}
