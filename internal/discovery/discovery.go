package discovery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"authly/internal/protocol/metadata"
)

// MaxAge is how long a cache may keep either document without asking. It bounds
// how soon everybody has the next signing key, and is far below the shortest
// time for which that one is published before it signs.
const MaxAge = 5 * time.Minute

// jwksPath is where the JWK Set is, below the issuer.
const jwksPath = "/.well-known/jwks.json"

// Parts is what the mounted parts of the server can do together. Discovery adds
// what is its own or changes: JWKSURI and Scopes are left empty.
type Parts metadata.Capabilities

// Lists is what may change while the server runs.
type Lists struct{ Scopes []string }

// Service keeps the metadata document. It is safe for concurrent use.
type Service struct {
	parts metadata.Capabilities
	lists func(ctx context.Context) (Lists, error)

	mu       sync.Mutex
	from     Lists
	document []byte // never changed, only replaced; nil until it was made
}

// Refresh makes the document anew if what it lists has changed. When it fails
// the document stays as it was. It is called at the start of the server, so that
// missing parts stop it, and by each request.
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
	made, err := metadata.Document(complete)
	if err != nil {
		return fmt.Errorf("make the metadata document: %w", err)
	}
	s.document, s.from = made, now
	return nil
}

// Document returns the metadata document as it was last made, or nil if it never
// was. The caller must not change it.
func (s *Service) Document() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.document
}
