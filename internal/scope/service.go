package scope

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
)

// Service manages the catalogue.
type Service struct {
	store store
	clock clock.Clock

	mu     sync.Mutex
	loaded catalogue
}

// catalogue is the catalogue as read at one time. It is immutable.
type catalogue struct {
	all     []Scope // by name
	byName  map[string]Scope
	expires time.Time
}

// Seed adds the standard scopes and those of the administration that are missing in the catalogue. Existing entries
// stay as they are.
func (s *Service) Seed(ctx context.Context) error {
	if err := s.store.add(ctx, slices.Concat(standard(), administration()), s.clock.Now()); err != nil {
		return fmt.Errorf("seed the scope catalogue: %w", err)
	}
	s.Forget()
	return nil
}

// Active returns the scopes that can be granted, sorted by name.
func (s *Service) Active(ctx context.Context) ([]Scope, error) {
	c, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	var active []Scope
	for _, entry := range c.all {
		if entry.Active {
			active = append(active, entry)
		}
	}
	return active, nil
}

// Usable returns the active ones among names, in their order.
func (s *Service) Usable(ctx context.Context, names oauth.ScopeSet) (oauth.ScopeSet, error) {
	c, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	var usable oauth.ScopeSet
	for _, name := range names {
		if c.byName[name].Active {
			usable = append(usable, name)
		}
	}
	return usable, nil
}

// Defaults returns the names of the active scopes that are granted to a request
// without scopes (RFC 6749 section 3.3).
func (s *Service) Defaults(ctx context.Context) (oauth.ScopeSet, error) {
	active, err := s.Active(ctx)
	if err != nil {
		return nil, err
	}
	var defaults oauth.ScopeSet
	for _, entry := range active {
		if entry.Default && !oauth.IsAdministrationScope(entry.Name) { // whatever the row says
			defaults = append(defaults, entry.Name)
		}
	}
	return defaults, nil
}

// Describe returns an entry for each name, in their order. A name that is not in the
// catalogue describes itself: the consent page must show
// everything that is requested.
func (s *Service) Describe(ctx context.Context, names oauth.ScopeSet) ([]Scope, error) {
	c, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	described := make([]Scope, len(names))
	for i, name := range names {
		entry, found := c.byName[name]
		if !found {
			entry = Scope{Name: name, Description: name}
		}
		described[i] = entry
	}
	return described, nil
}

// Descriptions returns the description of each of the names for users.
func (s *Service) Descriptions(ctx context.Context, names oauth.ScopeSet) ([]string, error) {
	described, err := s.Describe(ctx, names)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(described))
	for i, entry := range described {
		texts[i] = entry.Description
	}
	return texts, nil
}

// current returns the catalogue from memory, or reads it when it has expired.
// Several callers may read it at once: that is cheaper than making them wait for
// one whose request may be cancelled.
func (s *Service) current(ctx context.Context) (catalogue, error) {
	now := s.clock.Now()
	s.mu.Lock()
	c := s.loaded
	s.mu.Unlock()
	if c.byName != nil && !policy.IsExpired(c.expires, now) {
		return c, nil
	}
	all, err := s.store.list(ctx)
	if err != nil {
		return catalogue{}, fmt.Errorf("read the scope catalogue: %w", err)
	}
	c = catalogue{all: all, byName: make(map[string]Scope, len(all)), expires: now.Add(Lifetime)}
	for _, entry := range all {
		c.byName[entry.Name] = entry
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = c
	return c, nil
}
