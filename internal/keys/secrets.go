package keys

import (
	"context"
	"errors"
	"fmt"

	"authly/internal/platform/secret"
)

// Secret returns the server's own secret of that name: 256 random bits, generated at
// the first use by any node, the same afterwards on every node,
// and sealed in the database. It fails with [ErrUnfitSealingKey] if it was sealed with another
// sealing key. After the first call it is read from memory.
func (s *Service) Secret(ctx context.Context, name string) (secret.Redacted, error) {
	if name == "" {
		return secret.Redacted{}, errors.New("a sealed secret needs a name")
	}
	if value, ok := s.knownSecret(name); ok {
		return value, nil
	}
	stored, err := s.store.sealedSecret(ctx, name)
	if err != nil {
		return secret.Redacted{}, err
	}
	if stored == nil {
		if stored, err = s.createSecret(ctx, name); err != nil {
			return secret.Redacted{}, err
		}
	}
	return s.openSecret(sealedSecret{name, stored})
}

// createSecret stores a new secret, unless another node was faster, and returns the
// stored one.
func (s *Service) createSecret(ctx context.Context, name string) ([]byte, error) {
	sealed, err := s.sealer.Seal(placeOfSecret(name), []byte(secret.New().Reveal()))
	if err != nil {
		return nil, fmt.Errorf("seal a secret: %w", err)
	}
	if err := s.store.insertSecret(ctx, sealedSecret{name, sealed}, s.clock.Now()); err != nil {
		return nil, err
	}
	stored, err := s.store.sealedSecret(ctx, name)
	if err == nil && stored == nil {
		err = fmt.Errorf("the sealed secret %q disappeared after it was stored", name)
	}
	return stored, err
}

// openSecrets opens all stored secrets, so that a wrong sealing key fails
// the start of the server and not the first request that needs one of them.
func (s *Service) openSecrets(ctx context.Context) error {
	stored, err := s.store.sealedSecrets(ctx)
	if err != nil {
		return err
	}
	for _, sealed := range stored {
		if _, err := s.openSecret(sealed); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) openSecret(stored sealedSecret) (secret.Redacted, error) {
	opened, err := s.sealer.Open(placeOfSecret(stored.name), stored.value)
	if err != nil {
		return secret.Redacted{}, fmt.Errorf("open a sealed secret: %w", unsealError(err))
	}
	if len(opened) == 0 {
		return secret.Redacted{}, fmt.Errorf("the sealed secret %q is empty", stored.name)
	}
	s.secretsLock.Lock()
	defer s.secretsLock.Unlock()
	s.secrets[stored.name] = secret.FromString(string(opened))
	return s.secrets[stored.name], nil
}

func (s *Service) knownSecret(name string) (secret.Redacted, bool) {
	s.secretsLock.Lock()
	defer s.secretsLock.Unlock()
	value, ok := s.secrets[name]
	return value, ok
}

func placeOfSecret(name string) secret.Place {
	return secret.Place{Table: "sealed_secrets", Column: "value", Row: name}
}
