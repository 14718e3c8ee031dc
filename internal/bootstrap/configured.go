package bootstrap

import (
	"context"
	"fmt"

	"authly/internal/audit"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// EnsureAdministrator creates the administrator that the configuration names, unless there
// is one: then it does nothing, whoever that is, and returns the zero User. Of several nodes that
// start at once, one creates it. An account that has the username or the e-mail address is not made
// an administrator: that is a fault of kind Conflict, and wrong fields are one of kind Invalid.
func (s *Service) EnsureAdministrator(ctx context.Context, wanted Administrator) (user.User, error) {
	exists, err := s.users.AdministratorExists(ctx)
	if err != nil || exists {
		return user.User{}, err
	}
	if err := wanted.complete(); err != nil {
		return user.User{}, err
	}
	prepared, err := s.users.Prepare(ctx, wanted.registration())
	if err != nil {
		return user.User{}, err
	}
	var made user.User
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		made = user.User{}
		// Everybody who would create the first administrator comes by this row, one after
		// another. A set-up URL that somebody was given before has ended with this.
		now := s.clock.Now()
		if err := s.store.replaceToken(ctx, storedToken{kind: kindSetup}, secret.Hash(secret.New()), now, now); err != nil {
			return err
		}
		exists, err := s.users.AdministratorExists(ctx)
		if err != nil || exists {
			return err
		}
		if made, err = s.users.Insert(ctx, prepared); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Event{
			Action: audit.SetUp, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.Operator},
			Target: audit.Target{Kind: "user", ID: made.ID.String(), Name: made.Username},
		})
	})
	if err != nil {
		return user.User{}, fmt.Errorf("create the configured administrator: %w", err)
	}
	return made, nil
}
