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

// maxDescriptionBytes bounds what a person has to read.
const maxDescriptionBytes = 500

var errUnknown = fault.New(fault.NotFound, "scope.unknown")

// IsBuiltIn reports whether a scope belongs to this server: it can't be made or removed.
func IsBuiltIn(name string) bool {
	return oauth.IsAdministrationScope(name) ||
		slices.ContainsFunc(standard(), func(entry Scope) bool { return entry.Name == name })
}

// IsChanged reports whether a scope of this server is not as every server starts with it.
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
		refusal = refusal.WithField("default", "scope.never_default") // it is asked for on purpose, or not at all
	}
	if !e.Active && (e.Name == oauth.ScopeOpenID || oauth.IsAdministrationScope(e.Name)) {
		refusal = refusal.WithField("active", "scope.always_active")
	}
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// maxNameBytes is less than RFC 6749 allows: names stand on the consent page.
const maxNameBytes = 128

// List returns the whole catalogue by name, as it is in the database now.
func (s *Service) List(ctx context.Context) ([]Scope, error) {
	all, err := s.store.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	return all, nil
}

// Find returns an entry as it is in the database now. The error is a fault of kind
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

// Create adds an entry. Faults: Invalid with the wrong fields, and Conflict if the name
// is taken or kept for this server. It joins the transaction of ctx.
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

// Update gives an entry another description, default and state, if it still is as it
// was read. Faults: Invalid with the wrong fields, and Conflict if somebody changed or
// removed it meanwhile. It joins the transaction of ctx.
func (s *Service) Update(ctx context.Context, known, wanted Scope) error {
	wanted.Name = known.Name
	if err := wanted.validate(); err != nil {
		return err
	}
	changed, err := s.store.update(ctx, known, wanted, s.clock.Now())
	if err != nil {
		return fmt.Errorf("change a scope: %w", err)
	}
	if !changed {
		return fault.New(fault.Conflict, "scope.changed_meanwhile")
	}
	s.Forget()
	return nil
}

// Delete removes an entry. Clients that were given the scope keep its name and get it no
// more, as with one that is not active; if an entry of the same name is made again, they may
// ask for it again. Faults: NotFound, and Conflict for a scope of this server's own. It
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

// Forget has this node read the catalogue again. Whoever changed it in a transaction
// calls it once more after that; the other nodes follow within [Lifetime].
func (s *Service) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = catalogue{}
}

// hasDots reports whether a name has a part that addresses go around
// (RFC 3986 section 5.2.4): nobody could read or change such a scope by its address.
func hasDots(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part == "." || part == ".." })
}
