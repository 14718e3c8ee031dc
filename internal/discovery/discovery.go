package discovery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"authly/internal/protocol/metadata"
)

// MaxAge is how long a cache may keep either document without revalidation. It bounds
// how long clients lack the next signing key, and is far below the shortest
// time for which that key is published before it signs.
const MaxAge = 5 * time.Minute

// jwksPath is the path of the JWK Set below the issuer.
const jwksPath = "/.well-known/jwks.json"

// Parts are the combined capabilities of the mounted parts of the server. Discovery adds
// JWKSURI and Scopes, which must be empty.
type Parts metadata.Capabilities

// Lists are the parts of the document that can change while the server runs.
type Lists struct{ Scopes []string }

// Service holds the metadata document. It is safe for concurrent use.
type Service struct {
	parts metadata.Capabilities
	lists func(ctx context.Context) (Lists, error)

	mu       sync.Mutex
	from     Lists
	document []byte // replaced, never modified; nil before the first Refresh
}

// Refresh rebuilds the document if its lists have changed. If it fails,
// the previous document stays. It is called at the start of the server, so that
// missing parts fail the start, and by each request.
func (s *Service) Refresh(ctx context.Context) error {
	now, err := s.lists(ctx)
	if err != nil {
		return fmt.Errorf("ask what the metadata lists: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.document != nil && slices.Equal(now.Scopes, s.from.Scopes) {
		return nil
	}
	now = Lists{slices.Clone(now.Scopes)}
	complete := s.parts
	complete.Scopes = now.Scopes
	document, err := metadata.Document(complete)
	if err != nil {
		return fmt.Errorf("make the metadata document: %w", err)
	}
	s.document, s.from = document, now
	return nil
}

// Document returns the last metadata document, or nil before the first
// Refresh. The caller must not change it.
func (s *Service) Document() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.document
}
