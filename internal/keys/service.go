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
	loading sync.Mutex // keeps an older read of the table from replacing a newer one
	making  sync.Mutex // keeps concurrent calls of Ensure from generating keys that only one can store

	secretsLock sync.Mutex
	secrets     map[string]secret.Redacted // what Secret has returned, by name
}

var (
	// ErrUnfitSealingKey means that the database was sealed with a key that this
	// process doesn't have.
	ErrUnfitSealingKey = errors.New("the sealing key does not fit this database")
	// ErrNoKey means that no active key has the requested algorithm; [Service.Ensure] creates one.
	ErrNoKey = errors.New("no active signing key for this algorithm")
)

// atOnce returns the algorithms whose keys a server has before it serves: the one that
// every OpenID provider must have (OpenID Connect Core 1.0 section 15.1), and a
// cheap one.
func atOnce() []jose.Algorithm { return []jose.Algorithm{jose.RS256, jose.ES256} }

// Bootstrap loads all keys, after creating missing active RS256 and ES256
// keys. Several nodes may do so at once: all end with the same keys.
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
	for _, slot := range absent {
		group.Go(func() error { return s.create(groupContext, slot, s.self) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = s.refresh(ctx)
	return err
}

// Sign signs claims, which are encoded as JSON, with the active key of an
// algorithm; typ goes into the header. It fails with [ErrNoKey] if there is no such
// key. It uses only memory.
func (s *Service) Sign(algorithm jose.Algorithm, typ string, claims any) (string, error) {
	signer, ok := s.current.Load().signers[algorithm]
	if !ok {
		return "", fmt.Errorf("sign with %q: %w", algorithm, ErrNoKey)
	}
	return signer.Sign(typ, claims)
}

// Verify checks the signature and the type of a token that this server signed and
// returns its payload; see [jose.Verify]. Next keys count too: another node may
// already sign with one.
func (s *Service) Verify(token, typ string, algorithms ...jose.Algorithm) ([]byte, error) {
	return jose.Verify(token, s.current.Load().verification, typ, algorithms...)
}

// JWKS returns the JWK Set with the public halves of all keys (RFC 7517 section 5).
// The caller must not change it.
func (s *Service) JWKS() []byte { return s.current.Load().jwks }

// Algorithms returns the algorithms that can be signed with now, the default first.
func (s *Service) Algorithms() []jose.Algorithm { return slices.Clone(s.current.Load().algorithms) }

// Ensure creates an active key for an algorithm if there is none. It is for a client
// that requests an algorithm before [Service.Run] has created its key; otherwise it
// uses only memory.
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
	if _, ok := find(stored, algorithm, Active); ok {
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

// create generates a key and stores it, unless another node was faster.
func (s *Service) create(ctx context.Context, place slot, by audit.Author) error {
	signer, err := s.generateKey(place.algorithm)
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
	key := Key{ID: id, Algorithm: place.algorithm, State: place.state, CreatedAt: s.clock.Now()}
	stored := false
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		if stored, err = s.store.insert(ctx, row{key, sealed}); err != nil || !stored {
			return err
		}
		return s.audit.Record(ctx, key.event(audit.KeyCreate, by, audit.Details{Changes: []audit.Change{{Field: "state", After: string(key.State)}}}))
	})
	if err != nil {
		return fmt.Errorf("store a signing key: %w", err)
	}
	if stored {
		s.logger.InfoContext(ctx, "signing key made",
			slog.String("kid", id), slog.String("algorithm", string(key.Algorithm)), slog.String("state", string(key.State)))
	}
	return nil
}

// refresh updates the snapshot from the database and returns the stored
// keys. It opens nothing if nothing has changed.
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
	rows, err := s.store.load(ctx) // may be slightly newer than the list, which is harmless
	if err != nil {
		return nil, err
	}
	loaded, err := newSnapshot(rows, s.open)
	if err != nil {
		return nil, err
	}
	s.current.Store(loaded)
	return loaded.keys, nil
}

// open unseals a key and prepares it for signing.
func (s *Service) open(stored row) (*jose.Signer, error) {
	encoded, err := s.sealer.Open(placeOfKey(stored.ID), stored.sealed)
	if err != nil {
		return nil, fmt.Errorf("open a signing key: %w", unsealError(err))
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

// unsealError turns an unknown sealing key into [ErrUnfitSealingKey]. A value
// that was altered keeps its own error.
func unsealError(err error) error {
	if errors.Is(err, secret.ErrUnknownSealingKey) {
		return fmt.Errorf("%w: %w", ErrUnfitSealingKey, err)
	}
	return err
}
