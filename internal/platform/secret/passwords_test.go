package secret_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
)

// cheap are the least costly parameters that are allowed.
var cheap = secret.PasswordParameters{MemoryKiB: 7 << 10, Iterations: 5, Parallelism: 1}

func newHasher(t testing.TB, parameters secret.PasswordParameters) *secret.PasswordHasher {
	t.Helper()
	created, err := secret.NewPasswordHasher(secret.PasswordHasherOptions{Parameters: parameters})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func TestHashAndVerify(t *testing.T) {
	hasher := newHasher(t, secret.PasswordParameters{})
	password := secret.FromString("correct horse battery staple")
	encoded, err := hasher.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") || len(encoded) != 31+22+1+43 {
		t.Errorf("encoded as %s", encoded)
	}
	for _, test := range []struct {
		password string
		want     secret.Verdict
	}{
		{"correct horse battery staple", secret.Verdict{Match: true}},
		{"correct horse battery staplf", secret.Verdict{}},
		{"correct horse battery staple ", secret.Verdict{}},
		{"correct horse battery stapl", secret.Verdict{}},
		{"Correct horse battery staple", secret.Verdict{}},
		{"correct horse battery staple\x00", secret.Verdict{}},
		{"", secret.Verdict{}},
		{strings.Repeat("x", 1<<20), secret.Verdict{}},
	} {
		got, err := hasher.Verify(t.Context(), encoded, secret.FromString(test.password))
		if err != nil || got != test.want {
			t.Errorf("%.40q: %+v, %v", test.password, got, err)
		}
	}
	again, err := hasher.Hash(t.Context(), password)
	if err != nil || again == encoded {
		t.Errorf("the salt is not random: %v", err)
	}
}

// TestVerifyHashesOfOthers uses hashes that the reference implementation's own
// tests expect (argon2id, version 1.3, password "password", salt "somesalt").
func TestVerifyHashesOfOthers(t *testing.T) {
	hasher := newHasher(t, secret.PasswordParameters{})
	for _, encoded := range []string{
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	} {
		got, err := hasher.Verify(t.Context(), encoded, secret.FromString("password"))
		if want := (secret.Verdict{Match: true, Rehash: true}); err != nil || got != want {
			t.Errorf("%s: %+v, %v", encoded, got, err)
		}
		got, err = hasher.Verify(t.Context(), encoded, secret.FromString("passwore"))
		if err != nil || got != (secret.Verdict{}) {
			t.Errorf("%s, wrong password: %+v, %v", encoded, got, err)
		}
	}
}

func TestVerifyAsksForRehash(t *testing.T) {
	password := secret.New()
	encoded, err := newHasher(t, cheap).Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		parameters secret.PasswordParameters
		want       bool
	}{
		"same":    {cheap, false},
		"default": {secret.PasswordParameters{}, true},
		"dearer":  {secret.PasswordParameters{MemoryKiB: 7 << 10, Iterations: 6, Parallelism: 1}, true},
	} {
		got, err := newHasher(t, test.parameters).Verify(t.Context(), encoded, password)
		if err != nil || !got.Match || got.Rehash != test.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		got, err = newHasher(t, test.parameters).Verify(t.Context(), encoded, secret.New())
		if err != nil || got.Match || got.Rehash {
			t.Errorf("%s, wrong password: %+v, %v", name, got, err)
		}
	}
}

func TestVerifyAbsentDoesTheSameWork(t *testing.T) {
	hasher := newHasher(t, cheap)
	encoded, err := hasher.Hash(t.Context(), secret.New())
	if err != nil {
		t.Fatal(err)
	}
	for name, password := range map[string]secret.Redacted{
		"ordinary": secret.New(),
		"empty":    secret.FromString(""),
		"huge":     secret.FromString(strings.Repeat("x", 1<<20)),
	} {
		before := hasher.Counts().Computed
		if _, err := hasher.Verify(t.Context(), encoded, password); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		between := hasher.Counts().Computed
		if err := hasher.VerifyAbsent(t.Context(), password); err != nil {
			t.Errorf("%s, absent: %v", name, err)
		}
		if present, absent := between-before, hasher.Counts().Computed-between; present != absent {
			t.Errorf("%s: %d hashes for a user who exists, %d for one who doesn't", name, present, absent)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hasher.VerifyAbsent(cancelled, secret.New()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHashRefusesUnusablePasswords(t *testing.T) {
	hasher := newHasher(t, cheap)
	for name, password := range map[string]string{"empty": "", "huge": strings.Repeat(hidden, 1000)} {
		_, err := hasher.Hash(t.Context(), secret.FromString(password))
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			assertHidden(t, name, err.Error())
		}
	}
	if _, err := hasher.Verify(t.Context(), hidden, secret.FromString("password")); err == nil {
		t.Error("what is stored is no hash, and no error says so")
	} else {
		assertHidden(t, "the error of Verify", err.Error())
	}
}

func TestPasswordParameters(t *testing.T) {
	for _, test := range []struct {
		memory, iterations uint32
		lanes              uint8
		valid              bool
	}{
		{46 << 10, 1, 1, true},
		{46<<10 - 1, 1, 1, false},
		{19 << 10, 2, 1, true},
		{19<<10 - 1, 2, 1, false},
		{12 << 10, 3, 1, true},
		{9 << 10, 4, 1, true},
		{7 << 10, 5, 1, true},
		{7<<10 - 1, 5, 1, false},
		{6 << 10, 60, 1, false},
		{64 << 10, 3, 1, true},
		{64 << 10, 3, 16, true},
		{64 << 10, 3, 17, false},
		{64 << 10, 3, 0, false},
		{64 << 10, 0, 1, false},
		{1 << 20, 4, 1, true},
		{1 << 20, 5, 1, false},
		{1<<20 + 1, 1, 1, false},
		{0, 0, 0, false},
	} {
		parameters := secret.PasswordParameters{MemoryKiB: test.memory, Iterations: test.iterations, Parallelism: test.lanes}
		if err := parameters.Validate(); (err == nil) != test.valid {
			t.Errorf("%+v: %v", parameters, err)
		}
	}
	if err := secret.DefaultPasswordParameters().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

func TestNewPasswordHasherRefuses(t *testing.T) {
	for name, options := range map[string]secret.PasswordHasherOptions{
		"weak parameters":         {Parameters: secret.PasswordParameters{MemoryKiB: 1024, Iterations: 1, Parallelism: 1}},
		"a pool without room":     {Parameters: secret.PasswordParameters{MemoryKiB: 64 << 10, Iterations: 3, Parallelism: 1}, PoolMemoryMiB: 63},
		"a negative pool":         {PoolMemoryMiB: -1},
		"a negative queue":        {MaxWaiting: -1},
		"a negative longest wait": {MaxWait: -time.Second},
	} {
		if _, err := secret.NewPasswordHasher(options); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
