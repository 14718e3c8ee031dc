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

// limited is the refusal of an attempt over a limit. Its kind is [fault.Limited].
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

// refusalOf returns a function that turns the decision under a limit into an error.
func refusalOf(limit string) func(ratelimit.Decision, error) error {
	return func(decision ratelimit.Decision, err error) error {
		if err != nil {
			return err // the state is unknown, so refuse
		}
		if !decision.Allowed {
			return &limited{limit, decision.RetryAfter}
		}
		return nil
	}
}

// reserveForUser reserves an attempt of the account, whichever of its names was typed, and returns
// the subject that was counted. For a name without an account it does the same work. The refusal is
// errUserLimited, after the work of checking a password.
func (s *Service) reserveForUser(ctx context.Context, attempt Attempt, account string) (string, error) {
	holder, err := s.deps.Users.FindByIdentifier(ctx, attempt.Identifier)
	subject := userSubject(holder)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		subject = "\x00" + account // which no user's identifier equals
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
	if err := s.deps.Users.VerifyAbsent(ctx, attempt.Password); err != nil {
		return "", err
	}
	if err := s.throttled(ctx, attempt, LimitUser, errLimited); err != nil && fault.KindOf(err) != fault.Limited {
		return "", err
	}
	return "", s.failed(ctx, attempt, errUserLimited)
}

// throttled logs that there were too many attempts for an account: rarely, with the account if there
// is one, and with the same work if there is none. The typed name is not logged, because users type passwords into the
// wrong field. It returns the refusal, or the error of logging it.
func (s *Service) throttled(ctx context.Context, attempt Attempt, limit string, refusal error) error {
	if fault.KindOf(refusal) != fault.Limited {
		return refusal
	}
	_, err := s.deps.Audit.RecordRefusal(ctx, audit.Refusal{
		Subject: accountSubject(attempt.Identifier), Event: audit.Event{Action: audit.SessionThrottle, Details: audit.Details{Reason: limit}},
		Fill: func(ctx context.Context, event *audit.Event) error {
			u, err := s.deps.Users.FindByIdentifier(ctx, attempt.Identifier)
			if err == nil {
				event.Target = audit.Target{Kind: "user", ID: u.ID.String(), Name: u.Username}
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

// giveBack resets the attempts under the typed name, and those of the account.
// Those under the account's other names stay, so that watching them doesn't reveal a sign-in.
func (s *Service) giveBack(ctx context.Context, account, holder string) error {
	if err := s.deps.Throttle.Reset(ctx, LimitAccount, account); err != nil {
		return err
	}
	return s.deps.Throttle.Reset(ctx, LimitUser, holder)
}

// Unlock resets the attempts for an account, under all of its names.
func (s *Service) Unlock(ctx context.Context, u user.User) error {
	for _, identifier := range []string{u.Username, u.Email} {
		if identifier == "" {
			continue
		}
		if err := s.deps.Throttle.Reset(ctx, LimitAccount, accountSubject(identifier)); err != nil {
			return err
		}
	}
	return s.deps.Throttle.Reset(ctx, LimitUser, userSubject(u))
}

// maxSubjectBytes bounds the counted part of an identifier that no user can have.
const maxSubjectBytes = 256

// accountSubject returns the subject under which the attempts for a name are counted.
func accountSubject(identifier string) string {
	folded, err := user.FoldIdentifier(identifier)
	if err != nil {
		// No user can have it. It is counted all the same, because checking a guess costs work.
		return "\x00" + strings.ToLower(identifier[:min(len(identifier), maxSubjectBytes)])
	}
	return folded
}

// userSubject returns the subject under which the attempts for an account are counted.
func userSubject(u user.User) string { return u.ID.String() }

var _ Throttle = (*ratelimit.Limiter)(nil)
