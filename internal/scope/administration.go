package scope

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
)

// maxDescriptionBytes bounds a description, which users read.
const maxDescriptionBytes = 500

var errUnknown = fault.New(fault.NotFound, "scope.unknown")

// IsBuiltIn reports whether a scope belongs to this server, and so can't be created or removed.
func IsBuiltIn(name string) bool {
	return oauth.IsAdministrationScope(name) ||
		slices.ContainsFunc(standard(), func(entry Scope) bool { return entry.Name == name })
}

// IsChanged reports whether a built-in scope differs from its initial entry.
func (e Scope) IsChanged() bool {
	began := e
	began.ManagedBy = ""
	return IsBuiltIn(e.Name) && !slices.Contains(slices.Concat(standard(), administration()), began)
}

func (e Scope) validate() error {
	refusal := fault.New(fault.Invalid, "scope.invalid")
	if !oauth.ValidScopeName(e.Name) || len(e.Name) > maxNameBytes || hasDots(e.Name) {
		refusal = refusal.WithField("name", "scope.name_invalid")
	}
	if strings.TrimSpace(e.Description) == "" || len(e.Description) > maxDescriptionBytes || strings.ContainsFunc(e.Description, unicode.IsControl) {
		refusal = refusal.WithField("description", "scope.description_invalid")
	}
	if e.ManagedBy != "" && !policy.ValidManager(e.ManagedBy) {
		refusal = refusal.WithField("managed_by", "scope.manager_invalid")
	}
	if e.Default && oauth.IsAdministrationScope(e.Name) {
		refusal = refusal.WithField("default", "scope.never_default") // it must be requested explicitly
	}
	if !e.Active && (e.Name == oauth.ScopeOpenID || oauth.IsAdministrationScope(e.Name)) {
		refusal = refusal.WithField("active", "scope.always_active")
	}
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// maxNameBytes is less than RFC 6749 allows: the consent page shows names.
const maxNameBytes = 128

// List returns the whole catalogue, sorted by name, from the database.
func (s *Service) List(ctx context.Context) ([]Scope, error) {
	all, err := s.store.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	return all, nil
}

// Find returns an entry from the database. The error is a fault of kind
// NotFound if there is none.
func (s *Service) Find(ctx context.Context, name string) (Scope, error) {
	entry, err := s.store.find(ctx, name)
	if errors.Is(err, errNoRecord) {
		return Scope{}, errUnknown
	}
	if err != nil {
		return Scope{}, fmt.Errorf("find a scope: %w", err)
	}
	return entry, nil
}

// Create adds an entry. Faults: Invalid with the invalid fields, and Conflict if the name
// is taken or reserved for this server. It joins the transaction of ctx.
func (s *Service) Create(ctx context.Context, entry Scope) error {
	if err := entry.validate(); err != nil {
		return err
	}
	if IsBuiltIn(entry.Name) {
		return fault.New(fault.Conflict, "scope.reserved").WithField("name", "scope.reserved")
	}
	added, err := s.store.insert(ctx, entry, s.clock.Now())
	if err != nil {
		return fmt.Errorf("store a scope: %w", err)
	}
	if !added {
		return fault.New(fault.Conflict, "scope.taken").WithField("name", "scope.taken")
	}
	s.Forget()
	return nil
}

// Update changes the description, default and state of an entry, if it is unchanged since it
// was read. Faults: Invalid with the invalid fields, and Conflict if it was changed or
// removed meanwhile. It joins the transaction of ctx.
func (s *Service) Update(ctx context.Context, old, entry Scope) error {
	entry.Name = old.Name
	if err := entry.validate(); err != nil {
		return err
	}
	changed, err := s.store.update(ctx, old, entry, s.clock.Now())
	if err != nil {
		return fmt.Errorf("change a scope: %w", err)
	}
	if !changed {
		return fault.New(fault.Conflict, "scope.changed_meanwhile")
	}
	s.Forget()
	return nil
}

// Delete removes an entry. Clients with the scope keep its name in their record but no longer get it,
// as with an inactive one; if an entry of the same name is created again, they may
// request it again. Faults: NotFound, and Conflict for a built-in scope. It
// joins the transaction of ctx.
func (s *Service) Delete(ctx context.Context, name string) error {
	if IsBuiltIn(name) {
		return fault.New(fault.Conflict, "scope.reserved")
	}
	removed, err := s.store.remove(ctx, name)
	if err != nil {
		return fmt.Errorf("delete a scope: %w", err)
	}
	if !removed {
		return errUnknown
	}
	s.Forget()
	return nil
}

// Forget makes this node read the catalogue again. Call it once more after a transaction that
// changed it; the other nodes follow within [Lifetime].
func (s *Service) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = catalogue{}
}

// hasDots reports whether a name has a dot segment, which URLs normalise away
// (RFC 3986 section 5.2.4): such a scope could not be read or changed by its URL.
func hasDots(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part == "." || part == ".." })
}
