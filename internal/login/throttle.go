package login

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/ratelimit"
	"authly/internal/user"
)

// limited is the refusal of an attempt that came too soon. Its kind is [fault.Limited].
type limited struct {
	limit string
	wait  time.Duration
}

var errLimited = fault.New(fault.Limited, "login.limited")

func (l *limited) Error() string { return "too many attempts under the limit " + l.limit }

// Unwrap returns the refusal.
func (l *limited) Unwrap() error { return errLimited }

// RetryAfter returns how long to wait for the next attempt.
func (l *limited) RetryAfter() time.Duration { return l.wait }

// errUserLimited wraps the answer to a wrong password: the caller must not learn that other
// names of the same account have used up its attempts.
var errUserLimited = fmt.Errorf("too many attempts under the limit %s: %w", LimitUser, user.ErrWrongCredentials)

func (s *Service) reserve(ctx context.Context, limit, subject string) error {
	return refusalOf(limit)(s.deps.Throttle.Allow(ctx, limit, subject))
}

func (s *Service) reserveAddress(ctx context.Context, address netip.Addr) error {
	return refusalOf(LimitAddress)(s.deps.Throttle.AllowAddress(ctx, LimitAddress, address))
}

// refusalOf returns what makes an error of a decision under a limit.
func refusalOf(limit string) func(ratelimit.Decision, error) error {
	return func(decision ratelimit.Decision, err error) error {
		if err != nil {
			return err // nothing is known, so nothing is allowed
		}
		if !decision.Allowed {
			return &limited{limit, decision.RetryAfter}
		}
		return nil
	}
}

// reserveForUser takes an attempt of the account, whichever of its names was typed, and returns
// under what it was counted. For a name that nobody has it does the same work. The refusal is
// errUserLimited, after the work of checking a password.
func (s *Service) reserveForUser(ctx context.Context, attempt Attempt, account string) (string, error) {
	holder, err := s.deps.Users.FindByIdentifier(ctx, attempt.Identifier)
	subject := userSubject(holder)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		subject = "\x00" + account // which is no identifier of a user
	case err != nil:
		return "", err
	}
	decision, err := s.deps.Throttle.Allow(ctx, LimitUser, subject)
	if err != nil {
		return "", err
	}
	if decision.Allowed {
		return subject, nil
	}
	if err := s.deps.Users.CheckNobody(ctx, attempt.Password); err != nil {
		return "", err
	}
	if err := s.throttled(ctx, attempt, LimitUser, errLimited); err != nil && fault.KindOf(err) != fault.Limited {
		return "", err
	}
	return "", s.failed(ctx, attempt, errUserLimited)
}

// throttled logs that there were too many attempts for an account: once in a while, with the account if there
// is one, and the same work if there is none. What was typed is not in the log, as people type passwords into the
// wrong field. It returns the refusal, or why it could not be logged.
func (s *Service) throttled(ctx context.Context, attempt Attempt, limit string, refusal error) error {
	if fault.KindOf(refusal) != fault.Limited {
		return refusal
	}
	_, err := s.deps.Audit.RecordRefusal(ctx, audit.Refusal{
		Subject: accountSubject(attempt.Identifier), Event: audit.Event{Action: audit.SessionThrottle, Details: audit.Details{Reason: limit}},
		Fill: func(ctx context.Context, event *audit.Event) error {
			meant, err := s.deps.Users.FindByIdentifier(ctx, attempt.Identifier)
			if err == nil {
				event.Target = audit.Target{Kind: "user", ID: meant.ID.String(), Name: meant.Username}
			} else if fault.KindOf(err) != fault.NotFound {
				return err
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	return refusal
}

// giveBack forgets the attempts under the name that was typed, and those of the account.
// Those under the account's other names stay, so that nobody who watches them learns of it.
func (s *Service) giveBack(ctx context.Context, account, holder string) error {
	if err := s.deps.Throttle.Reset(ctx, LimitAccount, account); err != nil {
		return err
	}
	return s.deps.Throttle.Reset(ctx, LimitUser, holder)
}

// Unlock forgets the attempts that were made for an account, by any of its names.
func (s *Service) Unlock(ctx context.Context, known user.User) error {
	for _, identifier := range []string{known.Username, known.Email} {
		if identifier == "" {
			continue
		}
		if err := s.deps.Throttle.Reset(ctx, LimitAccount, accountSubject(identifier)); err != nil {
			return err
		}
	}
	return s.deps.Throttle.Reset(ctx, LimitUser, userSubject(known))
}

// maxSubjectBytes bounds what is counted of an identifier that nobody can have.
const maxSubjectBytes = 256

// accountSubject returns under what the attempts for a name are counted.
func accountSubject(identifier string) string {
	folded, err := user.FoldIdentifier(identifier)
	if err != nil {
		// Nobody has it. It is counted all the same: guessing costs work.
		return "\x00" + strings.ToLower(identifier[:min(len(identifier), maxSubjectBytes)])
	}
	return folded
}

// userSubject returns under what the attempts for an account are counted.
func userSubject(known user.User) string { return known.ID.String() }

var _ Throttle = (*ratelimit.Limiter)(nil)
