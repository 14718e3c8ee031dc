package user_test

import (
	"sync"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/policy"
	"authly/internal/user"
)

// Of 32 who use the same ticket at once, one does.
func TestTicketIsUsedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ada := w.create(t, user.New{Username: "ada", RequirePasswordChange: true})
		password := goodPassword
		for _, purpose := range []user.Purpose{user.ForChange, user.ForInvitation} {
			verified, err := w.users.VerifyPassword(t.Context(), "ada", secret.FromString(password))
			if err != nil {
				t.Fatal(err)
			}
			password = "a new horse battery"
			prepared, err := w.users.PreparePassword(t.Context(), verified.User, secret.FromString(password))
			if err != nil {
				t.Fatal(err)
			}
			ticket, err := w.users.Invite(t.Context(), ada.ID, time.Minute)
			if purpose == user.ForChange {
				ticket, err = w.users.IssueTicket(t.Context(), verified, time.Minute)
			}
			if err != nil {
				t.Fatal(err)
			}
			failures := make([]error, 32)
			var racing sync.WaitGroup
			for i := range failures {
				racing.Go(func() { _, failures[i] = w.users.UseTicket(t.Context(), purpose, ticket, prepared) })
			}
			racing.Wait()
			used := 0
			for _, err := range failures {
				if err == nil {
					used++
				} else if fault.KindOf(err) != fault.NotFound {
					t.Errorf("%s: %v", purpose, err)
				}
			}
			if used != 1 {
				t.Errorf("%s: used %d times", purpose, used)
			}
		}
		if known, err := w.users.VerifyPassword(t.Context(), "ada", secret.FromString("a new horse battery")); err != nil || known.User.RequirePasswordChange {
			t.Errorf("with the new password: %+v, %v", known, err)
		}
	})
}

func TestTicketsThatAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ctx := t.Context()
		ada, bob := w.create(t, user.New{Username: "ada"}), w.create(t, user.New{Username: "bob"})
		var prepared user.PreparedPassword
		prepare := func() { // for ada as she is now, so that it is the ticket that is refused
			u, err := w.users.Find(ctx, ada.ID)
			if err == nil {
				prepared, err = w.users.PreparePassword(ctx, u, secret.FromString("a new horse battery"))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		prepare()
		issue := func(of user.User) secret.Redacted {
			ticket, err := w.users.Invite(ctx, of.ID, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return ticket
		}
		refused := func(name string, purpose user.Purpose, ticket secret.Redacted) {
			t.Helper()
			if _, err := w.users.FindTicket(ctx, purpose, ticket); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s is found: %v", name, err)
			}
			if _, err := w.users.UseTicket(ctx, purpose, ticket, prepared); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s is used: %v", name, err)
			}
		}
		refused("nothing", user.ForInvitation, secret.Redacted{})
		refused("garbage", user.ForInvitation, secret.New())
		refused("one for something else", user.ForChange, issue(ada))
		older := issue(ada)
		newer := issue(ada)
		refused("one that was replaced", user.ForInvitation, older)
		if _, err := w.users.UseTicket(ctx, user.ForInvitation, issue(bob), prepared); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the ticket of another one is used: %v", err)
		}
		if verified, err := w.users.FindTicket(ctx, user.ForInvitation, newer); err != nil || verified.User.ID != ada.ID {
			t.Errorf("a good one: %+v, %v", verified, err)
		}
		w.clock.Advance(time.Minute)
		refused("one that has expired", user.ForInvitation, newer)
		if err := w.users.Sweep(ctx); err != nil {
			t.Fatal(err)
		}

		newer = issue(ada)
		if _, err := database.Write(ctx).Exec(ctx, `UPDATE users SET state = 'disabled' WHERE id = $1`, ada.ID); err != nil {
			t.Fatal(err)
		}
		refused("one of a disabled user", user.ForInvitation, newer)
		if _, err := w.users.Invite(ctx, ada.ID, time.Minute); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a disabled user gets one: %v", err)
		}
		if err := w.users.Enable(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		newer = issue(ada)
		if err := w.users.Disable(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.users.Enable(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		prepare()
		refused("one that has ended with a disabling", user.ForInvitation, newer)
		newer = issue(ada)
		if err := w.users.ResetPassword(ctx, prepared); err != nil {
			t.Fatal(err)
		}
		prepare()
		refused("one that has ended with a new password", user.ForInvitation, newer)
	})
}

func TestTemporaryPasswords(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		created := user.NewTemporaryPassword().Reveal()
		if reasons := (policy.PasswordRules{}).Check(created, "authly"); len(created) != 32 || len(reasons) > 0 || seen[created] {
			t.Fatalf("%q: %v", created, reasons)
		}
		seen[created] = true
	}
}
