package bootstrap

import (
	"context"
	"fmt"
	"strings"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// TokenLifetime is how long a set-up URL is valid.
const TokenLifetime = time.Hour

const setupPath = "/setup"

// errLink is the common error for a token that is unknown, used, expired or
// obsolete because an administrator exists.
var errLink = fault.New(fault.NotFound, "setup.link_invalid")

// Prepare creates what every server needs before its first request: the scope
// catalogue, the signing keys, then its built-in clients. It is idempotent.
func (s *Service) Prepare(ctx context.Context) error {
	if err := s.scopes.Seed(ctx); err != nil {
		return err
	}
	if err := s.keys.Bootstrap(ctx); err != nil {
		return fmt.Errorf("prepare the signing keys: %w", err)
	}
	return s.prepareClients(ctx)
}

// SetupURL creates a new set-up token and returns the URL of its page,
// valid once and for [TokenLifetime]; earlier ones end. Once an administrator exists,
// there are none any more, and it returns the empty secret.
func (s *Service) SetupURL(ctx context.Context) (secret.Redacted, error) {
	exists, err := s.users.AdministratorExists(ctx)
	if err != nil || exists {
		return secret.Redacted{}, err
	}
	token, now := secret.New(), s.clock.Now()
	if err := s.store.replaceToken(ctx, storedToken{kind: kindSetup}, secret.Hash(token), now, now.Add(TokenLifetime)); err != nil {
		return secret.Redacted{}, fmt.Errorf("store a set-up token: %w", err)
	}
	return s.linkURL(token), nil
}

func (s *Service) linkURL(token secret.Redacted) secret.Redacted {
	return secret.FromString(s.issuer + setupPath + "/" + token.Reveal())
}

// Administrator is the input for a new administrator.
type Administrator struct {
	Username string
	Email    string
	Password secret.Redacted
}

// CreateAdministrator consumes a token and creates an administrator: the first one, or with
// a recovery token another one. The error is a fault: NotFound if the token is not valid;
// Invalid or Conflict, naming the fields, after which the token can be used again; Unavailable if
// the password pool is full.
func (s *Service) CreateAdministrator(ctx context.Context, token secret.Redacted, administrator Administrator) (user.User, error) {
	// First, so that only holders of a token can cause the work of hashing.
	opened, err := s.Open(ctx, token)
	if err != nil {
		return user.User{}, err
	}
	if opened.User != nil {
		return user.User{}, errLink
	}
	if err := administrator.complete(); err != nil {
		return user.User{}, err
	}
	prepared, err := s.users.Prepare(ctx, administrator.registration())
	if err != nil {
		return user.User{}, err
	}
	var u user.User
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		// This locks the row of the token, so the next check is made
		// by one transaction at a time, and sees the result of the previous one.
		used, err := s.store.useToken(ctx, secret.Hash(token), s.clock.Now())
		if err != nil {
			return unlessUnknown(err)
		}
		link, err := s.linkOf(ctx, used)
		if err != nil {
			return err
		}
		if u, err = s.users.Insert(ctx, prepared); err != nil {
			return err
		}
		if !link.IsFirst {
			return s.recordRecovery(ctx, reasonAdministrator, u)
		}
		return s.audit.Record(ctx, audit.Event{
			Action: audit.SetUp, Actor: audit.Actor{Kind: audit.User, ID: u.ID.String(), Name: u.Username},
			Target: audit.Target{Kind: "user", ID: u.ID.String(), Name: u.Username},
		})
	})
	if err != nil {
		return user.User{}, fmt.Errorf("create an administrator: %w", err)
	}
	return u, nil
}

func (a Administrator) registration() user.New {
	return user.New{Username: a.Username, Email: a.Email, Password: a.Password, Administrator: true}
}

// complete returns a refusal that names the fields that this form requires, though users in
// general don't.
func (a Administrator) complete() error {
	refusal := fault.New(fault.Invalid, "user.invalid")
	if strings.TrimSpace(a.Email) == "" {
		refusal = refusal.WithField("email", "user.email_invalid")
	}
	if a.Password.IsZero() {
		refusal = refusal.WithField("password", "password.required")
	}
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// Sweep deletes expired tokens.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.store.sweep(ctx, s.clock.Now()); err != nil {
		return fmt.Errorf("sweep set-up tokens: %w", err)
	}
	return nil
}
