package client

import (
	"context"
	"fmt"
	"slices"

	"authly/internal/platform/fault"
	"authly/internal/platform/id"
)

var (
	errBuiltIn = fault.New(fault.Conflict, "client.built_in")
	errIDTaken = fault.New(fault.Conflict, "client.id_taken")
)

// Ensured is a client of this server's own, before and after a start.
type Ensured struct {
	// Before is zero if the start has made the client.
	Before, After Client
}

// IsNew tells whether the client was made.
func (e Ensured) IsNew() bool { return e.Before.ID != e.After.ID }

// IsChanged tells whether the client was made, or is not as it was.
func (e Ensured) IsChanged() bool { return e.IsNew() || !e.Before.isRegisteredAs(e.After.Metadata) }

// EnsureBuiltIn makes a client of this server's own, whose client_id everybody knows, in
// the state given, or gives the client that is there the metadata that it has now. The state
// of that one stays: an administrator may have changed it. A client of that client_id which is
// not this server's is a fault of kind Conflict. EnsureBuiltIn joins the transaction of ctx; of
// several calls at once, one makes the client.
func (s *Service) EnsureBuiltIn(ctx context.Context, clientID string, state State, prepared Prepared) (Ensured, error) {
	var ensured Ensured
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		wanted := Client{
			ID: id.New(), ClientID: clientID, BuiltIn: true, Metadata: prepared.metadata, State: state, CreatedAt: now, UpdatedAt: now,
		}
		inserted, err := s.store.insertUnlessThere(ctx, wanted)
		if err != nil || inserted {
			ensured = Ensured{After: wanted}
			return err
		}
		known, err := s.Lock(ctx, clientID)
		if err != nil {
			return err
		}
		ensured = Ensured{Before: known, After: known}
		switch {
		case !known.BuiltIn:
			return errIDTaken
		case known.isRegisteredAs(prepared.metadata):
			return nil
		}
		if err := s.store.update(ctx, known.ID, prepared.metadata, now); err != nil {
			return err
		}
		ensured.After, err = s.FindByRecord(ctx, known.ID)
		return err
	})
	if err != nil {
		return Ensured{}, fmt.Errorf("prepare the client %s: %w", clientID, err)
	}
	return ensured, nil
}

// isRegisteredAs tells whether two records say the same.
func (m Metadata) isRegisteredAs(other Metadata) bool {
	return slices.Equal(values(metadataColumns(&m)), values(metadataColumns(&other)))
}
