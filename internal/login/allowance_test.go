package login_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/login"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// typed is what was typed into the page: it shows it again.
var typed = regexp.MustCompile(`value="[^"]*"`)

// TestOneAllowanceForOneAccount guesses by both names of an account, and by two names that nobody has.
func TestOneAllowanceForOneAccount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		b := w.browser(t)
		form := b.get(t, "/login")
		next := 0
		try := func(identifier, password string) page {
			next++
			b.address = "198.51.100." + strconv.Itoa(next)
			return b.signIn(t, form, identifier, password)
		}
		guessBoth := func(one, other string) []page {
			var answers []page
			for range accountBurst + 1 {
				answers = append(answers, try(one, "wrong"))
			}
			for range accountBurst + 1 {
				answers = append(answers, try(other, adasPassword))
			}
			return answers
		}
		w.clock.Advance(time.Hour)
		try("ada@example.com", "wrong").has(t, http.StatusForbidden) // the one attempt that the account has more than its name
		w.hasher.take()
		known := guessBoth("ada", "ada@example.com")
		if checked := w.hasher.takeReal(); checked != accountBurst {
			t.Errorf("%d passwords of the account were checked, want %d", checked, accountBurst)
		}
		if b.who(t) != (user.User{}).ID {
			t.Error("signed in beyond the allowance")
		}
		w.clock.Advance(time.Hour)
		try("nobody@example.com", "wrong").has(t, http.StatusForbidden)
		unknown := guessBoth("nobody", "nobody@example.com")
		// Neither at which attempt nor how it was refused tells that two names belong together.
		for i := range known {
			if known[i].status != unknown[i].status || known[i].header.Get("Retry-After") != unknown[i].header.Get("Retry-After") ||
				typed.ReplaceAllString(known[i].body, "") != typed.ReplaceAllString(unknown[i].body, "") {
				t.Errorf("attempt %d: %d for the account, %d for nobody\n%s\n%s", i, known[i].status, unknown[i].status, known[i].body, unknown[i].body)
			}
			want := http.StatusForbidden
			if i == accountBurst || i >= 2*accountBurst {
				want = http.StatusTooManyRequests
			}
			if known[i].status != want {
				t.Errorf("attempt %d: %d, want %d", i, known[i].status, want)
			}
		}
		logged, err := w.log.List(t.Context(), audit.Query{Action: audit.SignIn})
		must(t, err)
		reasons := map[string]int{}
		for _, event := range logged.Events {
			if event.Target.ID == w.ada.ID.String() {
				reasons[event.Details.Reason]++
			}
		}
		if reasons["wrong_credentials"] != accountBurst+1 || reasons["too_many_attempts"] != accountBurst-1 {
			t.Errorf("the log says %v", reasons)
		}
		// The allowance comes back with time, for whichever name.
		for range accountBurst + 1 {
			try("ada", "wrong")
		}
		try("ada@example.com", "wrong")
		w.clock.Advance(accountInterval - time.Microsecond)
		try("ada@example.com", adasPassword).has(t, http.StatusForbidden)
		w.clock.Advance(time.Microsecond)
		try("ada@example.com", adasPassword).goesTo(t, w.issuer+"/login")
	})
}

// A refusal that must not be told from a wrong password computes one hash, as that does.
func TestHiddenRefusalTakesTheSameWork(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ledger.Holds(t, "account: refusals take the same work")
		w := newWorld(t, database)
		attempt := func(identifier string) error {
			_, err := w.service.SignIn(t.Context(), login.Attempt{Identifier: identifier, Password: secret.FromString("wrong password")})
			return err
		}
		for range accountBurst {
			_ = attempt("ada")
		}
		_ = attempt("ada@example.com")
		for _, identifier := range []string{"ada@example.com", "nobody@example.com"} {
			w.hasher.take()
			if err := attempt(identifier); !errors.Is(err, user.ErrWrongCredentials) {
				t.Errorf("%s: %v", identifier, err)
			}
			if work := w.hasher.take(); work != 1 {
				t.Errorf("%s: %d hashes", identifier, work)
			}
		}
	})
}

// Guesses by both names at the same moment are counted together.
func TestParallelGuessesByBothNames(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ledger.Holds(t, "bounds: guesses at once")
		w := newWorld(t, database)
		w.hasher.take()
		var group sync.WaitGroup
		for i := range 24 {
			group.Go(func() {
				_, err := w.service.SignIn(context.WithoutCancel(t.Context()), login.Attempt{
					Identifier: []string{"ada", "ada@example.com"}[i%2], Password: secret.FromString("wrong " + strconv.Itoa(i)), Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
				})
				if !errors.Is(err, user.ErrWrongCredentials) && fault.KindOf(err) != fault.Limited {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if checked := w.hasher.takeReal(); checked != accountBurst+1 {
			t.Errorf("%d passwords of the account were checked, want %d", checked, accountBurst+1)
		}
	})
}

func TestUnlockForgetsEveryName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for range accountBurst + 1 {
			for _, identifier := range []string{"ada", "ada@example.com"} {
				_, _ = w.service.SignIn(t.Context(), login.Attempt{Identifier: identifier, Password: secret.FromString("wrong")})
			}
		}
		w.clock.Advance(addressBurst * addressInterval)
		for range addressBurst * addressInterval / accountInterval { // what came back meanwhile
			_, _ = w.service.SignIn(t.Context(), login.Attempt{Identifier: "ada", Password: secret.FromString("wrong"), Address: netip.MustParseAddr("192.0.2.1")})
		}
		must(t, w.service.Unlock(t.Context(), w.ada))
		for _, identifier := range []string{"ada@example.com", "ada"} {
			for i := range accountBurst - 1 {
				_, err := w.service.SignIn(t.Context(), login.Attempt{Identifier: identifier, Password: secret.FromString("wrong"), Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})})
				if identifier == "ada@example.com" && !errors.Is(err, user.ErrWrongCredentials) {
					t.Errorf("%s: attempt %d: %v", identifier, i, err)
				}
			}
			must(t, w.service.Unlock(t.Context(), w.ada))
			if _, err := w.service.SignIn(t.Context(), login.Attempt{Identifier: identifier, Password: secret.FromString(adasPassword)}); err != nil {
				t.Errorf("%s: %v", identifier, err)
			}
		}
	})
}
