package authorize

import (
	"context"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// Deps is what the service needs.
type Deps struct {
	Database     *db.DB
	Clock        clock.Clock
	Issuer       string
	Clients      Clients
	Scopes       Scopes
	Grants       Grants
	Codes        Codes
	Interactions Interactions
	Subjects     Subjects
	Limits       Limits
	Keys         Keys
	ClientKeys   ClientKeys
	Audit        Auditor
	// Asker fetches request objects from registered addresses; nil if that is off.
	Asker Asker
}

// Auditor keeps the log of what happened. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
}

// Keys signs, and verifies what was signed here.
type Keys interface {
	Signer
	Verifier
}

// Service decides about authorization requests.
type Service struct {
	store        store
	clock        clock.Clock
	issuer       string
	clients      Clients
	scopes       scopePolicy
	grants       Grants
	codes        Codes
	interactions Interactions
	subjects     Subjects
	limits       Limits
	signer       Signer
	verifier     Verifier
	audit        Auditor
	objects      requestObjects
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, clients: deps.Clients,
		scopes: scopePolicy{deps.Scopes}, grants: deps.Grants, codes: deps.Codes, interactions: deps.Interactions,
		subjects: deps.Subjects, limits: deps.Limits, signer: deps.Keys, verifier: deps.Keys, audit: deps.Audit,
		objects: requestObjects{issuer: deps.Issuer, keys: deps.ClientKeys, asker: deps.Asker, clock: deps.Clock},
	}
}
