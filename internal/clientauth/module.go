package clientauth

import (
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
)

// Deps is what the service needs.
type Deps struct {
	Database *db.DB
	Clients  Clients
	Keys     ClientKeys
	Clock    clock.Clock
	Failures Failures
	Audit    Auditor
	// Issuer and TokenEndpoint are what an assertion may be meant for.
	Issuer, TokenEndpoint string
}

// Service authenticates clients.
type Service struct {
	store    store
	clients  Clients
	clock    clock.Clock
	failures Failures
	audit    Auditor
	methods  map[oauth.AuthenticationMethod]Method
}

// New returns the service with its methods.
func New(deps Deps) *Service {
	methods := map[oauth.AuthenticationMethod]Method{}
	for _, method := range []Method{
		sharedSecret{oauth.ClientSecretBasic, deps.Clock},
		sharedSecret{oauth.ClientSecretPost, deps.Clock},
		privateKeyJWT{deps.Issuer, deps.TokenEndpoint, deps.Keys, store{deps.Database}, deps.Clock},
		none{},
	} {
		methods[method.Name()] = method
	}
	return &Service{store: store{deps.Database}, clients: deps.Clients, clock: deps.Clock, failures: deps.Failures, audit: deps.Audit, methods: methods}
}
