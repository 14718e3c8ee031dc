package bootstrap_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/bootstrap"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// recovery makes a recovery URL and returns the token in it.
func (w *world) recovery(t *testing.T, username string) secret.Redacted {
	t.Helper()
	created, err := w.service.Recover(t.Context(), username)
	must(t, err)
	if !created.Expires.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("made until %v", created.Expires)
	}
	return w.tokenIn(t, created.URL)
}

const newPassword = "eleven quiet lanterns"

func TestRecoveryByANewAdministrator(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		_, err := w.users.Create(t.Context(), user.New{Username: "root", Email: "root@example.com", Administrator: true, Password: secret.FromString(goodPassword)})
		must(t, err)
		old := w.recovery(t, "")
		token := w.recovery(t, "")
		w.expectUseless(t, old)
		w.expectUsable(t, token)
		if _, err := w.service.ChoosePassword(t.Context(), token, secret.FromString(newPassword)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a password by a link for an account: %v", err)
		}
		if _, err := w.service.CreateAdministrator(t.Context(), token, root("ROOT")); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a name that is taken: %v", err)
		}
		w.expectUsable(t, token)
		created, err := w.service.CreateAdministrator(t.Context(), token, root("second"))
		must(t, err)
		if !created.MayAdminister() {
			t.Errorf("made %+v", created)
		}
		w.expectUseless(t, token)
		if _, err := w.users.VerifyPassword(t.Context(), "root", secret.FromString(goodPassword)); err != nil {
			t.Errorf("the one before: %v", err)
		}

		expiring := w.recovery(t, "")
		w.clock.Advance(time.Hour)
		w.expectUseless(t, expiring)

		reasons := []string{"link_made", "administrator_created", "link_made", "link_made"} // the newest first
		logged := w.events(t, audit.Recover)
		for i, event := range logged {
			if len(logged) != len(reasons) || event.Details.Reason != reasons[i] || event.Actor.Kind != audit.Operator ||
				event.Details.Reason == "administrator_created" && event.Target.ID != created.Subject() {
				t.Errorf("the log says %+v", logged)
			}
		}
		if len(w.events(t, audit.SetUp)) != 0 {
			t.Error("the log says that the server was set up")
		}
	})
}

func TestRecoveryOfAnAdministrator(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		u, err := w.users.Create(t.Context(), user.New{
			Username: "root", Email: "root@example.com", Administrator: true, RequirePasswordChange: true, Password: secret.FromString(goodPassword),
		})
		must(t, err)
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET state = 'disabled'`)
		must(t, err)
		token := w.recovery(t, "Root@example.com")
		w.expectUsable(t, token)
		if _, err := w.service.CreateAdministrator(t.Context(), token, root("other")); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a new administrator by the link for one: %v", err)
		}
		for password, key := range map[string]string{"": "password.required", "short": "password.too_short", "root root root 1": "password.context_word"} {
			_, err := w.service.ChoosePassword(t.Context(), token, secret.FromString(password))
			var refusal *fault.Error
			if !errors.As(err, &refusal) || refusal.Kind != fault.Invalid || refusal.Fields["password"] != key {
				t.Errorf("%q: %v", password, err)
			}
		}
		w.expectUsable(t, token)
		after, err := w.service.ChoosePassword(t.Context(), token, secret.FromString(newPassword))
		must(t, err)
		if after.ID != u.ID || !after.MayAdminister() {
			t.Errorf("after: %+v", after)
		}
		if _, err := w.users.VerifyPassword(t.Context(), "root", secret.FromString(newPassword)); err != nil {
			t.Errorf("with the new password: %v", err)
		}
		if _, err := w.users.VerifyPassword(t.Context(), "root", secret.FromString(goodPassword)); !errors.Is(err, user.ErrWrongCredentials) {
			t.Errorf("with the old password: %v", err)
		}
		if _, err := w.service.ChoosePassword(t.Context(), token, secret.FromString(goodPassword)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("once more: %v", err)
		}
		if logged := w.events(t, audit.Recover); len(logged) != 2 || logged[0].Details.Reason != "password_chosen" || logged[0].Target.ID != u.Subject() ||
			logged[1].Target.ID != u.Subject() || logged[0].Actor.Kind != audit.Operator {
			t.Errorf("the log says %+v", logged)
		}
	})
}

// Nobody becomes an administrator by it, and whoever is none any more is left alone.
func TestRecoveryPromotesNobody(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		ada, err := w.users.Create(t.Context(), user.New{Username: "ada", Email: "ada@example.com", Password: secret.FromString(goodPassword)})
		must(t, err)
		for username, kind := range map[string]fault.Kind{"ada": fault.Conflict, "ada@example.com": fault.Conflict, "nobody": fault.NotFound, "a b": fault.NotFound} {
			if _, err := w.service.Recover(t.Context(), username); fault.KindOf(err) != kind {
				t.Errorf("%s: %v", username, err)
			}
		}
		if logged := w.events(t, audit.Recover); len(logged) != 0 {
			t.Errorf("the log says %+v", logged)
		}
		mark := func(administrator bool) {
			_, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET administrator = $1`, administrator)
			must(t, err)
		}
		mark(true)
		token := w.recovery(t, "ada")
		mark(false)
		if _, err := w.service.ChoosePassword(t.Context(), token, secret.FromString(newPassword)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("after the demotion: %v", err)
		}
		after, err := w.users.VerifyPassword(t.Context(), "ada", secret.FromString(goodPassword))
		if err != nil || after.User.Administrator || after.User.ID != ada.ID {
			t.Errorf("ada: %+v, %v", after, err)
		}
		w.expectUseless(t, token)
	})
}

// demoted has the administrator lose the mark while the password is hashed.
type demoted struct {
	*user.Service
	database *db.DB
}

func (d demoted) PreparePassword(ctx context.Context, u user.User, password secret.Redacted) (user.PreparedPassword, error) {
	prepared, err := d.Service.PreparePassword(ctx, u, password)
	if err == nil {
		_, err = d.database.Write(ctx).Exec(ctx, `UPDATE users SET administrator = FALSE, state = 'disabled'`)
	}
	return prepared, err
}

func TestRecoveryIsOvertakenAtTheLastMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		_, err := w.users.Create(t.Context(), user.New{Username: "root", Administrator: true, Password: secret.FromString(goodPassword)})
		must(t, err)
		token := w.recovery(t, "root")
		service := bootstrap.New(bootstrap.Deps{Database: database, Clock: w.clock, Issuer: w.issuer, Users: demoted{w.users, database}, Audit: w.log})
		if _, err := service.ChoosePassword(t.Context(), token, secret.FromString(newPassword)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("got %v, want not found", err)
		}
		if after, err := w.users.FindByIdentifier(t.Context(), "root"); err != nil || after.IsActive() || after.Administrator {
			t.Errorf("after: %+v, %v", after, err)
		}
	})
}

// One link, many hands: one new administrator, one password.
func TestRecoveryAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		_, err := w.users.Create(t.Context(), user.New{Username: "root", Administrator: true, Password: secret.FromString(goodPassword)})
		must(t, err)
		ctx := context.WithoutCancel(t.Context())
		for username, use := range map[string]func(token secret.Redacted, i int) error{
			"": func(token secret.Redacted, i int) error {
				_, err := w.service.CreateAdministrator(ctx, token, root("other"+strconv.Itoa(i)))
				return err
			},
			"root": func(token secret.Redacted, i int) error {
				_, err := w.service.ChoosePassword(ctx, token, secret.FromString(newPassword+strconv.Itoa(i)))
				return err
			},
		} {
			token := w.recovery(t, username)
			var (
				good  atomic.Int32
				group sync.WaitGroup
			)
			for i := range 32 {
				group.Go(func() {
					switch err := use(token, i); {
					case err == nil:
						good.Add(1)
					case fault.KindOf(err) != fault.NotFound:
						t.Errorf("%q: %v", username, err)
					}
				})
			}
			group.Wait()
			if good.Load() != 1 {
				t.Errorf("%q: %d went through", username, good.Load())
			}
		}
		var administrators int
		must(t, database.Read(ctx).QueryRow(ctx, `SELECT count(*) FROM users WHERE administrator`).Scan(&administrators))
		if administrators != 2 {
			t.Errorf("%d administrators", administrators)
		}
	})
}
