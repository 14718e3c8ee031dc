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

// Recovery is a way back in for an operator.
type Recovery struct {
	// URL is where it begins, once, until Expires; one that was made before has ended.
	URL     secret.Redacted
	Expires time.Time
	// Username is whose password can be chosen there; "" for a page that creates a new administrator.
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

// Recover makes a one-time URL for whoever has this server's own machine: where a new
// administrator is created, although there is one, or where the administrator of that
// username chooses a new password and is enabled again. Faults: NotFound for a username that
// nobody has, and Conflict for one who is no administrator: this makes nobody one.
func (s *Service) Recover(ctx context.Context, username string) (Recovery, error) {
	var whose *user.User
	if username != "" {
		known, err := s.users.FindByIdentifier(ctx, username)
		if fault.KindOf(err) == fault.NotFound {
			return Recovery{}, fault.New(fault.NotFound, "setup.user_unknown").Because(fmt.Errorf("there is no account %q", username))
		}
		if err != nil {
			return Recovery{}, err
		}
		if !known.Administrator {
			return Recovery{}, fault.New(fault.Conflict, "setup.not_administrator").Because(fmt.Errorf("the account %q is no administrator", known.Username))
		}
		whose = &known
	}
	token, now := secret.New(), s.clock.Now()
	made := Recovery{URL: s.linkURL(token), Expires: now.Add(TokenLifetime)}
	stored := storedToken{kind: kindRecovery}
	target := audit.Target{Kind: "server"}
	if whose != nil {
		made.Username, stored.userID = whose.Username, &whose.ID
		target = audit.Target{Kind: "user", ID: whose.Subject(), Name: whose.Username}
	}
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.store.replaceToken(ctx, stored, secret.Hash(token), now, made.Expires); err != nil {
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
	return made, nil
}

// ChoosePassword uses up the link of an administrator who has lost the password: it gives
// the account the new one and enables it, and everything that it had ends. The error is a fault as that
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
		// This locks the account as it was when the link was opened; what is asked after it can't change any more.
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
		return user.User{}, s.overtaken(ctx, token, *opened.User, err)
	}
	if err != nil {
		return user.User{}, fmt.Errorf("recover an administrator: %w", err)
	}
	return after, nil
}

// logWithin bounds the writing of an event.
const logWithin = 10 * time.Second

// overtaken logs a link that was good when the password was typed, and was used or for another account
// when it was hashed. It returns the refusal, or why it could not be logged: the answer for a link that can't be
// used, or that the account has changed, in which case the link can be used again.
func (s *Service) overtaken(ctx context.Context, token secret.Redacted, whose user.User, refusal error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWithin)
	defer cancel()
	if err := s.audit.Record(ctx, audit.Event{
		Action: audit.Recover, Outcome: audit.Failure, Target: audit.Target{Kind: "user", ID: whose.Subject(), Name: whose.Username},
		Details: audit.Details{Reason: reasonChanged},
	}); err != nil {
		return err
	}
	if fault.KindOf(refusal) == fault.NotFound {
		return errLink // the account is gone, or the link is used
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

// Link is what a live token of a URL is for.
type Link struct {
	// IsFirst is set for the link of the set-up, which creates the first administrator.
	IsFirst bool
	// User is the administrator who chooses a new password; nil where one is created.
	User *user.User
}

// Open tells what a token is for at this moment, and is a fault of kind NotFound if
// it can't be used.
func (s *Service) Open(ctx context.Context, token secret.Redacted) (Link, error) {
	if token.IsZero() {
		return Link{}, errLink
	}
	found, err := s.store.liveToken(ctx, secret.Hash(token), s.clock.Now())
	if err != nil {
		return Link{}, unlessUnknown(err)
	}
	return s.linkOf(ctx, found)
}

// linkOf asks what the database says now of those whom a token is about.
func (s *Service) linkOf(ctx context.Context, found storedToken) (Link, error) {
	switch {
	case found.kind != kindRecovery:
		exists, err := s.users.AdministratorExists(ctx)
		if err == nil && exists {
			err = errLink
		}
		return Link{IsFirst: true}, err
	case found.userID == nil:
		return Link{}, nil
	}
	known, err := s.users.Find(ctx, *found.userID)
	if fault.KindOf(err) == fault.NotFound || err == nil && !known.Administrator {
		return Link{}, errLink
	}
	return Link{User: &known}, err
}

// unlessUnknown makes of a token that is not there the one answer for all such tokens.
func unlessUnknown(err error) error {
	if errors.Is(err, errNoToken) {
		return errLink
	}
	return fmt.Errorf("look for a set-up token: %w", err)
}

// storedToken is what a token's row says.
type storedToken struct {
	kind   string
	userID *uuid.UUID
}
