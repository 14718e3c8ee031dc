package client

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Type is one of the client types of RFC 6749 section 2.1.
type Type string

// The client types.
const (
	PublicType       Type = "public"
	ConfidentialType Type = "confidential"
)

// MaxPage is the most clients of one page.
const MaxPage = 200

// Query says which clients are wanted. What is left at its zero value may be anything.
type Query struct {
	// Part is a part of the name or of the client_id; the case of letters does not matter.
	Part         string
	State        State
	RegisteredBy RegisteredBy
	Type         Type
	// ManagedBy is the name of the file that a client follows.
	ManagedBy string
	// Administrator is whether the client may administer this server; nil for either.
	Administrator *bool
	// After is the record of the last client of the page before, zero for the first page.
	After uuid.UUID
	// Limit is the size of a page: MaxPage if zero or more than that.
	Limit int
}

// Page is a part of the clients, in the order of their making. They come without
// their secrets: none of them knows any. Where few of very many clients match, it ends
// before it is full, even empty.
type Page struct {
	Clients []Client
	// Next is what to ask after for the next page, zero if this is the last.
	Next uuid.UUID
}

// List returns a page of the clients that match.
func (s *Service) List(ctx context.Context, query Query) (Page, error) {
	if query.Limit <= 0 || query.Limit > MaxPage {
		query.Limit = MaxPage
	}
	wanted := query.Limit
	query.Limit++ // one more tells whether there is another page
	all, end, err := s.store.list(ctx, query)
	if err != nil {
		return Page{}, fmt.Errorf("list clients: %w", err)
	}
	slices.SortFunc(all, func(a, b Client) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	page := Page{Clients: all, Next: end}
	if len(all) > wanted {
		page.Clients, page.Next = all[:wanted], all[wanted-1].ID
	}
	return page, nil
}
