package bootstrap

import (
	"context"
	"fmt"

	"authly/internal/audit"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// EnsureAdministrator creates the administrator that the configuration names, unless there
// is any administrator: then it does nothing and returns the zero User. If several nodes
// start at once, one creates it. An existing account with the username or the e-mail address is not made
// an administrator: that is a fault of kind Conflict. Invalid fields are a fault of kind Invalid.
func (s *Service) EnsureAdministrator(ctx context.Context, administrator Administrator) (user.User, error) {
	exists, err := s.users.AdministratorExists(ctx)
	if err != nil || exists {
		return user.User{}, err
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
		u = user.User{}
		// All transactions that create the first administrator lock this row, one after
		// another. This also ends an earlier set-up URL.
		now := s.clock.Now()
		if err := s.store.replaceToken(ctx, storedToken{kind: kindSetup}, secret.Hash(secret.New()), now, now); err != nil {
			return err
		}
		exists, err := s.users.AdministratorExists(ctx)
		if err != nil || exists {
			return err
		}
		if u, err = s.users.Insert(ctx, prepared); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Event{
			Action: audit.SetUp, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.Operator},
			Target: audit.Target{Kind: "user", ID: u.ID.String(), Name: u.Username},
		})
	})
	if err != nil {
		return user.User{}, fmt.Errorf("create the configured administrator: %w", err)
	}
	return u, nil
}
