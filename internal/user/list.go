package user

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
)

// MaxPage is the maximum number of users of a page.
const MaxPage = 200

// Query filters the list of users. A zero value matches all.
type Query struct {
	// Parts of the names and the e-mail address; the case of letters does not matter.
	Username, Email, GivenName, FamilyName string
	State                                  State
	EmailVerified                          *bool
	Administrator                          *bool
	RequirePasswordChange                  *bool
	Locale, ZoneInfo                       string
	// Identifier is the whole username or e-mail address of one user, in any case.
	Identifier string
	ManagedBy  string // the name of a file
	// Since is inclusive, Before exclusive. A user who never signed in has no last sign-in.
	CreatedSince, CreatedBefore     time.Time
	LastLoginSince, LastLoginBefore time.Time
	// After is the last user of the previous page, zero for the first page.
	After uuid.UUID
	// Limit is the size of a page: MaxPage if zero or greater.
	Limit int

	only uuid.UUID // the user with the identifier, zero without one
}

// Page is a page of users, in the order of their creation. Where few users match, it
// ends before it is full, even empty.
type Page struct {
	Users []User
	// Next is the After of the next page, zero if this is the last.
	Next uuid.UUID
}

// List returns a page of the matching users.
func (s *Service) List(ctx context.Context, query Query) (Page, error) {
	if query.Limit <= 0 || query.Limit > MaxPage {
		query.Limit = MaxPage
	}
	if query.Identifier != "" {
		u, err := s.FindByIdentifier(ctx, query.Identifier)
		if fault.KindOf(err) == fault.NotFound {
			return Page{}, nil
		}
		if err != nil {
			return Page{}, err
		}
		query.only = u.ID
	}
	limit := query.Limit
	query.Limit++ // one more row shows whether there is another page
	all, end, err := s.store.list(ctx, query)
	if err != nil {
		return Page{}, fmt.Errorf("list users: %w", err)
	}
	slices.SortFunc(all, func(a, b User) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for i := range all {
		all[i] = all[i].withClaims()
	}
	page := Page{Users: all, Next: end}
	if len(all) > limit {
		page.Users, page.Next = all[:limit], all[limit-1].ID
	}
	return page, nil
}
