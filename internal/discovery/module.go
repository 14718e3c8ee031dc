package discovery

import (
	"context"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/metadata"
)

// Deps is what the documents are made from; all of it is required.
type Deps struct {
	Parts Parts
	// Lists tells what may change. It is called at each request, so it answers
	// from memory as a rule.
	Lists func(ctx context.Context) (Lists, error)
	// JWKS returns the JWK Set in force. A slice that it has returned must not change.
	JWKS func() []byte
}

// New returns the service, whose first [Service.Refresh] is still to be called,
// and its handler.
func New(deps Deps) (*Service, *Handler) {
	parts := metadata.Capabilities(deps.Parts)
	parts.JWKSURI = parts.Issuer + jwksPath
	service := &Service{parts: parts, lists: deps.Lists}
	return service, &Handler{
		service:  service,
		issuer:   parts.Issuer,
		metadata: httpx.Document("application/json", MaxAge, service.Document),
		jwks:     httpx.Document("application/json", MaxAge, deps.JWKS),
	}
}
