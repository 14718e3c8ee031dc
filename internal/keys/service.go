package keys

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
)

// Service signs and verifies with the server's keys. It is safe for concurrent use.
type Service struct {
	store  store
	sealer Sealer
	clock  clock.Clock
	logger *slog.Logger
	audit  Auditor
	self   audit.Author
	times  schedule

	generateKey func(jose.Algorithm) (crypto.Signer, error)

	current atomic.Pointer[snapshot]
	loading sync.Mutex // keeps an older reading of the table from replacing a newer one
	making  sync.Mutex // keeps concurrent calls of Ensure from making keys that only one can store

	known   sync.Mutex
	secrets map[string]secret.Redacted // what Secret has returned, by name
}

var (
	// ErrUnfitSealingKey means that the database was sealed with a key that this
	// process does not have.
	ErrUnfitSealingKey = errors.New("the sealing key does not fit this database")
	// ErrNoKey means that no key signs with the wanted algorithm; [Service.Ensure] makes one.
	ErrNoKey = errors.New("no active signing key for this algorithm")
)

// atOnce has the algorithms whose keys a server has before it serves: the one that
// every OpenID provider must have (OpenID Connect Core 1.0 section 15.1), and the
// one that is cheap to use.
func atOnce() []jose.Algorithm { return []jose.Algorithm{jose.RS256, jose.ES256} }

// Bootstrap loads all keys, after it has made an active RS256 and an active ES256
// key if there was none. Several nodes may do so at once: all end with the same keys.
// It fails with [ErrUnfitSealingKey] if the keys, or the secrets of
// [Service.Secret], were sealed with another sealing key.
func (s *Service) Bootstrap(ctx context.Context) error {
	if err := s.openSecrets(ctx); err != nil {
		return err
	}
	stored, err := s.refresh(ctx)
	if err != nil {
		return err
	}
	absent := missing(stored, atOnce(), Active)
	if len(absent) == 0 {
		return nil
	}
	group, groupContext := errgroup.WithContext(ctx)
	for _, each := range absent {
		group.Go(func() error { return s.create(groupContext, each, s.self) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = s.refresh(ctx)
	return err
}

// Sign signs claims, which are encoded as JSON, with the active key of an
// algorithm; typ goes into the header. It fails with [ErrNoKey] if there is no such
// key. It touches nothing but memory.
func (s *Service) Sign(algorithm jose.Algorithm, typ string, claims any) (string, error) {
	signer, found := s.current.Load().signers[algorithm]
	if !found {
		return "", fmt.Errorf("sign with %q: %w", algorithm, ErrNoKey)
	}
	return signer.Sign(typ, claims)
}

// Verify checks the signature and the type of a token that this server signed and
// returns its payload; see [jose.Verify]. Next keys count too: on another node one
// may be active already.
func (s *Service) Verify(token, typ string, algorithms ...jose.Algorithm) ([]byte, error) {
	return jose.Verify(token, s.current.Load().verification, typ, algorithms...)
}

// JWKS returns the JWK Set with the public halves of all keys (RFC 7517 section 5).
// The caller must not change it.
func (s *Service) JWKS() []byte { return s.current.Load().jwks }

// Algorithms returns the algorithms that can be signed with now, the default first.
func (s *Service) Algorithms() []jose.Algorithm { return slices.Clone(s.current.Load().algorithms) }

// Ensure makes an active key for an algorithm if there is none. It is for a client
// that asks for an algorithm before [Service.Run] has got round to it; otherwise it
// touches nothing but memory.
func (s *Service) Ensure(ctx context.Context, algorithm jose.Algorithm) error {
	if !algorithm.IsSupported() {
		return fmt.Errorf("make a key for %q: %w", algorithm, jose.ErrUnsupported)
	}
	if s.signsWith(algorithm) {
		return nil
	}
	s.making.Lock()
	defer s.making.Unlock()
	if s.signsWith(algorithm) {
		return nil
	}
	stored, err := s.refresh(ctx)
	if err != nil {
		return err
	}
	if _, taken := find(stored, algorithm, Active); taken {
		return nil
	}
	if err := s.create(ctx, slot{algorithm, Active}, s.self); err != nil {
		return err
	}
	_, err = s.refresh(ctx)
	return err
}

func (s *Service) signsWith(algorithm jose.Algorithm) bool {
	_, found := s.current.Load().signers[algorithm]
	return found
}

// List returns all keys as the database has them now: by algorithm, then active,
// next and retired.
func (s *Service) List(ctx context.Context) ([]Key, error) { return s.store.list(ctx) }

// create makes a key and stores it, unless somebody else was faster.
func (s *Service) create(ctx context.Context, wanted slot, by audit.Author) error {
	signer, err := s.generateKey(wanted.algorithm)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	id, err := jose.KeyID(signer.Public())
	if err != nil {
		return err
	}
	encoded, err := jose.MarshalPrivateKey(signer)
	if err != nil {
		return err
	}
	defer clear(encoded)
	sealed, err := s.sealer.Seal(placeOfKey(id), encoded)
	if err != nil {
		return fmt.Errorf("seal a signing key: %w", err)
	}
	made := Key{ID: id, Algorithm: wanted.algorithm, State: wanted.state, CreatedAt: s.clock.Now()}
	stored := false
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		if stored, err = s.store.insert(ctx, row{made, sealed}); err != nil || !stored {
			return err
		}
		return s.audit.Record(ctx, made.event(audit.KeyCreate, by, audit.Details{Changes: []audit.Change{{Field: "state", After: string(made.State)}}}))
	})
	if err != nil {
		return fmt.Errorf("store a signing key: %w", err)
	}
	if stored {
		s.logger.InfoContext(ctx, "signing key made",
			slog.String("kid", id), slog.String("algorithm", string(made.Algorithm)), slog.String("state", string(made.State)))
	}
	return nil
}

// refresh brings the snapshot up to the database and returns the keys that are
// there. Nothing is opened if nothing has changed.
func (s *Service) refresh(ctx context.Context) ([]Key, error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	stored, err := s.store.list(ctx)
	if err != nil {
		return nil, err
	}
	if sameKeys(stored, s.current.Load().keys) {
		return stored, nil
	}
	rows, err := s.store.load(ctx) // may be a little newer than the list, which does no harm
	if err != nil {
		return nil, err
	}
	made, err := newSnapshot(rows, s.open)
	if err != nil {
		return nil, err
	}
	s.current.Store(made)
	return made.keys, nil
}

// open unseals a key and prepares it for signing.
func (s *Service) open(stored row) (*jose.Signer, error) {
	encoded, err := s.sealer.Open(placeOfKey(stored.ID), stored.sealed)
	if err != nil {
		return nil, fmt.Errorf("open a signing key: %w", unfit(err))
	}
	defer clear(encoded)
	private, err := jose.ParsePrivateKey(encoded)
	if err != nil {
		return nil, fmt.Errorf("read signing key %q: %w", stored.ID, err)
	}
	return jose.NewSigner(jose.SigningKey{KeyID: stored.ID, Algorithm: stored.Algorithm, Signer: private})
}

func placeOfKey(id string) secret.Place {
	return secret.Place{Table: "signing_keys", Column: "private_key", Row: id}
}

// unfit says in plain words what a value sealed under an unknown key means. A value
// that was altered keeps its own error.
func unfit(err error) error {
	if errors.Is(err, secret.ErrUnknownSealingKey) {
		return fmt.Errorf("%w: %w", ErrUnfitSealingKey, err)
	}
	return err
}
