package keys

import (
	"context"
	"errors"
	"fmt"

	"authly/internal/platform/secret"
)

// Secret returns the server's own secret of that name: 256 random bits, made at
// the first use by whichever node is first, the same ever after and on every node,
// and sealed in the database. It fails with [ErrUnfitSealingKey] if it was sealed with another
// sealing key. After the first time it touches nothing but memory.
func (s *Service) Secret(ctx context.Context, name string) (secret.Redacted, error) {
	if name == "" {
		return secret.Redacted{}, errors.New("a sealed secret needs a name")
	}
	if found, known := s.knownSecret(name); known {
		return found, nil
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

// createSecret stores a new secret, unless somebody else was faster, and returns what
// is stored then.
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
		err = fmt.Errorf("the sealed secret %q is gone as soon as it was stored", name)
	}
	return stored, err
}

// openSecrets opens all secrets that are stored, so that a wrong sealing key stops
// the start of the server and not the first request that needs one of them.
func (s *Service) openSecrets(ctx context.Context) error {
	stored, err := s.store.sealedSecrets(ctx)
	if err != nil {
		return err
	}
	for _, each := range stored {
		if _, err := s.openSecret(each); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) openSecret(stored sealedSecret) (secret.Redacted, error) {
	opened, err := s.sealer.Open(placeOfSecret(stored.name), stored.value)
	if err != nil {
		return secret.Redacted{}, fmt.Errorf("open a sealed secret: %w", unfit(err))
	}
	if len(opened) == 0 {
		return secret.Redacted{}, fmt.Errorf("the sealed secret %q is empty", stored.name)
	}
	s.known.Lock()
	defer s.known.Unlock()
	s.secrets[stored.name] = secret.FromString(string(opened))
	return s.secrets[stored.name], nil
}

func (s *Service) knownSecret(name string) (secret.Redacted, bool) {
	s.known.Lock()
	defer s.known.Unlock()
	found, known := s.secrets[name]
	return found, known
}

func placeOfSecret(name string) secret.Place {
	return secret.Place{Table: "sealed_secrets", Column: "value", Row: name}
}
