package login_test

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/bootstrap"
	"authly/internal/invitation"
	"authly/internal/login"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
	"authly/internal/session"
	"authly/internal/user"
)

// held is a hasher that lets something happen when it has done its work, before it says so: after
// that nothing that was read before may be relied on.
type held struct {
	*secret.PasswordHasher
	verified, hashed func() // once, if it is set
}

func (h *held) Verify(ctx context.Context, encoded string, password secret.Redacted) (secret.Verdict, error) {
	verdict, err := h.PasswordHasher.Verify(ctx, encoded, password)
	once(&h.verified)
	return verdict, err
}

func (h *held) Hash(ctx context.Context, password secret.Redacted) (string, error) {
	encoded, err := h.PasswordHasher.Hash(ctx, password)
	once(&h.hashed)
	return encoded, err
}

func once(do *func()) {
	if *do != nil {
		work := *do
		*do = nil
		work()
	}
}

// underWay has the services of a world twice: those of the person who is held up at the hasher, and in
// the world itself those by which the account changes meanwhile.
type underWay struct {
	*world
	hasher   *held
	login    *login.Service
	invite   *invitation.Service
	setup    *bootstrap.Service
	accounts int
}

func newUnderWay(t *testing.T, database *db.DB) *underWay {
	t.Helper()
	w := &underWay{world: newWorld(t, database)}
	w.hasher = &held{PasswordHasher: w.world.hasher.PasswordHasher}
	users := user.NewService(user.Deps{Database: database, Clock: w.clock, Hasher: w.hasher, Sessions: w.sessions, Log: w.log})
	counts, err := ratelimit.NewMemory(1000)
	must(t, err)
	often := ratelimit.Rate{Burst: 1000, Interval: time.Second} // throttling is not what is tested
	throttle, err := ratelimit.New(counts, w.clock, ratelimit.Limit{Name: login.LimitAccount, Rate: often},
		ratelimit.Limit{Name: login.LimitUser, Rate: often}, ratelimit.Limit{Name: login.LimitAddress, Rate: often})
	must(t, err)
	w.login = login.New(login.Deps{
		Throttle: throttle, Users: users, Sessions: w.sessions, Interactions: w.interactions, Transactions: database, Audit: w.log,
	})
	w.invite = invitation.New(invitation.Deps{Issuer: w.issuer, Clock: w.clock, Users: users, Transactions: database, Audit: w.log})
	w.setup = bootstrap.New(bootstrap.Deps{Database: database, Clock: w.clock, Issuer: w.issuer, Users: users, Audit: w.log})
	_, err = w.users.Create(t.Context(), user.New{Username: "root", Administrator: true, Password: secret.FromString(adasPassword)})
	must(t, err)
	return w
}

const latePassword, otherPassword = "three late umbrellas", "four yellow tractors"

// account makes an administrator, as only such a one can be recovered.
func (w *underWay) account(t *testing.T, mustChange bool) user.User {
	t.Helper()
	w.accounts++
	created, err := w.users.Create(t.Context(), user.New{
		Username: "person" + strconv.Itoa(w.accounts), Administrator: true, RequirePasswordChange: mustChange, Password: secret.FromString(adasPassword),
	})
	must(t, err)
	return created
}

func (w *underWay) attempt(whose user.User) login.Attempt {
	return login.Attempt{Identifier: whose.Username, Password: secret.FromString(adasPassword), Address: netip.MustParseAddr("192.0.2.1")}
}

func (w *underWay) recovery(t *testing.T, setup *bootstrap.Service, whose user.User) secret.Redacted {
	t.Helper()
	created, err := setup.Recover(t.Context(), whose.Username)
	must(t, err)
	return inLink(t, created.URL)
}

// inLink returns the token of a link.
func inLink(t *testing.T, link secret.Redacted) secret.Redacted {
	t.Helper()
	parsed, err := url.Parse(link.Reveal())
	must(t, err)
	if token := parsed.Query().Get("token"); token != "" {
		return secret.FromString(token)
	}
	return secret.FromString(parsed.Path[strings.LastIndexByte(parsed.Path, '/')+1:])
}

// meanwhile are the changes after which nothing begins any more with what was verified before.
func (w *underWay) meanwhile() map[string]func(t *testing.T, whose user.User) {
	password := secret.FromString(otherPassword)
	use := func(t *testing.T, purpose user.Purpose, ticket secret.Redacted) {
		t.Helper()
		holder, err := w.users.FindTicket(t.Context(), purpose, ticket)
		must(t, err)
		prepared, err := w.users.PreparePassword(t.Context(), holder.User, password)
		must(t, err)
		_, err = w.users.UseTicket(t.Context(), purpose, ticket, prepared)
		must(t, err)
	}
	disable := func(t *testing.T, whose user.User) { t.Helper(); must(t, w.users.Disable(t.Context(), whose.ID)) }
	return map[string]func(t *testing.T, whose user.User){
		"new password": func(t *testing.T, whose user.User) { must(t, w.users.SetPassword(t.Context(), whose.ID, password)) },
		"reset": func(t *testing.T, whose user.User) {
			u, err := w.users.Find(t.Context(), whose.ID)
			must(t, err)
			prepared, err := w.users.PreparePassword(t.Context(), u, password)
			must(t, err)
			must(t, w.users.ResetPassword(t.Context(), prepared))
		},
		"invitation": func(t *testing.T, whose user.User) {
			ticket, err := w.users.Invite(t.Context(), whose.ID, time.Hour)
			must(t, err)
			use(t, user.ForInvitation, ticket)
		},
		"ticket": func(t *testing.T, whose user.User) {
			verified, err := w.users.VerifyPassword(t.Context(), whose.Username, secret.FromString(adasPassword))
			must(t, err)
			ticket, err := w.users.IssueTicket(t.Context(), verified, time.Hour)
			must(t, err)
			use(t, user.ForChange, ticket)
		},
		"recovery link": func(t *testing.T, whose user.User) {
			setup := bootstrap.New(bootstrap.Deps{Database: w.database, Clock: w.clock, Issuer: w.issuer, Users: w.users, Audit: w.log})
			_, err := setup.ChoosePassword(t.Context(), w.recovery(t, setup, whose), password)
			must(t, err)
		},
		"disabled":             disable,
		"disabled and enabled": func(t *testing.T, whose user.User) { disable(t, whose); must(t, w.users.Enable(t.Context(), whose.ID)) },
		"deleted":              func(t *testing.T, whose user.User) { must(t, w.users.Delete(t.Context(), whose.ID)) },
		"new password required": func(t *testing.T, whose user.User) {
			must(t, w.users.RequirePasswordChange(t.Context(), whose.ID))
		},
		"requirement changed": func(t *testing.T, whose user.User) {
			u, err := w.users.Find(t.Context(), whose.ID)
			must(t, err)
			wanted := u.Profile()
			wanted.RequirePasswordChange = !wanted.RequirePasswordChange
			_, err = w.users.Replace(t.Context(), whose.ID, wanted)
			must(t, err)
		},
	}
}

// late is what a person begins who is held up. prepare makes an account for it and returns what the person
// does; the change happens in hook.
type late struct {
	action  audit.Action // of the event that says why nothing came of it
	prepare func(t *testing.T) (user.User, func(hook func()) error)
}

func (w *underWay) late() map[string]late {
	ctx := context.Background()
	signIn := func(attempt login.Attempt) func(hook func()) error {
		return func(hook func()) error {
			w.hasher.verified = hook
			_, err := w.login.SignIn(ctx, attempt)
			return err
		}
	}
	return map[string]late{
		"sign-in": {audit.SignIn, func(t *testing.T) (user.User, func(func()) error) {
			whose := w.account(t, false)
			return whose, signIn(w.attempt(whose))
		}},
		"ticket issued": {audit.SignIn, func(t *testing.T) (user.User, func(func()) error) {
			whose := w.account(t, true)
			return whose, signIn(w.attempt(whose))
		}},
		"authenticated again": {audit.SignIn, func(t *testing.T) (user.User, func(func()) error) {
			whose := w.account(t, false)
			attempt := w.attempt(whose)
			before, err := w.login.SignIn(ctx, attempt)
			must(t, err)
			attempt.Replaces = before.Token
			return whose, signIn(attempt)
		}},
		"ticket used": {audit.PasswordChange, func(t *testing.T) (user.User, func(func()) error) {
			whose := w.account(t, true)
			attempt := w.attempt(whose)
			admitted, err := w.login.SignIn(ctx, attempt)
			must(t, err)
			return whose, func(hook func()) error {
				w.hasher.hashed = hook
				_, err := w.login.ChoosePassword(ctx, login.Choice{Attempt: attempt, Ticket: admitted.Ticket, Password: secret.FromString(latePassword)})
				return err
			}
		}},
		"invitation used": {audit.InvitationUse, func(t *testing.T) (user.User, func(func()) error) {
			whose := w.account(t, false)
			created, err := w.invite.Invite(ctx, whose.ID)
			must(t, err)
			return whose, func(hook func()) error {
				w.hasher.hashed = hook
				_, err := w.invite.Accept(ctx, inLink(t, created.URL), secret.FromString(latePassword))
				return err
			}
		}},
		"recovery link used": {audit.Recover, func(t *testing.T) (user.User, func(func()) error) {
			whose := w.account(t, false)
			token := w.recovery(t, w.setup, whose)
			return whose, func(hook func()) error {
				w.hasher.hashed = hook
				_, err := w.setup.ChoosePassword(ctx, token, secret.FromString(latePassword))
				return err
			}
		}},
	}
}

// Nothing begins with what was verified before the account changed, whatever it is and whatever changed.
func TestNothingSurvivesAChangeMeanwhile(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newUnderWay(t, database)
		for begun, what := range w.late() {
			for changed, change := range w.meanwhile() {
				t.Run(begun+"/"+changed, func(t *testing.T) {
					whose, goOn := what.prepare(t)
					happened := false
					err := goOn(func() { happened = true; change(t, whose) })
					if kind := fault.KindOf(err); !happened || !slices.Contains([]fault.Kind{fault.Forbidden, fault.NotFound, fault.Conflict}, kind) {
						t.Fatalf("got %v (changed: %t), want a refusal", err, happened)
					}
					w.wantNothing(t, whose)
					w.wantReason(t, what.action)
				})
			}
		}
	})
}

// wantNothing looks for what a person has that could only come from what was overtaken.
func (w *underWay) wantNothing(t *testing.T, whose user.User) {
	t.Helper()
	var sessions, tickets int
	row := w.database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL`, whose.ID)
	must(t, row.Scan(&sessions))
	row = w.database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM password_tickets t JOIN users u ON u.id = t.user_id
		WHERE u.id = $1 AND u.credential_version = t.credential_version`, whose.ID)
	must(t, row.Scan(&tickets))
	if sessions != 0 || tickets != 0 {
		t.Errorf("%d sessions and %d tickets live", sessions, tickets)
	}
	if _, err := w.users.VerifyPassword(t.Context(), whose.Username, secret.FromString(latePassword)); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("the password that came too late: %v", err)
	}
}

// wantReason looks for why nothing came of the last thing of its kind.
func (w *underWay) wantReason(t *testing.T, action audit.Action) {
	t.Helper()
	logged, err := w.log.List(t.Context(), audit.Query{Action: action, Limit: 1})
	must(t, err)
	if len(logged.Events) != 1 || logged.Events[0].Outcome != audit.Failure || logged.Events[0].Details.Reason != "account_changed" {
		t.Errorf("the log says %+v", logged.Events)
	}
}

// Two administrators who reset one password at once don't both hold a password: one is told to try again.
func TestResetAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newUnderWay(t, database)
		ada := w.account(t, false)
		first, err := w.users.PreparePassword(t.Context(), ada, secret.FromString(latePassword))
		must(t, err)
		second, err := w.users.PreparePassword(t.Context(), ada, secret.FromString(otherPassword))
		must(t, err)
		must(t, w.users.ResetPassword(t.Context(), first))
		if err := w.users.ResetPassword(t.Context(), second); fault.KindOf(err) != fault.Conflict {
			t.Errorf("the second reset: %v", err)
		}
		_, err = w.users.VerifyPassword(t.Context(), ada.Username, secret.FromString(latePassword))
		must(t, err)
	})
}

// A new hash of the same password is no change: a second sign-in under way goes on, and the hash of
// another password stays.
func TestRehashIsNoChange(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newUnderWay(t, database)
		stronger, err := secret.NewPasswordHasher(secret.PasswordHasherOptions{Parameters: secret.PasswordParameters{MemoryKiB: 64, Iterations: 2, Parallelism: 1}, AllowWeak: true})
		must(t, err)
		hasher := &held{PasswordHasher: stronger}
		users := user.NewService(user.Deps{Database: database, Clock: w.clock, Hasher: hasher, Sessions: w.sessions, Log: w.log})
		ada := w.account(t, false)
		underWay, err := w.users.VerifyPassword(t.Context(), ada.Username, secret.FromString(adasPassword))
		must(t, err)
		_, err = users.VerifyPassword(t.Context(), ada.Username, secret.FromString(adasPassword))
		must(t, err)
		if _, _, err := w.sessions.Start(t.Context(), session.New{Person: underWay}); err != nil {
			t.Errorf("after a new hash: %v", err)
		}

		bob := w.account(t, false)
		hasher.hashed = func() { must(t, w.users.SetPassword(t.Context(), bob.ID, secret.FromString(otherPassword))) }
		_, err = users.VerifyPassword(t.Context(), bob.Username, secret.FromString(adasPassword))
		must(t, err)
		if _, err := w.users.VerifyPassword(t.Context(), bob.Username, secret.FromString(otherPassword)); err != nil {
			t.Errorf("the new hash of an old password replaced a newer one: %v", err)
		}
	})
}

// Who ends what a person has while a sign-in is being written waits for it, and ends that too.
func TestChangeWaitsForASignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newUnderWay(t, database)
		ada := w.account(t, false)
		disabled := make(chan error, 1)
		begun := false
		ctx := database.Observed(t.Context(), func(statement db.Statement) {
			if begun || !strings.Contains(statement.Text, "INSERT INTO sessions") {
				return
			}
			begun = true
			go func() { disabled <- w.users.Disable(t.Context(), ada.ID) }()
			for database.Engine() == db.PostgreSQL && len(disabled) == 0 && !w.someoneWaits(t) { //nolint:revive // until it is clear which
			}
		})
		_, err := w.login.SignIn(ctx, w.attempt(ada))
		must(t, err)
		must(t, <-disabled)
		must(t, w.users.Enable(t.Context(), ada.ID))
		w.wantNothing(t, ada)
	})
}

// someoneWaits reports whether a transaction waits for the lock of another one.
func (w *underWay) someoneWaits(t *testing.T) bool {
	t.Helper()
	var waiting int
	row := w.database.Read(t.Context()).QueryRow(t.Context(),
		`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	must(t, row.Scan(&waiting))
	return waiting > 0
}
