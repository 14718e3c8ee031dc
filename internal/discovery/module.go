package discovery

import (
	"context"

	"authly/internal/platform/httpx"
	"authly/internal/protocol/metadata"
)

// Deps are the inputs of the documents; all are required.
type Deps struct {
	Parts Parts
	// Lists returns what can change. It is called at each request, so it should
	// normally answer from memory.
	Lists func(ctx context.Context) (Lists, error)
	// JWKS returns the present JWK Set. A returned slice must not change.
	JWKS func() []byte
}

// New returns the service and its handler. [Service.Refresh] must be called before
// the first request.
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
