package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/policy"
)

// bumpInterval is how often the use of a session is recorded, at most.
const bumpInterval = time.Minute

// sweepDelay keeps a session a little longer than its lifetime, for codes that were
// issued at its end.
const sweepDelay = time.Hour

// Start signs a user in, in the transaction of ctx if there is one, and returns the session with its new token. A live
// session of the same user in the browser continues under the new token; one
// of another user is ended. If the user then has too many sessions, the oldest end. The error is that of the person's
// Admit if the proof no longer counts.
func (s *Service) Start(ctx context.Context, begun New) (Session, secret.Redacted, error) {
	now, token := s.clock.Now(), secret.New()
	fresh := Session{
		ID: id.New(), Methods: begun.Methods, AuthenticatedAt: now, CreatedAt: now, LastSeenAt: now,
	}
	fresh.IdleExpiresAt, fresh.ExpiresAt = s.lifetime.Start(now)
	browser := browser{printable(begun.UserAgent, maxUserAgentBytes), printable(begun.Address, maxAddressBytes)}
	var started Session
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		userID, err := begun.Person.Admit(ctx) // first, because it locks the user
		if err != nil {
			return err
		}
		fresh.UserID = userID
		started = fresh
		if begun.Replaces.IsZero() {
			return s.add(ctx, started, secret.Hash(token), browser)
		}
		replaced := secret.Hash(begun.Replaces)
		renewed, err := s.store.renew(ctx, replaced, fresh, secret.Hash(token), browser)
		if err == nil {
			started = renewed
			return nil
		}
		if !errors.Is(err, errNoRecord) {
			return err
		}
		endedSessions, err := s.store.endByToken(ctx, replaced, now)
		if err == nil {
			err = s.notify(ctx, endedSessions)
		}
		if err != nil {
			return err
		}
		return s.add(ctx, started, secret.Hash(token), browser)
	})
	if err != nil {
		return Session{}, secret.Redacted{}, fmt.Errorf("start a session: %w", err)
	}
	return started, token, nil
}

// add stores a new session and ends the oldest ones above the maximum. The user is locked, so that concurrent
// sign-ins count one another.
func (s *Service) add(ctx context.Context, session Session, token secret.Digest, from browser) error {
	if err := s.store.insert(ctx, session, token, from); err != nil || s.maximum == 0 {
		return err
	}
	endedSessions, err := s.store.endOldest(ctx, session.UserID, s.maximum, session.CreatedAt)
	if err != nil {
		return err
	}
	return s.notify(ctx, endedSessions)
}

// Current returns the session of a token, and whether there is a live one: not
// ended, not expired, and of a user who may sign in. Its use is recorded
// at most once a minute.
func (s *Service) Current(ctx context.Context, token secret.Redacted) (Session, bool, error) {
	if token.IsZero() {
		return Session{}, false, nil
	}
	now := s.clock.Now()
	session, err := s.store.live(ctx, secret.Hash(token), now)
	if errors.Is(err, errNoRecord) {
		return Session{}, false, nil
	}
	if err != nil {
		return Session{}, false, fmt.Errorf("find a session: %w", err)
	}
	if now.Sub(session.LastSeenAt) < bumpInterval {
		return session, true, nil
	}
	session.LastSeenAt, session.IdleExpiresAt = now, policy.RefreshExpiry(now, s.lifetime.Idle, session.ExpiresAt)
	if err := s.store.bump(ctx, session); err != nil {
		return Session{}, false, fmt.Errorf("note the use of a session: %w", err)
	}
	return session, true, nil
}

// Use records that sessions are used other than by a visit of their browser, in the transaction of ctx
// if there is one: it extends their idle expiry as a visit does, and never the absolute one. Sessions
// that have ended or expired stay so.
func (s *Service) Use(ctx context.Context, sessions []uuid.UUID) error {
	now := s.clock.Now()
	idle := s.lifetime.Idle
	if idle <= 0 { // only the absolute end counts, and that comes before this one
		idle = s.lifetime.Absolute
	}
	if err := s.store.use(ctx, sessions, now, now.Add(idle), now.Add(-bumpInterval)); err != nil {
		return fmt.Errorf("note the use of sessions: %w", err)
	}
	return nil
}

// End ends a session, in the transaction of ctx if there is one, and reports whether
// this call did. Ending a session that has ended, or never existed, is no error.
func (s *Service) End(ctx context.Context, sessionID uuid.UUID) (bool, error) {
	var endedSessions []ended
	err := s.store.inTransaction(ctx, func(ctx context.Context) (err error) {
		if endedSessions, err = s.store.end(ctx, sessionID, s.clock.Now()); err != nil {
			return err
		}
		return s.notify(ctx, endedSessions)
	})
	if err != nil {
		return false, fmt.Errorf("end a session: %w", err)
	}
	return len(endedSessions) > 0, nil
}

// EndAllOf ends all sessions of a user, in the transaction of ctx if there is one.
func (s *Service) EndAllOf(ctx context.Context, userID uuid.UUID) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		endedSessions, err := s.store.endAllOf(ctx, userID, s.clock.Now())
		if err != nil {
			return err
		}
		return s.notify(ctx, endedSessions)
	})
	if err != nil {
		return fmt.Errorf("end a user's sessions: %w", err)
	}
	return nil
}

// EndAll ends the sessions of all users, in the transaction of ctx if there is one, and returns how many. It is for
// a database restored from a backup. Clients aren't told, because the backup doesn't know all sessions.
func (s *Service) EndAll(ctx context.Context) (int64, error) {
	count, err := s.store.endAll(ctx, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("end all sessions: %w", err)
	}
	return count, nil
}

// CountOf returns how many sessions of a user are live.
func (s *Service) CountOf(ctx context.Context, userID uuid.UUID) (int64, error) {
	count, err := s.store.countOf(ctx, userID, s.clock.Now())
	if err != nil {
		return 0, fmt.Errorf("count a user's sessions: %w", err)
	}
	return count, nil
}

// notify passes the ended sessions of one user to Endings.
func (s *Service) notify(ctx context.Context, endedSessions []ended) error {
	if len(endedSessions) == 0 || s.endings == nil {
		return nil
	}
	sessions := make([]uuid.UUID, len(endedSessions))
	for i, one := range endedSessions {
		sessions[i] = one.id
	}
	return s.endings.SessionsEnded(ctx, endedSessions[0].userID, sessions)
}

// Sweep deletes sessions whose lifetime is over and that nothing refers to any more.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.store.sweep(ctx, s.clock.Now().Add(-sweepDelay)); err != nil {
		return fmt.Errorf("sweep sessions: %w", err)
	}
	return nil
}
