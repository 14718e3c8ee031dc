package token

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
)

// Events are the rows of access tokens as events of the audit log: each says that a token
// was issued or refreshed. There is no other record of that.
type Events struct{ store store }

// Events returns what was issued, as a source of the audit log.
func (s *Service) Events() Events { return Events{s.store} }

var _ audit.Source = Events{}

// Name returns the source's own name.
func (Events) Name() string { return "access_tokens" }

// After returns what was issued before a time, after one, in the order of the identifiers.
func (e Events) After(ctx context.Context, after uuid.UUID, before time.Time, most int) ([]audit.Event, error) {
	found, err := e.store.issuedAfter(ctx, after, before, most)
	if err != nil {
		return nil, fmt.Errorf("read what was issued: %w", err)
	}
	return found, nil
}

// eventOf tells of the issue of an access token. It is the user's doing, through the client,
// or the client's own.
func eventOf(i Issued, from audit.Origin) audit.Event {
	event := audit.Event{
		ID: i.ID, OccurredAt: i.CreatedAt, Action: audit.TokenIssue, ClientID: i.ClientID, Target: audit.Target{Kind: "access_token", ID: i.ID.String()},
		Actor: audit.Actor{Kind: audit.Client, ID: i.ClientID}, Details: audit.Details{Scopes: i.Scopes},
		Origin: from,
	}
	if i.Refreshed {
		event.Action = audit.TokenRefresh
	}
	if i.UserID != nil {
		event.Actor = audit.Actor{Kind: audit.User, ID: i.UserID.String(), Name: i.Username}
	}
	if i.FamilyID != nil {
		event.Details.Family = i.FamilyID.String()
	}
	return event
}
