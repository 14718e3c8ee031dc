package admin

import (
	"context"
	"errors"
	"fmt"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
)

// ScopeCatalogue keeps scopes. Its changes join a transaction of the context.
type ScopeCatalogue interface {
	List(ctx context.Context) ([]scope.Scope, error)
	Find(ctx context.Context, name string) (scope.Scope, error)
	Create(ctx context.Context, entry scope.Scope) error
	Update(ctx context.Context, known, wanted scope.Scope) error
	Delete(ctx context.Context, name string) error
	Forget()
}

// scopes is the administration of the catalogue.
type scopes struct {
	catalogue ScopeCatalogue
	log       Recorder
	store     store
	keys      *keys
}

// Scope is an entry of the catalogue.
type Scope struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Default     bool   `json:"default"`
	Active      bool   `json:"active"`
	ManagedBy   string `json:"managed_by,omitempty" doc:"The file that the scope follows; see authly apply."`
	BuiltIn     bool   `json:"built_in" doc:"Whether the scope belongs to this server and can't be deleted."`
	Changed     bool   `json:"changed" doc:"Whether such a scope is not as every server starts with it."`
}

func scopeView(s scope.Scope) Scope {
	return Scope{s.Name, s.Description, s.Default, s.Active, s.ManagedBy, scope.IsBuiltIn(s.Name), s.IsChanged()}
}

// ScopeFields are the members of a scope that an administrator writes.
type ScopeFields struct {
	Description Patch[string] `json:"description" required:"false" doc:"What a person reads after: the application will be able to."`
	Default     Patch[bool]   `json:"default" required:"false" doc:"Whether it is granted when a client asks for no scope."`
	Active      Patch[bool]   `json:"active" required:"false" doc:"Whether it can be granted; true unless sent."`
	ManagedBy   Patch[string] `json:"managed_by" required:"false" doc:"The file that the scope follows."`
}

func (f ScopeFields) apply(to *scope.Scope) {
	f.Description.into(&to.Description)
	f.Default.into(&to.Default)
	f.Active.into(&to.Active)
	f.ManagedBy.into(&to.ManagedBy)
	to.Active = to.Active || f.Active.Null
}

func (s *scopes) create(ctx context.Context, who Principal, name string, fields ScopeFields, of attempt) (scope.Scope, bool, error) {
	entry := scope.Scope{Name: name, Active: true}
	fields.apply(&entry)
	replayed := false
	err := s.change(ctx, func(ctx context.Context) error {
		made, again, err := s.keys.once(ctx, of, func(ctx context.Context) (string, error) {
			if err := s.catalogue.Create(ctx, entry); err != nil {
				return "", err
			}
			return entry.Name, s.record(ctx, who, audit.ScopeCreate, entry.Name, audit.Compare(nil, asJSON(scopeView(entry))))
		})
		if replayed = again; err == nil && again {
			entry, err = s.catalogue.Find(ctx, made)
		}
		return err
	})
	return entry, replayed, err
}

func (s *scopes) update(ctx context.Context, who Principal, name, ifMatch string, fields ScopeFields) (scope.Scope, error) {
	var wanted scope.Scope
	err := s.change(ctx, func(ctx context.Context) error {
		known, err := s.find(ctx, name, ifMatch)
		if err != nil {
			return err
		}
		wanted = known
		if fields.apply(&wanted); wanted == known {
			return nil
		}
		if err := s.catalogue.Update(ctx, known, wanted); err != nil {
			if ifMatch != "" && isChangedMeanwhile(err) {
				return precondition()
			}
			return err
		}
		return s.record(ctx, who, audit.ScopeUpdate, name, audit.Compare(asJSON(scopeView(known)), asJSON(scopeView(wanted))))
	})
	return wanted, err
}

func (s *scopes) remove(ctx context.Context, who Principal, name, ifMatch string) error {
	return s.change(ctx, func(ctx context.Context) error {
		known, err := s.find(ctx, name, ifMatch)
		if err != nil {
			return err
		}
		if err := s.catalogue.Delete(ctx, name); err != nil {
			return err
		}
		return s.record(ctx, who, audit.ScopeDelete, name, audit.Compare(asJSON(scopeView(known)), nil))
	})
}

// change runs a change; after it the catalogue is read anew on this node.
func (s *scopes) change(ctx context.Context, work func(ctx context.Context) error) error {
	defer s.catalogue.Forget()
	return s.store.inTransaction(ctx, work)
}

func (s *scopes) find(ctx context.Context, name, ifMatch string) (scope.Scope, error) {
	known, err := s.catalogue.Find(ctx, name)
	if err == nil && !matches(ifMatch, etag(scopeView(known))) {
		err = precondition()
	}
	return known, err
}

func (s *scopes) record(ctx context.Context, who Principal, action audit.Action, name string, changes []audit.Change) error {
	return s.log.Record(ctx, audit.Event{
		Action: action, Outcome: audit.Success, Actor: who.actor(), ClientID: who.ClientID,
		Target: audit.Target{Kind: "scope", ID: name, Name: name}, Details: audit.Details{Changes: changes},
	})
}

// scopeNames returns the names of those scopes in the catalogue that may be.
func scopeNames(ctx context.Context, catalogue ScopeCatalogue, may func(scope.Scope) bool) (oauth.ScopeSet, error) {
	all, err := catalogue.List(ctx)
	if err != nil {
		return nil, err
	}
	var names oauth.ScopeSet
	for _, each := range all {
		if may(each) {
			names = append(names, each.Name)
		}
	}
	return names, nil
}

// withUnknown returns the refusal with the places in a field of the scopes that are not among the known
// ones, or nil if all are.
func withUnknown(refusal *fault.Error, field string, given, known oauth.ScopeSet) error {
	for i, name := range given {
		if !known.Has(name) {
			refusal = refusal.WithField(fmt.Sprintf("%s[%d]", field, i), "scope.unknown")
		}
	}
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// isChangedMeanwhile tells whether somebody else was faster.
func isChangedMeanwhile(err error) bool {
	var refusal *fault.Error
	return errors.As(err, &refusal) && refusal.Key == "scope.changed_meanwhile"
}
