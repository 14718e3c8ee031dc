package authorize

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/interaction"
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

// Administrators knows who may administer this server now.
type Administrators interface {
	MayAdminister(ctx context.Context, known client.Client, userID *uuid.UUID) (bool, error)
}

// forPerson returns a request as the person who is signed in can have it: without the
// scopes of the administration for whoever is no administrator, who must not be asked about
// what they can't give. The refusal is for a request of which nothing is left.
func (s *Service) forPerson(ctx context.Context, request interaction.Request, known client.Client, who signedIn) (interaction.Request, *oauth.Error, error) {
	if !who.ok || !slices.ContainsFunc(request.Scopes, oauth.IsAdministrationScope) {
		return request, nil, nil
	}
	if s.administrators != nil {
		may, err := s.administrators.MayAdminister(ctx, known, &who.session.UserID)
		if err != nil {
			return request, nil, fmt.Errorf("look whether somebody may administer: %w", err)
		}
		if may {
			return request, nil, nil
		}
	}
	request.Scopes = request.Scopes.WithoutAdministration()
	if len(request.Scopes) == 0 {
		return request, oauth.Refuse(oauth.InvalidScope, "only an administrator may have these scopes"), nil
	}
	return request, nil, nil
}
