package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// Recovery is a link with which an operator regains access.
type Recovery struct {
	// URL is valid once, until Expires; an earlier one has ended.
	URL     secret.Redacted
	Expires time.Time
	// Username is the account whose password can be chosen there; "" for a page that creates a new administrator.
	Username string
}

// EndLinks ends the set-up link and the recovery link, in the transaction of ctx if there is one, and returns how many there were.
func (s *Service) EndLinks(ctx context.Context) (int64, error) {
	count, err := s.store.endAllTokens(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("end the links of set-up and recovery: %w", err)
	}
	return count, nil
}

// The reasons of events of the action [audit.Recover].
const (
	reasonLinkMade      = "link_made"
	reasonAdministrator = "administrator_created"
	reasonPassword      = "password_chosen"
	reasonChanged       = "account_changed"
)

// Recover creates a one-time URL for the operator of this server's machine: to create another
// administrator, or to let the administrator with that
// username choose a new password and be enabled again. Faults: NotFound for an unknown username,
// and Conflict for a user who is no administrator: Recover makes no existing user one.
func (s *Service) Recover(ctx context.Context, username string) (Recovery, error) {
	var whose *user.User
	if username != "" {
		u, err := s.users.FindByIdentifier(ctx, username)
		if fault.KindOf(err) == fault.NotFound {
			return Recovery{}, fault.New(fault.NotFound, "setup.user_unknown").Because(fmt.Errorf("there is no account %q", username))
		}
		if err != nil {
			return Recovery{}, err
		}
		if !u.Administrator {
			return Recovery{}, fault.New(fault.Conflict, "setup.not_administrator").Because(fmt.Errorf("the account %q is no administrator", u.Username))
		}
		whose = &u
	}
	token, now := secret.New(), s.clock.Now()
	recovery := Recovery{URL: s.linkURL(token), Expires: now.Add(TokenLifetime)}
	stored := storedToken{kind: kindRecovery}
	target := audit.Target{Kind: "server"}
	if whose != nil {
		recovery.Username, stored.userID = whose.Username, &whose.ID
		target = audit.Target{Kind: "user", ID: whose.Subject(), Name: whose.Username}
	}
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.store.replaceToken(ctx, stored, secret.Hash(token), now, recovery.Expires); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Event{
			Action: audit.Recover, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.Operator}, Target: target,
			Details: audit.Details{Reason: reasonLinkMade},
		})
	})
	if err != nil {
		return Recovery{}, fmt.Errorf("make a recovery URL: %w", err)
	}
	return recovery, nil
}

// ChoosePassword consumes the link of an administrator who has lost the password: it sets
// the new password, enables the account, and ends everything that it had. The error is a fault as that
// of [Service.CreateAdministrator].
func (s *Service) ChoosePassword(ctx context.Context, token, password secret.Redacted) (user.User, error) {
	opened, err := s.Open(ctx, token)
	if err != nil {
		return user.User{}, err
	}
	if opened.User == nil {
		return user.User{}, errLink
	}
	if password.IsZero() {
		return user.User{}, fault.New(fault.Invalid, "user.invalid").WithField("password", "password.required")
	}
	prepared, err := s.users.PreparePassword(ctx, *opened.User, password)
	if err != nil {
		return user.User{}, err
	}
	var after user.User
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		// This locks the account as it was when the link was opened, so the checks after it stay true.
		if err := s.users.ReplacePassword(ctx, prepared); err != nil {
			return err
		}
		used, err := s.store.useToken(ctx, secret.Hash(token), s.clock.Now())
		if err != nil {
			return unlessUnknown(err)
		}
		if used.userID == nil || *used.userID != opened.User.ID {
			return errLink
		}
		if err := s.users.Enable(ctx, *used.userID); err != nil {
			return err
		}
		if after, err = s.users.Find(ctx, *used.userID); err != nil {
			return err
		}
		if !after.Administrator {
			return errLink
		}
		return s.recordRecovery(ctx, reasonPassword, after)
	})
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Conflict {
		return user.User{}, s.recordStale(ctx, token, *opened.User, err)
	}
	if err != nil {
		return user.User{}, fmt.Errorf("recover an administrator: %w", err)
	}
	return after, nil
}

// logWithin bounds the time to write an event.
const logWithin = 10 * time.Second

// recordStale logs a link that was used, or whose account changed, while the password was
// hashed. It returns the refusal, or the error of logging it: that the link is not valid,
// or that the account has changed, after which the link can be used again.
func (s *Service) recordStale(ctx context.Context, token secret.Redacted, whose user.User, refusal error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWithin)
	defer cancel()
	if err := s.audit.Record(ctx, audit.Event{
		Action: audit.Recover, Outcome: audit.Failure, Target: audit.Target{Kind: "user", ID: whose.Subject(), Name: whose.Username},
		Details: audit.Details{Reason: reasonChanged},
	}); err != nil {
		return err
	}
	if fault.KindOf(refusal) == fault.NotFound {
		return errLink // the account was deleted, or the link is used
	}
	if _, err := s.Open(ctx, token); err != nil {
		return err
	}
	return refusal
}

func (s *Service) recordRecovery(ctx context.Context, reason string, whose user.User) error {
	return s.audit.Record(ctx, audit.Event{
		Action: audit.Recover, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.Operator},
		Target:  audit.Target{Kind: "user", ID: whose.Subject(), Name: whose.Username},
		Details: audit.Details{Reason: reason},
	})
}

// Link is the purpose of a valid token.
type Link struct {
	// IsFirst is set for the set-up link, which creates the first administrator.
	IsFirst bool
	// User is the administrator who chooses a new password; nil to create one.
	User *user.User
}

// Open returns the purpose of a token. The error is a fault of kind NotFound if
// it is not valid.
func (s *Service) Open(ctx context.Context, token secret.Redacted) (Link, error) {
	if token.IsZero() {
		return Link{}, errLink
	}
	stored, err := s.store.liveToken(ctx, secret.Hash(token), s.clock.Now())
	if err != nil {
		return Link{}, unlessUnknown(err)
	}
	return s.linkOf(ctx, stored)
}

// linkOf checks a token against the present administrators and users.
func (s *Service) linkOf(ctx context.Context, stored storedToken) (Link, error) {
	switch {
	case stored.kind != kindRecovery:
		exists, err := s.users.AdministratorExists(ctx)
		if err == nil && exists {
			err = errLink
		}
		return Link{IsFirst: true}, err
	case stored.userID == nil:
		return Link{}, nil
	}
	u, err := s.users.Find(ctx, *stored.userID)
	if fault.KindOf(err) == fault.NotFound || err == nil && !u.Administrator {
		return Link{}, errLink
	}
	return Link{User: &u}, err
}

// unlessUnknown turns a missing token into the common error for invalid links.
func unlessUnknown(err error) error {
	if errors.Is(err, errNoToken) {
		return errLink
	}
	return fmt.Errorf("look for a set-up token: %w", err)
}

// storedToken is the row of a token.
type storedToken struct {
	kind   string
	userID *uuid.UUID
}
