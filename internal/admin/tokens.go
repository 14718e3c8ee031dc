package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/page"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// IssuedTokens keeps what was issued. Its changes join a transaction of the context.
type IssuedTokens interface {
	ListIssued(ctx context.Context, query token.IssuedQuery) (page.Of[token.Issued], error)
	FindIssued(ctx context.Context, which uuid.UUID) (token.Issued, error)
	EndIssued(ctx context.Context, which token.Issued) (bool, error)
	EndSomeOfUser(ctx context.Context, userID, after uuid.UUID) (page.Batch, error)
	EndSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error)
	EndSomeOwn(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error)
}

// tokens is the administration of what was issued.
type tokens struct {
	issued  IssuedTokens
	users   Users
	clients ClientRecords
	log     Recorder
	store   store
	clock   clock.Clock
}

// Token is what was issued as administrators see it. It has neither a token nor the hash of one.
type Token struct {
	ID        string         `json:"id" doc:"Of an access token, the jti of its JWT."`
	Kind      token.Kind     `json:"kind" doc:"family (all refresh and access tokens of one authorization of a user) or access_token."`
	Active    bool           `json:"active" doc:"Whether it counts now: not expired, not revoked, and nothing above it ended."`
	ClientID  string         `json:"client_id"`
	UserID    string         `json:"user_id,omitempty" doc:"Left out for what a client got on its own behalf."`
	Username  string         `json:"username,omitempty"`
	FamilyID  string         `json:"family_id,omitempty" doc:"Of an access token on behalf of a user."`
	GrantID   string         `json:"grant_id,omitempty" doc:"Of a family: what the user allowed the client."`
	SessionID string         `json:"session_id,omitempty" doc:"Of a family: where the user had signed in."`
	Offline   *bool          `json:"offline_access,omitempty" doc:"Of a family: whether it outlives its session."`
	Refreshed *bool          `json:"refreshed,omitempty" doc:"Of an access token: whether it was issued for a refresh token."`
	Scopes    oauth.ScopeSet `json:"scopes"`
	Audience  []string       `json:"audience" doc:"Whom an access token is for, or the resources of a family."`
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt time.Time      `json:"expires_at"`
	RevokedAt *time.Time     `json:"revoked_at,omitempty"`
	Reason    token.Reason   `json:"revocation_reason,omitempty"`
}

func (t *tokens) view(i token.Issued) Token {
	view := Token{
		ID: i.ID.String(), Kind: i.Kind, Active: i.IsActive(t.clock.Now()), ClientID: i.ClientID, UserID: identifier(i.UserID), Username: i.Username,
		FamilyID: identifier(i.FamilyID), GrantID: identifier(i.GrantID), SessionID: identifier(i.SessionID), Scopes: listed(i.Scopes), Audience: listed(i.Audience),
		CreatedAt: i.CreatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(), RevokedAt: inUTC(i.RevokedAt), Reason: i.Reason,
	}
	if i.Kind == token.KindFamily {
		view.Offline = &i.Offline
	} else {
		view.Refreshed = &i.Refreshed
	}
	return view
}

func identifier(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

// list returns a page; a client that is not there has nothing.
func (t *tokens) list(ctx context.Context, query token.IssuedQuery, clientID string) (page.Of[token.Issued], error) {
	if clientID != "" {
		known, err := t.clients.Find(ctx, clientID)
		if fault.KindOf(err) == fault.NotFound {
			return page.Of[token.Issued]{}, nil
		}
		if err != nil {
			return page.Of[token.Issued]{}, err
		}
		query.Client = known.ID
	}
	return t.issued.ListIssued(ctx, query)
}

// end ends a family with all its tokens, or one access token. What has been revoked stays as it is.
func (t *tokens) end(ctx context.Context, who Principal, which uuid.UUID) error {
	return t.store.inTransaction(ctx, func(ctx context.Context) error {
		before, err := t.issued.FindIssued(ctx, which)
		if err != nil {
			return err
		}
		first, err := t.issued.EndIssued(ctx, before)
		if err != nil || !first {
			return err
		}
		after, err := t.issued.FindIssued(ctx, which)
		if err != nil {
			return err
		}
		target := audit.Target{Kind: "access_token", ID: which.String()}
		if before.Kind == token.KindFamily {
			target.Kind = "token_family"
		}
		return t.log.Record(ctx, audit.Event{
			Action: audit.TokenRevoke, Actor: who.actor(), ClientID: who.ClientID, Target: target,
			Details: audit.Details{Subject: identifier(before.UserID), Changes: audit.Compare(asJSON(t.view(before)), asJSON(t.view(after)))},
		})
	})
}

// endAllOfUser ends what was issued on behalf of a user, also codes, and returns how many families there were.
func (t *tokens) endAllOfUser(ctx context.Context, who Principal, userID uuid.UUID) (int, error) {
	person, err := t.users.Find(ctx, userID)
	if err != nil {
		return 0, err
	}
	target := audit.Target{Kind: "user", ID: person.Subject(), Name: person.Username}
	return endAll(ctx, t.store, t.recorded(who, target, "families", func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		return t.issued.EndSomeOfUser(ctx, userID, after)
	}))
}

// endAllOfClient ends what was issued to a client: on behalf of users and on its own.
func (t *tokens) endAllOfClient(ctx context.Context, who Principal, clientID string) (int, error) {
	known, err := t.clients.Find(ctx, clientID)
	if err != nil {
		return 0, err
	}
	target := audit.Target{Kind: "client", ID: known.ClientID, Name: known.Name}
	families, err := endAll(ctx, t.store, t.recorded(who, target, "families", func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		return t.issued.EndSomeOfClient(ctx, known.ID, after)
	}))
	if err != nil {
		return families, err
	}
	own, err := endAll(ctx, t.store, t.recorded(who, target, "access_tokens", func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		return t.issued.EndSomeOwn(ctx, known.ID, after)
	}))
	return families + own, err
}

func (t *tokens) recorded(who Principal, target audit.Target, what string, end ending) ending {
	return recorded(t.log, who, audit.Event{Action: audit.TokenRevoke, Target: target}, what, end)
}
