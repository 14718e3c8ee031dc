package login_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/login"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

func TestAttemptsForAnAccount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		b := w.browser(t)
		form := b.get(t, "/login")
		// For one who exists and for one who doesn't: the same.
		for _, identifier := range []string{"ada", "nobody"} {
			w.clock.Advance(time.Hour)
			for range accountBurst {
				b.signIn(t, form, identifier, "wrong").has(t, http.StatusForbidden)
			}
			w.hasher.take()
			for _, spelled := range []string{identifier, " " + identifier, string(identifier[0]-'a'+'A') + identifier[1:]} {
				b.address = "198.51.100." + strconv.Itoa(len(spelled)) // other addresses don't help
				answer := b.signIn(t, form, spelled, adasPassword)
				answer.has(t, http.StatusTooManyRequests, "too many attempts", "30 seconds", `name="csrf_token"`)
				if answer.header.Get("Retry-After") != "30" {
					t.Errorf("Retry-After: %q", answer.header.Get("Retry-After"))
				}
			}
			if w.hasher.take() != 0 {
				t.Error("a password was checked beyond the limit")
			}
		}
		// Somebody else is not concerned.
		b.signIn(t, form, "bob", bobsPassword).goesTo(t, w.issuer+"/login")

		// After the interval there is one more, and success gives all back.
		w.clock.Advance(time.Hour)
		second := w.browser(t)
		form = second.get(t, "/login")
		for range accountBurst {
			second.signIn(t, form, "ada", "wrong").has(t, http.StatusForbidden)
		}
		w.clock.Advance(accountInterval - time.Microsecond)
		second.signIn(t, form, "ada", adasPassword).has(t, http.StatusTooManyRequests)
		w.clock.Advance(time.Microsecond)
		second.signIn(t, form, "ada", adasPassword).goesTo(t, w.issuer+"/login")
		w.clock.Advance(time.Minute) // for the address
		form = second.get(t, "/login?switch=1")
		for range accountBurst {
			second.signIn(t, form, "ada", "wrong").has(t, http.StatusForbidden)
		}
	})
}

func TestAttemptsFromAnAddress(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		b := w.browser(t)
		form := b.get(t, "/login")
		b.address = "2001:db8:1:2::1"
		for i := range addressBurst {
			b.signIn(t, form, "somebody"+strconv.Itoa(i), "wrong").has(t, http.StatusForbidden)
		}
		w.hasher.take()
		b.address = "2001:db8:1:2:ffff::2" // of the same subscriber
		for range accountBurst {
			answer := b.signIn(t, form, "ada", adasPassword)
			answer.has(t, http.StatusTooManyRequests)
			if answer.header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After: %q", answer.header.Get("Retry-After"))
			}
		}
		if w.hasher.take() != 0 {
			t.Error("a password was checked beyond the limit")
		}
		// What the address was refused did not count for the account.
		b.address = "2001:db8:1:3::1"
		for range accountBurst - 1 {
			b.signIn(t, form, "ada", "wrong").has(t, http.StatusForbidden)
		}
		b.signIn(t, form, "ada", adasPassword).goesTo(t, w.issuer+"/login")
	})
}

// Guesses at the same moment are counted one by one.
func TestParallelGuesses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ledger.Holds(t, "bounds: guesses at once")
		w := newWorld(t, database)
		w.hasher.take()
		const guesses = 32
		failures := make([]error, guesses)
		var group sync.WaitGroup
		for i := range failures {
			group.Go(func() {
				_, failures[i] = w.service.SignIn(context.WithoutCancel(t.Context()), login.Attempt{
					Identifier: "ada", Password: secret.FromString("wrong " + strconv.Itoa(i)), Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
				})
			})
		}
		group.Wait()
		wrong, refused := 0, 0
		for _, err := range failures {
			switch {
			case errors.Is(err, user.ErrWrongCredentials):
				wrong++
			case fault.KindOf(err) == fault.Limited && httpx.RetryAfter(err) > 0:
				refused++
			default:
				t.Errorf("got %v", err)
			}
		}
		if wrong != accountBurst || refused != guesses-accountBurst || w.hasher.take() != accountBurst {
			t.Errorf("%d were checked and %d refused, want %d and %d", wrong, refused, accountBurst, guesses-accountBurst)
		}
	})
}

// brokenThrottle is one whose store is out of reach.
type brokenThrottle struct{}

func (brokenThrottle) Allow(context.Context, string, string) (ratelimit.Decision, error) {
	return ratelimit.Decision{Allowed: true}, errors.New("out of reach")
}

func (brokenThrottle) AllowAddress(context.Context, string, netip.Addr) (ratelimit.Decision, error) {
	return ratelimit.Decision{Allowed: true}, errors.New("out of reach")
}
func (brokenThrottle) Reset(context.Context, string, string) error { return nil }

func TestWithoutAThrottleNobodySignsIn(t *testing.T) {
	database := dbtest.Open(t, db.SQLite)
	w := newWorld(t, database)
	service := login.New(login.Deps{
		Throttle: brokenThrottle{}, Users: w.users, Sessions: w.sessions, Interactions: w.interactions, Transactions: database,
		Audit: w.log,
	})
	w.hasher.take()
	_, err := service.SignIn(t.Context(), login.Attempt{Identifier: "ada", Password: secret.FromString(adasPassword)})
	if !httpx.IsFault(err) || w.hasher.take() != 0 {
		t.Errorf("got %v, want a fault of our own and no check", err)
	}
}

// A session that can't be bound to its interaction does not stay behind.
func TestSignInIsOneTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		unknown := uuid.New()
		_, err := w.service.SignIn(t.Context(), login.Attempt{
			Identifier: "ada", Password: secret.FromString(adasPassword), Interaction: &unknown,
		})
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("got %v, want not found", err)
		}
		var sessions int
		must(t, database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM sessions`).Scan(&sessions))
		if sessions != 0 {
			t.Errorf("%d sessions stayed behind", sessions)
		}
	})
}

// Whoever guesses doesn't keep it from the log by hanging up before the answer.
// When attempts for an account begin to be refused, the log has the account, once in a while; what was typed
// is not in it if nobody has that name.
func TestThrottleOfAnAccountIsLogged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		try := func(identifier string) {
			t.Helper()
			for range accountBurst + 20 {
				_, _ = w.service.SignIn(t.Context(), login.Attempt{Identifier: identifier, Password: secret.FromString("wrong"), Address: netip.MustParseAddr("192.0.2.1")})
			}
			w.clock.Advance(time.Hour)
		}
		logged := func() []audit.Event {
			page, err := w.log.List(t.Context(), audit.Query{Action: audit.SessionThrottle})
			must(t, err)
			return page.Events
		}
		try("ada")
		if all := logged(); len(all) != 1 || all[0].Target.ID != w.ada.ID.String() || all[0].Outcome != audit.Failure || all[0].Details.Reason != login.LimitAccount {
			t.Fatalf("the log says %+v", all)
		}
		try("ada@example.com") // the same person, later
		try("hunter2-typed-by-mistake")
		all := logged()
		if len(all) != 3 || all[0].Target != (audit.Target{}) {
			t.Errorf("the log says %+v", all)
		}
		if text := fmt.Sprintf("%+v", all); strings.Contains(text, "hunter2") {
			t.Errorf("what was typed is in the log: %s", text)
		}
	})
}

func TestHangingUpIsLogged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ctx, hangUp := context.WithCancel(t.Context())
		w.hasher.after = hangUp
		_, err := w.service.SignIn(ctx, login.Attempt{Identifier: "ada", Password: secret.FromString("not the password of ada")})
		if !errors.Is(err, user.ErrWrongCredentials) {
			t.Errorf("got %v", err)
		}
		logged, err := w.log.List(t.Context(), audit.Query{Action: audit.SignIn})
		must(t, err)
		if len(logged.Events) != 1 || logged.Events[0].Outcome != audit.Failure || logged.Events[0].Target.ID != w.ada.ID.String() {
			t.Errorf("the log says %+v", logged.Events)
		}
	})
}
