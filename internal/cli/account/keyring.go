package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

// service is what the entries in a keyring are called.
const service = "authly"

// ErrNoKeyring is wrapped where the operating system's keyring can't be used: there is
// none, as on most servers, or it stays locked.
var ErrNoKeyring = errors.New("there is no keyring that can be used")

// keyringPatience is how long a person has to unlock their keyring.
const keyringPatience = time.Minute

// entry names a profile's tokens in the keyring.
func entry(profile Profile) string { return profile.Name + " " + profile.Server }

func fromKeyring(ctx context.Context, profile Profile) ([]byte, error) {
	return inKeyring(ctx, func() (string, error) { return keyring.Get(service, entry(profile)) })
}

func intoKeyring(ctx context.Context, profile Profile, text string) error {
	_, err := inKeyring(ctx, func() (string, error) { return "", keyring.Set(service, entry(profile), text) })
	return err
}

func outOfKeyring(ctx context.Context, profile Profile) error {
	_, err := inKeyring(ctx, func() (string, error) { return "", keyring.Delete(service, entry(profile)) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

// inKeyring asks the keyring, which takes no context and may wait for a person.
func inKeyring(ctx context.Context, ask func() (string, error)) ([]byte, error) {
	type result struct {
		text string
		err  error
	}
	ctx, cancel := context.WithTimeout(ctx, keyringPatience)
	defer cancel()
	answered := make(chan result, 1)
	go func() {
		text, err := ask()
		answered <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrNoKeyring, context.Cause(ctx))
	case got := <-answered:
		if got.err != nil && !errors.Is(got.err, keyring.ErrNotFound) {
			return nil, fmt.Errorf("%w: %w", ErrNoKeyring, got.err)
		}
		return []byte(got.text), got.err
	}
}
