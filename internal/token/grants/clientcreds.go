package grants

import (
	"context"

	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// Scopes says which scopes exist and are switched on.
type Scopes interface {
	// Usable returns the active names among the given ones.
	Usable(ctx context.Context, names oauth.ScopeSet) (oauth.ScopeSet, error)
}

// ClientCredentials is the grant of RFC 6749 section 4.4: a confidential client
// acts on its own behalf. It gives no refresh token and no ID token.
type ClientCredentials struct{ scopes Scopes }

// NewClientCredentials returns the grant.
func NewClientCredentials(scopes Scopes) *ClientCredentials { return &ClientCredentials{scopes} }

// Type returns client_credentials.
func (*ClientCredentials) Type() oauth.GrantType { return oauth.ClientCredentials }

// Authorize narrows the client's scopes to those that it asks for. When it asks for none,
// it gets all that it has and that mean something without a user.
func (g *ClientCredentials) Authorize(ctx context.Context, request *token.Request) (*token.Authorization, error) {
	if request.Client.IsPublic() {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "a public client has no credentials to act with")
	}
	granted, err := g.scopes.Usable(ctx, request.Client.Scopes.Without(oauth.IdentityScopes()))
	if err != nil {
		return nil, err
	}
	if request.Params.Has("scope") {
		wanted, err := oauth.ParseScope(request.Params.Get("scope"))
		if err != nil {
			return nil, err
		}
		if granted = wanted.Intersect(granted); len(granted) == 0 {
			return nil, oauth.Refuse(oauth.InvalidScope, "the client may have none of these scopes")
		}
	}
	resources, err := oauth.SelectResources(request.Params.All("resource"), request.Resource, "the client may not have tokens for this resource")
	if err != nil {
		return nil, err
	}
	return &token.Authorization{Scopes: granted, Resources: resources}, nil
}
