package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/consent"
	"authly/internal/platform/fault"
	"authly/internal/platform/page"
	"authly/internal/protocol/oauth"
)

// GrantRecords keeps what users allowed clients. Its changes join a transaction of the context.
type GrantRecords interface {
	List(ctx context.Context, query consent.Query) (page.Of[consent.Known], error)
	FindByID(ctx context.Context, id uuid.UUID) (consent.Known, error)
	Revoke(ctx context.Context, id uuid.UUID) (bool, error)
	RevokeSomeOf(ctx context.Context, userID, after uuid.UUID) (page.Batch, error)
	RevokeSomeOfClient(ctx context.Context, clientRecord, after uuid.UUID) (page.Batch, error)
}

// grants is the administration of what users allowed clients.
type grants struct {
	records GrantRecords
	users   Users
	clients ClientRecords
	log     Recorder
	store   store
}

// Grant is what a user allowed a client, as administrators see it.
type Grant struct {
	ID        string `json:"id"`
	Active    bool   `json:"active" doc:"Whether it was not revoked."`
	UserID    string `json:"user_id"`
	Username  string `json:"username"`
	ClientID  string `json:"client_id"`
	DecidedBy string `json:"decided_by" enum:"user,policy" doc:"Whether the user was asked, or the client's record says that nobody is."`
	// Permissions is what counts; Scopes and Resources are the names in it.
	Permissions []Permission   `json:"permissions" doc:"What the client may do: each scope at one resource."`
	Scopes      oauth.ScopeSet `json:"scopes" doc:"The names of the scopes, at whatever resource."`
	Resources   []string       `json:"resources" doc:"The resource indicators (RFC 8707), for whatever scopes."`
	Claims      []string       `json:"claims" doc:"The claims that were allowed by name."`
	CreatedAt   time.Time      `json:"created_at"`
	UpdatedAt   time.Time      `json:"updated_at"`
	RevokedAt   *time.Time     `json:"revoked_at,omitempty"`
}

// Permission is a scope at a resource.
type Permission struct {
	Resource string `json:"resource" doc:"The resource indicator (RFC 8707), empty for this server."`
	Scope    string `json:"scope" doc:"Empty for tokens for the resource without any scope of it."`
}

func grantView(k consent.Known) Grant {
	permissions := make([]Permission, len(k.Permissions))
	for i, one := range k.Permissions {
		permissions[i] = Permission(one)
	}
	return Grant{
		ID: k.ID.String(), Active: k.RevokedAt == nil, UserID: k.UserID.String(), Username: k.Username, ClientID: k.ClientID, DecidedBy: string(k.DecidedBy),
		Permissions: permissions, Scopes: listed(k.Permissions.Scopes()), Resources: listed(k.Permissions.Resources()), Claims: listed(k.Claims), CreatedAt: k.CreatedAt.UTC(), UpdatedAt: k.UpdatedAt.UTC(), RevokedAt: inUTC(k.RevokedAt),
	}
}

// list returns a page; a client that is not there was allowed nothing.
func (g *grants) list(ctx context.Context, query consent.Query, clientID string) (page.Of[consent.Known], error) {
	if clientID != "" {
		known, err := g.clients.Find(ctx, clientID)
		if fault.KindOf(err) == fault.NotFound {
			return page.Of[consent.Known]{}, nil
		}
		if err != nil {
			return page.Of[consent.Known]{}, err
		}
		query.Client = known.ID
	}
	return g.records.List(ctx, query)
}

// revoke ends a grant with everything that was issued from it. One that was revoked stays as it is.
func (g *grants) revoke(ctx context.Context, who Principal, which uuid.UUID) error {
	return g.store.inTransaction(ctx, func(ctx context.Context) error {
		first, err := g.records.Revoke(ctx, which)
		if err != nil || !first {
			return err
		}
		after, err := g.records.FindByID(ctx, which)
		if err != nil {
			return err
		}
		before := after // its row is locked: nobody else has changed it
		before.RevokedAt = nil
		changes := audit.Compare(asJSON(grantView(before)), asJSON(grantView(after)))
		return g.log.Record(ctx, audit.Event{
			Action: audit.ConsentRevoke, Actor: who.actor(), ClientID: who.ClientID, Target: audit.Target{Kind: "grant", ID: which.String()},
			Details: audit.Details{Subject: after.UserID.String(), Scopes: after.Permissions.Scopes(), Changes: changes, Note: "allowed to " + after.ClientID},
		})
	})
}

// revokeAllOfUser ends everything that a user allowed, and returns how many grants there were.
func (g *grants) revokeAllOfUser(ctx context.Context, who Principal, userID uuid.UUID) (int, error) {
	person, err := g.users.Find(ctx, userID)
	if err != nil {
		return 0, err
	}
	target := audit.Target{Kind: "user", ID: person.Subject(), Name: person.Username}
	return endAll(ctx, g.store, g.recorded(who, target, func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		return g.records.RevokeSomeOf(ctx, userID, after)
	}))
}

// revokeAllOfClient ends everything that a client was allowed, and returns how many grants there were.
func (g *grants) revokeAllOfClient(ctx context.Context, who Principal, clientID string) (int, error) {
	known, err := g.clients.Find(ctx, clientID)
	if err != nil {
		return 0, err
	}
	target := audit.Target{Kind: "client", ID: known.ClientID, Name: known.Name}
	return endAll(ctx, g.store, g.recorded(who, target, func(ctx context.Context, after uuid.UUID) (page.Batch, error) {
		return g.records.RevokeSomeOfClient(ctx, known.ID, after)
	}))
}

func (g *grants) recorded(who Principal, target audit.Target, end ending) ending {
	return recorded(g.log, who, audit.Event{Action: audit.ConsentRevoke, Target: target}, "grants", end)
}
