package authorize

import (
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
}

// New returns the service.
func New(deps Deps) *Service {
	return &Service{
		store: store{deps.Database}, clock: deps.Clock, issuer: deps.Issuer, clients: deps.Clients,
		scopes: scopePolicy{deps.Scopes}, grants: deps.Grants, codes: deps.Codes, interactions: deps.Interactions,
	}
}
