package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/zalando/go-keyring"

	"authly/internal/platform/secret"
)

// ErrNoCredentials is returned for a profile without tokens.
var ErrNoCredentials = errors.New("not signed in")

// Credentials are the tokens of a profile.
type Credentials struct {
	Access, Refresh secret.Redacted
	ExpiresAt       time.Time
	Scope           string
}

// written is the form in which credentials are kept: the one place where they leave
// what hides them.
type written struct {
	Access    string    `json:"access_token"`
	Refresh   string    `json:"refresh_token,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	Scope     string    `json:"scope"`
}

func (c Credentials) encode() ([]byte, error) {
	text, err := json.Marshal(written{c.Access.Reveal(), c.Refresh.Reveal(), c.ExpiresAt.UTC(), c.Scope}) //nolint:gosec // this is where they are kept
	if err != nil {
		return nil, fmt.Errorf("write the credentials: %w", err)
	}
	return text, nil
}

func decode(text []byte) (Credentials, error) {
	var read written
	if err := json.Unmarshal(text, &read); err != nil {
		return Credentials{}, errors.New("the credentials that are kept can't be read") // the cause could quote them
	}
	return Credentials{secret.FromString(read.Access), secret.FromString(read.Refresh), read.ExpiresAt, read.Scope}, nil
}

// Credentials returns the tokens of a profile. The error wraps [ErrNoCredentials] if it has none.
func (b *Book) Credentials(ctx context.Context, profile Profile) (Credentials, error) {
	var (
		text []byte
		err  error
	)
	if profile.Place == Keyring {
		text, err = fromKeyring(ctx, profile)
	} else {
		text, err = readOwn(b.credentialsPath(profile))
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, keyring.ErrNotFound) {
		return Credentials{}, ErrNoCredentials
	}
	if err != nil {
		return Credentials{}, err
	}
	return decode(text)
}

// Keep stores the tokens of a profile where the profile says.
func (b *Book) Keep(ctx context.Context, profile Profile, credentials Credentials) error {
	text, err := credentials.encode()
	if err != nil {
		return err
	}
	if profile.Place == Keyring {
		return intoKeyring(ctx, profile, string(text))
	}
	if err := b.prepare(); err != nil {
		return err
	}
	return writeOwn(b.credentialsPath(profile), append(text, '\n'))
}

// Forget removes the tokens of a profile, if it has any.
func (b *Book) Forget(ctx context.Context, profile Profile) error {
	if profile.Place == Keyring {
		return outOfKeyring(ctx, profile)
	}
	if err := os.Remove(b.credentialsPath(profile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the credentials: %w", err)
	}
	return nil
}

func (b *Book) credentialsPath(profile Profile) string {
	return b.path("credentials-" + profile.Name + ".json")
}
