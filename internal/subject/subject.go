package subject

import (
	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/secret"
)

// KeyName is the name of the sealed secret from which pairwise subjects are derived.
const KeyName = "pairwise-subject"

// Service derives subjects. It is safe for concurrent use.
type Service struct{ key secret.Redacted }

// New returns the service.
func New(key secret.Redacted) *Service { return &Service{key} }

// Of returns the subject of a user for a client: 43 characters or the 36 of a UUID,
// always ASCII, and never the identifier of a client (OAuth 2.1 section 9.5).
func (s *Service) Of(cl client.Client, userID uuid.UUID) string {
	return s.InSector(cl.PairwiseSector(), userID)
}

// SessionOf returns the sid of a session for a client (OpenID Connect Back-Channel Logout 1.0
// section 2.1): the session's own identifier for a client with public subjects. A client with pairwise
// subjects gets 43 ASCII characters that are derived for it alone: otherwise two clients could compare the sids
// of a session and learn that their subjects are one person (OpenID Connect Core 1.0 section 8.1).
func (s *Service) SessionOf(cl client.Client, sessionID uuid.UUID) string {
	if cl.PairwiseSector() == "" {
		return sessionID.String()
	}
	// Both identifiers are of a fixed length, so that no other pair gives the same text.
	return secret.Derive(s.key, "authly pairwise session", secret.FromString(sessionID.String()+cl.ID.String())).Reveal()
}

// InSector is Of for the clients of a sector; "" stands for clients with public
// subjects.
func (s *Service) InSector(sector string, userID uuid.UUID) string {
	if sector == "" {
		return userID.String()
	}
	// The user's identifier has a fixed length, so that no other pair gives the same text.
	return secret.Derive(s.key, "authly pairwise subject", secret.FromString(userID.String()+sector)).Reveal()
}
