package oauth

import "slices"

// Permission is a scope at a resource server, the unit of authorization: the same name
// at another resource is another permission (RFC 8707 section 3).
type Permission struct {
	// Resource is the identifier of the resource server, "" for this server itself.
	Resource string
	// Scope is "" for tokens with the resource as their audience and no scope for it.
	Scope string
}

// Permissions is a list without duplicates. Its methods return new lists and change nothing.
type Permissions []Permission

// IdentityScopes returns the scopes about the user (OpenID Connect Core 1.0 sections 3.1.2.1, 5.4 and 11).
// They belong to this server, whatever resource a token is for, and mean nothing without a user.
func IdentityScopes() ScopeSet {
	return ScopeSet{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeAddress, ScopePhone, ScopeOfflineAccess}
}

// PermissionsOf returns what a request with these scopes and resources requests: each identity scope at this server,
// and each other scope at each resource, or at this server if no resource is named. A resource without a scope is
// in the list by itself.
func PermissionsOf(scopes ScopeSet, resources []string) Permissions {
	identity := scopes.Intersect(IdentityScopes())
	others := scopes.Without(identity)
	var all Permissions
	for _, scope := range identity {
		all = append(all, Permission{Scope: scope})
	}
	if len(resources) == 0 {
		for _, scope := range others {
			all = append(all, Permission{Scope: scope})
		}
	}
	for _, resource := range resources {
		if len(others) == 0 {
			all = append(all, Permission{Resource: resource})
		}
		for _, scope := range others {
			all = append(all, Permission{Resource: resource, Scope: scope})
		}
	}
	return Permissions{}.Union(all)
}

// Covers reports whether all requested permissions are in the list. One without a scope is covered by any at its resource.
func (p Permissions) Covers(requested Permissions) bool {
	return !slices.ContainsFunc(requested, func(permission Permission) bool { return !p.has(permission) })
}

func (p Permissions) has(requested Permission) bool {
	return slices.ContainsFunc(p, func(granted Permission) bool {
		return SameResource(granted.Resource, requested.Resource) && (granted.Scope == requested.Scope || requested.Scope == "" && requested.Resource != "")
	})
}

// Union returns the permissions of p followed by those only in more.
func (p Permissions) Union(more Permissions) Permissions {
	var union Permissions
	for _, one := range slices.Concat(p, more) {
		if !slices.Contains(union, one) {
			union = append(union, one)
		}
	}
	return union
}

// Scopes returns the names of the scopes at all resources, without duplicates.
func (p Permissions) Scopes() ScopeSet {
	var names ScopeSet
	for _, one := range p {
		if one.Scope != "" && !names.Has(one.Scope) {
			names = append(names, one.Scope)
		}
	}
	return names
}

// Resources returns the identifiers of the resource servers other than this one, without duplicates.
func (p Permissions) Resources() []string {
	var resources []string
	for _, one := range p {
		if one.Resource != "" && !slices.Contains(resources, one.Resource) {
			resources = append(resources, one.Resource)
		}
	}
	return resources
}

// At returns the scopes at one resource, "" for this server.
func (p Permissions) At(resource string) ScopeSet {
	var names ScopeSet
	for _, one := range p {
		if one.Resource == resource && one.Scope != "" {
			names = append(names, one.Scope)
		}
	}
	return names
}
