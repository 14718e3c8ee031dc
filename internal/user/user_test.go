package user_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/protocol/policy"
	"authly/internal/session"
	"authly/internal/user"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const goodPassword = "seven green bicycles"

// counting counts what a real hasher is asked for.
type counting struct {
	*secret.PasswordHasher
	mu                   sync.Mutex
	hash, verify, absent int
}

func (c *counting) Hash(ctx context.Context, password secret.Redacted) (string, error) {
	c.mu.Lock()
	c.hash++
	c.mu.Unlock()
	return c.PasswordHasher.Hash(ctx, password)
}

func (c *counting) Verify(ctx context.Context, encoded string, password secret.Redacted) (secret.Verdict, error) {
	c.mu.Lock()
	c.verify++
	c.mu.Unlock()
	return c.PasswordHasher.Verify(ctx, encoded, password)
}

func (c *counting) VerifyAbsent(ctx context.Context, password secret.Redacted) error {
	c.mu.Lock()
	c.absent++
	c.mu.Unlock()
	return c.PasswordHasher.VerifyAbsent(ctx, password)
}

func newHasher(t *testing.T, options secret.PasswordHasherOptions) *counting {
	t.Helper()
	hasher, err := secret.NewPasswordHasher(options)
	if err != nil {
		t.Fatal(err)
	}
	return &counting{PasswordHasher: hasher}
}

// weak are parameters that take next to no time.
func weak(iterations uint32) secret.PasswordHasherOptions {
	return secret.PasswordHasherOptions{
		Parameters: secret.PasswordParameters{MemoryKiB: 64, Iterations: iterations, Parallelism: 1}, AllowWeak: true,
	}
}

type world struct {
	clock    *clock.Fake
	hasher   *counting
	sessions *session.Service
	users    *user.Service
}

func newWorld(t *testing.T, database *db.DB) world {
	t.Helper()
	w := world{clock: clock.NewFake(start), hasher: newHasher(t, weak(1))}
	w.sessions = session.NewService(session.Deps{
		Database: database, Clock: w.clock, Lifetime: policy.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour},
	})
	w.users = w.usersWith(database, w.hasher)
	return w
}

func (w world) usersWith(database *db.DB, hasher user.PasswordHasher) *user.Service {
	return user.NewService(user.Deps{
		Database: database, Clock: w.clock, Hasher: hasher, Sessions: w.sessions, Log: audit.New(audit.Deps{Database: database, Clock: w.clock}), ServiceWords: []string{"authly"},
	})
}

func (w world) create(t *testing.T, registration user.New) user.User {
	t.Helper()
	if registration.Password.IsZero() {
		registration.Password = secret.FromString(goodPassword)
	}
	created, err := w.users.Create(t.Context(), registration)
	if err != nil {
		t.Fatalf("create %s: %v", registration.Username, err)
	}
	return created
}

// verify proves to be the user of that name by the good password.
func (w world) verify(t *testing.T, name string) user.Verified {
	t.Helper()
	verified, err := w.users.VerifyPassword(t.Context(), name, secret.FromString(goodPassword))
	if err != nil {
		t.Fatalf("verify %s: %v", name, err)
	}
	return verified
}

// fieldsOf returns the fields of a fault of the given kind.
func fieldsOf(t *testing.T, err error, kind fault.Kind) map[string]string {
	t.Helper()
	var refusal *fault.Error
	if !errors.As(err, &refusal) || refusal.Kind != kind {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
	return refusal.Fields
}

func TestCreateAndFind(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		verified := true
		registration := user.New{
			Username: "Ada", Email: "Ada@Example.com", EmailVerified: true, Administrator: true,
			Claims: oidc.StandardClaims{
				Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "King", Nickname: "Countess",
				Profile: "https://example.com/ada", Picture: "https://example.com/ada.png", Website: "https://example.com",
				Gender: "female", Birthdate: "1815-12-10", ZoneInfo: "Europe/London", Locale: "en-GB",
				Address:     &oidc.Address{Formatted: "12 St James's Square\nLondon", Locality: "London", Country: "UK"},
				PhoneNumber: "+442012345678", PhoneNumberVerified: &verified,
			},
		}
		created := w.create(t, registration)
		claims := registration.Claims
		claims.PreferredUsername, claims.Email, claims.EmailVerified, claims.UpdatedAt = "Ada", "Ada@Example.com", &verified, start
		if diff := cmp.Diff(claims, created.Claims); diff != "" {
			t.Errorf("claims of the user that was created (-want +got):\n%s", diff)
		}
		for _, identifier := range []string{"ada", "ADA", " ada ", "ada@example.com", "ADA@EXAMPLE.COM", "Ａｄａ"} {
			found, err := w.users.FindByIdentifier(t.Context(), identifier)
			if err != nil {
				t.Fatalf("find %q: %v", identifier, err)
			}
			if found.ID != created.ID || !found.Administrator || !found.IsActive() || !found.CreatedAt.Equal(start) {
				t.Errorf("find %q: %+v", identifier, found)
			}
			if diff := cmp.Diff(claims, found.Claims); diff != "" {
				t.Errorf("claims of the user that was read (-want +got):\n%s", diff)
			}
		}
		// Every scope has to give something (OpenID Connect Core 1.0 section 5.4).
		got := created.Claims.ClaimsForScopes(created.Subject(), oauth.ScopeSet{"openid", "profile", "email", "address", "phone"})
		for _, name := range oidc.ClaimNames(oauth.ScopeSet{"openid", "profile", "email", "address", "phone"}) {
			if got[name] == nil {
				t.Errorf("no value for the claim %s", name)
			}
		}
		for _, identifier := range []string{"", "nobody", "nobody@example.com", "a b", strings.Repeat("a", 5000), "ada\x00"} {
			if _, err := w.users.FindByIdentifier(t.Context(), identifier); fault.KindOf(err) != fault.NotFound {
				t.Errorf("find %.20q: got %v, want not found", identifier, err)
			}
		}
		if _, err := w.users.Find(t.Context(), uuid.New()); fault.KindOf(err) != fault.NotFound {
			t.Errorf("find nobody: %v", err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.create(t, user.New{Username: "ada", Email: "ada@example.com"})
		verified := true
		for name, test := range map[string]struct {
			registration user.New
			kind         fault.Kind
			fields       map[string]string
		}{
			"nothing":           {user.New{}, fault.Invalid, map[string]string{"username": "user.username_required"}},
			"username with @":   {user.New{Username: "a@b.example"}, fault.Invalid, map[string]string{"username": "user.username_invalid"}},
			"e-mail":            {user.New{Username: "bob", Email: "bob"}, fault.Invalid, map[string]string{"email": "user.email_invalid"}},
			"short password":    {user.New{Username: "bob", Password: secret.FromString("fourteen chars")}, fault.Invalid, map[string]string{"password": "password.too_short"}},
			"service's name":    {user.New{Username: "bob", Password: secret.FromString("authly authly 2026")}, fault.Invalid, map[string]string{"password": "password.context_word"}},
			"own name":          {user.New{Username: "bob", Claims: oidc.StandardClaims{FamilyName: "Wolkenstein"}, Password: secret.FromString("wolkenstein12345")}, fault.Invalid, map[string]string{"password": "password.context_word"}},
			"script as website": {user.New{Username: "bob", Claims: oidc.StandardClaims{Website: "javascript:alert(1)"}}, fault.Invalid, map[string]string{"website": "user.claim_invalid"}},
			"no file":           {user.New{Username: "bob", ManagedBy: "two words"}, fault.Invalid, map[string]string{"managed_by": "user.manager_invalid"}},
			"nothing verified":  {user.New{Username: "bob", EmailVerified: true, Claims: oidc.StandardClaims{PhoneNumberVerified: &verified}}, fault.Invalid, map[string]string{"email_verified": "user.nothing_verified", "phone_number_verified": "user.nothing_verified"}},
			"birthdate":         {user.New{Username: "bob", Claims: oidc.StandardClaims{Birthdate: "10.12.1815"}}, fault.Invalid, map[string]string{"birthdate": "user.claim_invalid"}},
			"line break":        {user.New{Username: "bob", Claims: oidc.StandardClaims{Name: "a\nb"}}, fault.Invalid, map[string]string{"name": "user.claim_invalid"}},
			"zero byte":         {user.New{Username: "bob", Claims: oidc.StandardClaims{Address: &oidc.Address{Formatted: "a\x00"}}}, fault.Invalid, map[string]string{"address": "user.claim_invalid"}},
			"taken username":    {user.New{Username: "ADA"}, fault.Conflict, map[string]string{"username": "user.username_taken"}},
			"taken e-mail":      {user.New{Username: "bob", Email: "ADA@example.com"}, fault.Conflict, map[string]string{"email": "user.email_taken"}},
		} {
			_, err := w.users.Create(t.Context(), test.registration)
			if diff := cmp.Diff(test.fields, fieldsOf(t, err, test.kind)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

// The work must be the same whoever is asked for: then there is nothing to measure.
func TestVerifyPasswordDoesTheSameWork(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ada := w.create(t, user.New{Username: "ada", Email: "ada@example.com"})
		off := w.create(t, user.New{Username: "off"})
		if err := w.users.Disable(t.Context(), off.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.users.Create(t.Context(), user.New{Username: "nopassword"}); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			identifier, password string
			ok                   bool
		}{
			"right":                {"ada", goodPassword, true},
			"right, by e-mail":     {"ADA@example.com", goodPassword, true},
			"wrong":                {"ada", goodPassword + "x", false},
			"other case":           {"ada", strings.ToUpper(goodPassword), false},
			"unknown":              {"nobody", goodPassword, false},
			"unknown e-mail":       {"nobody@example.com", goodPassword, false},
			"impossible name":      {"a b c", goodPassword, false},
			"disabled":             {"off", goodPassword, false},
			"disabled, wrong":      {"off", "wrong", false},
			"without a password":   {"nopassword", goodPassword, false},
			"other spaces (OK)":    {"ada", strings.ReplaceAll(goodPassword, " ", "\u00a0"), true},
			"surrounded by spaces": {"ada", " " + goodPassword, false},
		} {
			w.hasher.hash, w.hasher.verify, w.hasher.absent = 0, 0, 0
			found, err := w.users.VerifyPassword(t.Context(), test.identifier, secret.FromString(test.password))
			if test.ok && (err != nil || found.User.ID != ada.ID) || !test.ok && !errors.Is(err, user.ErrWrongCredentials) {
				t.Errorf("%s: %v", name, err)
			}
			if !test.ok && found.User.ID != uuid.Nil {
				t.Errorf("%s: a user came with the refusal", name)
			}
			if work := w.hasher.verify + w.hasher.absent; work != 1 || w.hasher.hash != 0 {
				t.Errorf("%s: %d checks and %d hashes, want 1 and 0", name, work, w.hasher.hash)
			}
		}
		// What nobody can have is refused before anybody is looked up, so for all alike.
		for _, password := range []string{"", "a\x00b", strings.Repeat("a", 1<<16)} {
			w.hasher.verify, w.hasher.absent = 0, 0
			if _, err := w.users.VerifyPassword(t.Context(), "ada", secret.FromString(password)); !errors.Is(err, user.ErrWrongCredentials) {
				t.Errorf("impossible password: %v", err)
			}
			if w.hasher.verify+w.hasher.absent != 0 {
				t.Error("an impossible password was hashed")
			}
		}
	})
}

func TestVerifyPasswordRenewsTheHash(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.create(t, user.New{Username: "ada"})
		stronger := newHasher(t, weak(2))
		users := w.usersWith(database, stronger)
		for i, want := range []int{1, 0} {
			stronger.hash = 0
			if _, err := users.VerifyPassword(t.Context(), "ada", secret.FromString(goodPassword)); err != nil {
				t.Fatal(err)
			}
			if stronger.hash != want {
				t.Errorf("sign-in %d: %d new hashes, want %d", i+1, stronger.hash, want)
			}
		}
		found, err := users.FindByIdentifier(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		if !found.UpdatedAt.Equal(start) {
			t.Error("renewing a hash changed updated_at, which clients see")
		}
	})
}

func TestSetPasswordEndsSessions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ada := w.create(t, user.New{Username: "ada"})
		_, token, err := w.sessions.Start(t.Context(), session.New{Person: w.verify(t, "ada")})
		if err != nil {
			t.Fatal(err)
		}
		err = w.users.SetPassword(t.Context(), ada.ID, secret.FromString("short"))
		if diff := cmp.Diff(map[string]string{"password": "password.too_short"}, fieldsOf(t, err, fault.Invalid)); diff != "" {
			t.Error(diff)
		}
		if _, live, _ := w.sessions.Current(t.Context(), token); !live {
			t.Fatal("a refused password ended the session")
		}
		if err := w.users.SetPassword(t.Context(), ada.ID, secret.FromString("nine purple umbrellas")); err != nil {
			t.Fatal(err)
		}
		if _, live, _ := w.sessions.Current(t.Context(), token); live {
			t.Error("the session outlived the password")
		}
		if err := w.users.RequirePasswordChange(t.Context(), ada.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.users.SetPassword(t.Context(), ada.ID, secret.FromString("nine purple umbrellas")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.users.VerifyPassword(t.Context(), "ada", secret.FromString(goodPassword)); !errors.Is(err, user.ErrWrongCredentials) {
			t.Errorf("the old password: %v", err)
		}
		found, err := w.users.VerifyPassword(t.Context(), "ada", secret.FromString("nine purple umbrellas"))
		if err != nil || found.User.RequirePasswordChange {
			t.Errorf("the new password: %v, %+v", err, found)
		}
		if err := w.users.SetPassword(t.Context(), uuid.New(), secret.FromString(goodPassword)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a password for nobody: %v", err)
		}
	})
}

func TestDisableEnableDelete(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ada := w.create(t, user.New{Username: "ada"})
		begin := func() secret.Redacted {
			t.Helper()
			_, token, err := w.sessions.Start(t.Context(), session.New{Person: w.verify(t, "ada")})
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		live := func(token secret.Redacted) bool {
			t.Helper()
			_, live, err := w.sessions.Current(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			return live
		}
		first, underWay := begin(), w.verify(t, "ada")
		late := func(meanwhile string) {
			t.Helper()
			if _, _, err := w.sessions.Start(t.Context(), session.New{Person: underWay}); !errors.Is(err, user.ErrChanged) || !errors.Is(err, user.ErrWrongCredentials) {
				t.Errorf("a sign-in that was under way when the user was %s: %v", meanwhile, err)
			}
		}
		if err := w.users.Disable(t.Context(), ada.ID); err != nil {
			t.Fatal(err)
		}
		if live(first) {
			t.Error("a disabled user is signed in")
		}
		late("disabled")
		if err := w.users.Enable(t.Context(), ada.ID); err != nil {
			t.Fatal(err)
		}
		late("disabled and enabled")
		if live(first) {
			t.Error("enabling a user brought an ended session back")
		}
		second := begin()
		underWay = w.verify(t, "ada")
		if err := w.users.Delete(t.Context(), ada.ID); err != nil {
			t.Fatal(err)
		}
		if live(second) {
			t.Error("a deleted user is signed in")
		}
		late("deleted")
		for name, change := range map[string]func(context.Context, uuid.UUID) error{
			"disable": w.users.Disable, "enable": w.users.Enable, "delete": w.users.Delete,
		} {
			if err := change(t.Context(), ada.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s a deleted user: %v", name, err)
			}
		}
	})
}

// A name that could be taken for another one is refused to new accounts and new names; who has one keeps it.
func TestUsernamesThatNobodyGetsAnyMore(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		const mixed, identifier = "p\u0430ypal", "018f2b6c-1c7e-7cc0-9df5-2f0d5a4c9e11"
		for username, reason := range map[string]string{mixed: "user.username_mixed", identifier: "user.username_reserved"} {
			want := map[string]string{"username": reason}
			_, err := w.users.Create(t.Context(), user.New{Username: username})
			if diff := cmp.Diff(want, fieldsOf(t, err, fault.Invalid)); diff != "" {
				t.Error(diff)
			}
			ada := w.create(t, user.New{Username: "ada" + reason[len(reason)-3:]})
			profile := ada.Profile()
			profile.Username = username
			_, err = w.users.Replace(t.Context(), ada.ID, profile)
			if diff := cmp.Diff(want, fieldsOf(t, err, fault.Invalid)); diff != "" {
				t.Error(diff)
			}
			// One from before.
			if _, err := database.Write(t.Context()).Exec(t.Context(), `UPDATE users SET username = $1, username_folded = $1 WHERE id = $2`, username, ada.ID); err != nil {
				t.Fatal(err)
			}
			if verified := w.verify(t, username); verified.User.ID != ada.ID {
				t.Errorf("somebody else is %s", username)
			}
			profile.Claims.Nickname = "Ada"
			if after, err := w.users.Replace(t.Context(), ada.ID, profile); err != nil || after.Username != username {
				t.Errorf("a change of something else: %+v, %v", after, err)
			}
		}
	})
}
