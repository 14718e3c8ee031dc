package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/page"
	"authly/internal/session"
)

// SessionRecords keeps sessions. Its changes join a transaction of the context.
type SessionRecords interface {
	SessionCount
	List(ctx context.Context, query session.Query) (page.Of[session.Known], error)
	Find(ctx context.Context, sessionID uuid.UUID) (session.Known, error)
	End(ctx context.Context, sessionID uuid.UUID) (bool, error)
	EndSomeOf(ctx context.Context, userID, after uuid.UUID) (page.Batch, error)
	EndSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error)
}

// LogoutNotices is told that sessions have ended whose clients have to learn of it.
type LogoutNotices interface{ Wake() }

// sessions is the administration of sessions.
type sessions struct {
	records SessionRecords
	users   Users
	clients ClientRecords
	notices LogoutNotices
	log     Recorder
	store   store
	clock   clock.Clock
}

// Session is a session as administrators see it.
type Session struct {
	ID              string        `json:"id" doc:"The sid of ID tokens and logout tokens; each client with pairwise subjects has another one."`
	UserID          string        `json:"user_id"`
	Username        string        `json:"username"`
	State           session.State `json:"state" doc:"active, expired (its time ran out) or ended (somebody ended it)."`
	Methods         []string      `json:"authentication_methods" doc:"How the person was recognized (RFC 8176)."`
	AuthenticatedAt time.Time     `json:"authenticated_at" doc:"The last time."`
	CreatedAt       time.Time     `json:"created_at"`
	LastSeenAt      time.Time     `json:"last_seen_at" doc:"To the minute."`
	IdleExpiresAt   time.Time     `json:"idle_expires_at" doc:"When it expires unless it is used."`
	ExpiresAt       time.Time     `json:"expires_at"`
	EndedAt         *time.Time    `json:"ended_at,omitempty"`
	UserAgent       string        `json:"user_agent" doc:"As the browser called itself at the sign-in."`
	Address         string        `json:"address" doc:"Where the sign-in came from."`
	Clients         []string      `json:"clients,omitempty" doc:"The client_ids of those that got a code in it, a hundred at most. Left out in lists."`
}

func (s *sessions) view(k session.Known) Session {
	return Session{
		ID: k.ID.String(), UserID: k.UserID.String(), Username: k.Username, State: k.State(s.clock.Now()), Methods: listed(k.Methods),
		AuthenticatedAt: k.AuthenticatedAt.UTC(), CreatedAt: k.CreatedAt.UTC(), LastSeenAt: k.LastSeenAt.UTC(),
		IdleExpiresAt: k.IdleExpiresAt.UTC(), ExpiresAt: k.ExpiresAt.UTC(), EndedAt: inUTC(k.EndedAt),
		UserAgent: k.UserAgent, Address: k.Address, Clients: k.Clients,
	}
}

// list lists sessions, those in which a client has got a code if it is named.
func (s *sessions) list(ctx context.Context, query session.Query, clientID string) (page.Of[session.Known], error) {
	if clientID != "" {
		known, err := s.clients.Find(ctx, clientID)
		if fault.KindOf(err) == fault.NotFound {
			return page.Of[session.Known]{}, nil
		}
		if err != nil {
			return page.Of[session.Known]{}, err
		}
		query.Client = known.ID
	}
	return s.records.List(ctx, query)
}

// end does to a session what signing out does. One that has ended stays as it is.
func (s *sessions) end(ctx context.Context, who Principal, sessionID uuid.UUID) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		before, err := s.records.Find(ctx, sessionID)
		if err != nil {
			return err
		}
		first, err := s.records.End(ctx, sessionID)
		if err != nil || !first {
			return err
		}
		after, err := s.records.Find(ctx, sessionID)
		if err != nil {
			return err
		}
		return s.log.Record(ctx, audit.Event{
			Action: audit.SessionEnd, Actor: who.actor(), ClientID: who.ClientID, Target: audit.Target{Kind: "session", ID: sessionID.String()},
			Details: audit.Details{Subject: before.UserID.String(), Changes: audit.Compare(asJSON(s.view(before)), asJSON(s.view(after)))},
		})
	})
	if err == nil {
		s.notices.Wake()
	}
	return err
}

// endAllOfUser ends the sessions of a user and returns how many.
func (s *sessions) endAllOfUser(ctx context.Context, who Principal, userID uuid.UUID) (int, error) {
	person, err := s.users.Find(ctx, userID)
	if err != nil {
		return 0, err
	}
	defer s.notices.Wake() // also for those before a failure
	target := audit.Target{Kind: "user", ID: person.Subject(), Name: person.Username}
	return endAll(ctx, s.store, s.recorded(who, target, func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		return s.records.EndSomeOf(ctx, userID, after)
	}))
}

// endAllOfClient ends the sessions in which a client has got a code, and returns how many.
func (s *sessions) endAllOfClient(ctx context.Context, who Principal, clientID string) (int, error) {
	known, err := s.clients.Find(ctx, clientID)
	if err != nil {
		return 0, err
	}
	defer s.notices.Wake()
	target := audit.Target{Kind: "client", ID: known.ClientID, Name: known.Name}
	return endAll(ctx, s.store, s.recorded(who, target, func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		return s.records.EndSomeOfClient(ctx, known.ID, after)
	}))
}

func (s *sessions) recorded(who Principal, target audit.Target, end ending) ending {
	return recorded(s.log, who, audit.Event{Action: audit.SessionEnd, Target: target}, "active_sessions", end)
}
