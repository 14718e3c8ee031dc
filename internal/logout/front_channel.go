package logout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// The bounds of a page that loads the pages of others. The policy that allows them is
// a header, and proxies refuse an answer whose headers are longer than a few kilobytes.
const (
	maxFrames      = 20
	maxOriginBytes = 2000
)

// Frames is what a page loads to tell clients of a logout.
type Frames struct {
	URIs []string
	// Origins are those of the URIs, each once.
	Origins []string
}

// frames returns the addresses of the clients that took part in a session and are
// active, with iss and sid: both, whether the client requires them or not, as one without the other
// means nothing (section 2). What there is no room for is left out.
func (s *Service) frames(ctx context.Context, sessionID uuid.UUID) (Frames, error) {
	registered, err := s.store.framed(ctx, sessionID, maxFrames)
	if err != nil {
		return Frames{}, fmt.Errorf("list the clients of a session: %w", err)
	}
	var made Frames
	room := maxOriginBytes
	for _, each := range registered {
		origin := oauth.Origin(each.uri)
		if origin == "" || strings.Contains(origin, "[") {
			continue // registered before there were rules for it (client.Metadata)
		}
		known, err := s.clients.FindByRecord(ctx, each.client)
		if fault.KindOf(err) == fault.NotFound {
			continue // deleted meanwhile
		}
		if err != nil {
			return Frames{}, fmt.Errorf("find a client of a session: %w", err)
		}
		if !slices.Contains(made.Origins, origin) {
			if room -= len(origin) + 1; room < 0 {
				break
			}
			made.Origins = append(made.Origins, origin)
		}
		made.URIs = append(made.URIs, oauth.RedirectURIWithParameters(each.uri, []oauth.Parameter{
			{Name: "iss", Value: s.issuer}, {Name: "sid", Value: s.subjects.SessionOf(known, sessionID)},
		}))
	}
	return made, nil
}
