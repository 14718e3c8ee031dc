package secret

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"

	"authly/internal/platform/fault"
)

const (
	saltLength = 16
	tagLength  = 32

	// maxHashedPassword bounds a password to hash, in bytes. The policy for new
	// passwords is stricter.
	maxHashedPassword = 4096

	defaultPoolMemoryMiB = 256
	defaultMaxWaiting    = 64
	defaultMaxWait       = 5 * time.Second
)

// PasswordParameters are the costs of argon2id (RFC 9106 section 3.1).
type PasswordParameters struct {
	MemoryKiB   uint32 // m
	Iterations  uint32 // t
	Parallelism uint8  // p: lanes, each of which keeps a processor busy
}

// DefaultPasswordParameters are 19 MiB, two iterations and one lane.
func DefaultPasswordParameters() PasswordParameters {
	return PasswordParameters{MemoryKiB: 19 << 10, Iterations: 2, Parallelism: 1}
}

// weakestPasswordParameters are OWASP's equivalent minima. Memory may be traded
// for iterations along them.
var weakestPasswordParameters = []PasswordParameters{
	{MemoryKiB: 46 << 10, Iterations: 1},
	{MemoryKiB: 19 << 10, Iterations: 2},
	{MemoryKiB: 12 << 10, Iterations: 3},
	{MemoryKiB: 9 << 10, Iterations: 4},
	{MemoryKiB: 7 << 10, Iterations: 5},
}

// Validate returns an error if the parameters are too weak for new passwords, or so
// expensive that hashing would be a denial of service.
func (p PasswordParameters) Validate() error {
	if !p.bounded() {
		return fmt.Errorf("argon2id parameters are out of bounds: at most %d KiB, %d iterations, %d lanes, and %d KiB × iterations",
			maxHashMemoryKiB, maxHashIterations, maxHashLanes, maxHashWork)
	}
	for _, floor := range weakestPasswordParameters {
		if p.MemoryKiB >= floor.MemoryKiB && p.Iterations >= floor.Iterations {
			return nil
		}
	}
	return errors.New("argon2id parameters are too weak: at least 46 MiB with 1 iteration, 19 with 2, 12 with 3, 9 with 4 or 7 with 5")
}

// PasswordHasherOptions configure a [PasswordHasher]. A zero field means its default.
type PasswordHasherOptions struct {
	Parameters    PasswordParameters // for new hashes; 19 MiB, 2 iterations, 1 lane
	PoolMemoryMiB int                // for all hashes at once; 256
	MaxWaiting    int                // callers in the queue; 64
	MaxWait       time.Duration      // of a caller in the queue; 5 s
	// AllowWeak accepts parameters that are too weak for real passwords. Only tests may
	// set it: they hash the same few passwords thousands of times.
	AllowWeak bool
}

// PasswordHasher hashes and verifies passwords with argon2id. It bounds how many run at
// a time, see [PasswordHasher.Counts]; the others wait or are refused. It is safe for
// concurrent use.
//
// A password is hashed byte by byte as given: preparing it (RFC 8265) and checking
// it belong to the policy. Hashes of other kinds (bcrypt, scrypt, PBKDF2) are not
// supported yet.
type PasswordHasher struct {
	parameters PasswordParameters
	pool       *passwordPool
	absent     passwordHash
}

// Verdict is the result of [PasswordHasher.Verify].
type Verdict struct {
	Match bool
	// Rehash reports that the password matched a hash with other parameters than the
	// configured ones: hash it again while the password is at hand.
	Rehash bool
}

// NewPasswordHasher returns a hasher, or an error if the parameters are too weak
// or the pool has no room for one hash. The number of processors is taken from GOMAXPROCS now.
func NewPasswordHasher(options PasswordHasherOptions) (*PasswordHasher, error) {
	return newPasswordHasher(options, runtime.GOMAXPROCS(0))
}

func newPasswordHasher(options PasswordHasherOptions, processors int) (*PasswordHasher, error) {
	if options.Parameters == (PasswordParameters{}) {
		options.Parameters = DefaultPasswordParameters()
	}
	options.PoolMemoryMiB = orDefault(options.PoolMemoryMiB, defaultPoolMemoryMiB)
	options.MaxWaiting = orDefault(options.MaxWaiting, defaultMaxWaiting)
	options.MaxWait = orDefault(options.MaxWait, defaultMaxWait)
	if options.PoolMemoryMiB < 0 || options.MaxWaiting < 0 || options.MaxWait < 0 {
		return nil, errors.New("make a password hasher: a bound is negative")
	}
	if err := options.Parameters.Validate(); err != nil && !options.AllowWeak {
		return nil, fmt.Errorf("make a password hasher: %w", err)
	}
	memoryKiB := int64(options.PoolMemoryMiB) << 10
	if memoryKiB < int64(options.Parameters.MemoryKiB) {
		return nil, fmt.Errorf("make a password hasher: a pool of %d MiB has no room for one hash of %d KiB",
			options.PoolMemoryMiB, options.Parameters.MemoryKiB)
	}
	return &PasswordHasher{
		parameters: options.Parameters,
		pool:       newPasswordPool(options.Parameters, memoryKiB, processors, options.MaxWaiting, options.MaxWait),
		// No password has this tag, so nothing has to be computed at the start.
		absent: passwordHash{parameters: options.Parameters, salt: randomBytes(saltLength), tag: randomBytes(tagLength)},
	}, nil
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func randomBytes(length int) []byte {
	random := make([]byte, length)
	_, _ = rand.Read(random) // never fails: the runtime ends the program instead
	return random
}

// Hash returns the PHC string of a new hash with the configured parameters and a
// random salt. The error is [fault.Invalid] for a password that is empty or
// far too long, [fault.Unavailable] if the pool is full, or the context's.
func (h *PasswordHasher) Hash(ctx context.Context, password Redacted) (string, error) {
	if !hashable(password) {
		return "", fault.New(fault.Invalid, "password.unusable")
	}
	hash := passwordHash{parameters: h.parameters, salt: randomBytes(saltLength), tag: make([]byte, tagLength)}
	tag, err := h.compute(ctx, hash, password)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	hash.tag = tag
	return hash.String(), nil
}

// Verify reports whether the password matches a stored hash. The error is as
// that of [PasswordHasher.Hash], or an internal one if the stored text is no hash; a
// wrong password is no error.
func (h *PasswordHasher) Verify(ctx context.Context, encoded string, password Redacted) (Verdict, error) {
	stored, err := parsePasswordHash(encoded)
	if err != nil {
		return Verdict{}, fmt.Errorf("verify a password: %w", err)
	}
	return h.verify(ctx, stored, password)
}

// VerifyAbsent does the work of Verify for a user who does not exist or has no
// password, so that the time of an answer does not reveal which. (A user
// whose hash has other parameters than the configured ones can be distinguished until
// their next sign-in, when the password is hashed again.)
func (h *PasswordHasher) VerifyAbsent(ctx context.Context, password Redacted) error {
	_, err := h.verify(ctx, h.absent, password)
	return err
}

func (h *PasswordHasher) verify(ctx context.Context, stored passwordHash, password Redacted) (Verdict, error) {
	if !hashable(password) {
		return Verdict{}, nil // the same answer, in the same time, whether or not the user exists
	}
	tag, err := h.compute(ctx, stored, password)
	if err != nil {
		return Verdict{}, fmt.Errorf("verify a password: %w", err)
	}
	match := subtle.ConstantTimeCompare(tag, stored.tag) == 1
	current := stored.parameters == h.parameters && len(stored.salt) == saltLength && len(stored.tag) == tagLength
	return Verdict{Match: match, Rehash: match && !current}, nil
}

// compute is the only caller of argon2. Each call allocates its memory; the pool bounds
// how much there is at once, and as it has no pointers the garbage collector
// hardly scans it.
func (h *PasswordHasher) compute(ctx context.Context, hash passwordHash, password Redacted) ([]byte, error) {
	var tag []byte
	err := h.pool.run(ctx, hash.parameters, func() {
		tag = argon2.IDKey([]byte(password.Reveal()), hash.salt, hash.parameters.Iterations,
			hash.parameters.MemoryKiB, hash.parameters.Parallelism, uint32(len(hash.tag))) //nolint:gosec // bounded
	})
	return tag, err
}

func hashable(password Redacted) bool {
	return !password.IsZero() && len(password.Reveal()) <= maxHashedPassword
}

// Counts returns how busy the pool is, for metrics and tests.
func (h *PasswordHasher) Counts() PasswordPoolCounts { return h.pool.snapshot() }
