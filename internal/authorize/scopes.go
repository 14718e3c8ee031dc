package authorize

import (
	"context"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
)

// Scopes is the catalogue as far as this package needs it.
type Scopes interface {
	// Usable returns the active names among the given ones.
	Usable(ctx context.Context, names oauth.ScopeSet) (oauth.ScopeSet, error)
	// Defaults returns the active names that are granted when none is asked for.
	Defaults(ctx context.Context) (oauth.ScopeSet, error)
	// Descriptions returns what to tell a person about each of the names.
	Descriptions(ctx context.Context, names oauth.ScopeSet) ([]string, error)
}

// scopePolicy decides which scopes a request may have.
type scopePolicy struct{ catalogue Scopes }

// grantable applies the policy (RFC 6749 section 3.3): of what is asked for, the
// client gets what it was given and what is active; the rest is dropped, as
// OpenID Connect Core 1.0 section 3.1.2.1 asks for unknown ones. If nothing is left it
// is invalid_scope. Asked for none, it gets the defaults. offline_access is dropped for a
// client that gets no refresh tokens (section 11): a person would allow what can't happen.
func (p scopePolicy) grantable(ctx context.Context, known client.Client, requested string) (oauth.ScopeSet, error) {
	may := known.Scopes
	if !known.MayUse(oauth.RefreshToken) {
		may = may.Without(oauth.ScopeSet{oauth.ScopeOfflineAccess})
	}
	if requested == "" {
		defaults, err := p.catalogue.Defaults(ctx)
		if err != nil {
			return nil, err
		}
		granted := defaults.Intersect(may)
		if len(granted) == 0 {
			return nil, oauth.Refuse(oauth.InvalidScope, "scope is missing and the client has no default scopes")
		}
		return granted, nil
	}
	wanted, err := oauth.ParseScope(requested)
	if err != nil {
		return nil, err
	}
	granted, err := p.catalogue.Usable(ctx, wanted.Intersect(may))
	if err != nil {
		return nil, err
	}
	if len(granted) == 0 {
		return nil, oauth.Refuse(oauth.InvalidScope, "the client may have none of these scopes")
	}
	return granted, nil
}
