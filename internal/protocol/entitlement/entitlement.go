package entitlement

import (
	"slices"

	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// Authorization is what was authorized at one time: by a user, or for a client on its own behalf.
type Authorization struct {
	Scopes    oauth.ScopeSet
	Resources []string // also the audience of a token
	Claims    oidc.ClaimsRequest
}

// Limits are the most that a client may have now, on behalf of one user or on its own.
type Limits struct {
	// Scopes are those in the client's record that are active in the catalogue.
	Scopes oauth.ScopeSet
	// Resources are those in the client's record, and this server itself.
	Resources []string
}

// Within returns the part of an authorization within the limits.
//
// A claim that was requested by name (OpenID Connect Core 1.0 section 5.5) stays while a scope that includes it is
// within the limits, whether or not that scope was requested: a client that may not have the scope may not have its
// claims one by one. Names of claims that are not about a user, such as acr, stay.
func (a Authorization) Within(limits Limits) Authorization {
	return Authorization{
		Scopes:    a.Scopes.Intersect(limits.Scopes),
		Resources: limits.resources(a.Resources),
		Claims:    limits.claims(a.Claims),
	}
}

// HasLost reports whether there were scopes and none is left, and whether there were resources and none is left.
func (a Authorization) HasLost(left Authorization) (scopes, resources bool) {
	return len(a.Scopes) > 0 && len(left.Scopes) == 0, len(a.Resources) > 0 && len(left.Resources) == 0
}

func (l Limits) resources(authorized []string) []string {
	var left []string
	for _, resource := range authorized {
		if slices.ContainsFunc(l.Resources, func(limit string) bool { return oauth.SameResource(limit, resource) }) {
			left = append(left, resource)
		}
	}
	return left
}

func (l Limits) claims(authorized oidc.ClaimsRequest) oidc.ClaimsRequest {
	return oidc.ClaimsRequest{UserInfo: l.named(authorized.UserInfo), IDToken: l.named(authorized.IDToken)}
}

func (l Limits) named(authorized map[string]oidc.ClaimRequest) map[string]oidc.ClaimRequest {
	aboutPeople, mayHave := oidc.ClaimNames(oauth.IdentityScopes()), oidc.ClaimNames(l.Scopes)
	var left map[string]oidc.ClaimRequest
	for name, request := range authorized {
		if name != "sub" && slices.Contains(aboutPeople, name) && !slices.Contains(mayHave, name) {
			continue
		}
		if left == nil {
			left = make(map[string]oidc.ClaimRequest, len(authorized))
		}
		left[name] = request
	}
	return left
}
