package authorize

import (
	"context"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// Deps is what the service needs.
type Deps struct {
	Audit        Auditor
	Database     *db.DB
	Clock        clock.Clock
	Issuer       string
	Clients      Clients
	Scopes       Scopes
	Grants       Grants
	Codes        Codes
	Interactions Interactions
	Subjects     Subjects
	Keys         Keys
	ClientKeys   ClientKeys
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
	signer       Signer
	verifier     Verifier
	objects      requestObjects
	audit        Auditor
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, clients: deps.Clients,
		scopes: scopePolicy{deps.Scopes}, grants: deps.Grants, codes: deps.Codes, interactions: deps.Interactions,
		subjects: deps.Subjects, signer: deps.Keys, verifier: deps.Keys,
		objects: requestObjects{issuer: deps.Issuer, keys: deps.ClientKeys, asker: deps.Asker, clock: deps.Clock}, audit: deps.Audit,
	}
}
