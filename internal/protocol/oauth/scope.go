package oauth

import (
	"slices"
	"strings"
)

// The bounds of a scope parameter.
const (
	MaxScopes         = 64
	MaxScopeNameBytes = 256
)

// The scopes that OpenID Connect Core 1.0 defines (sections 3.1.2.1, 5.4 and 11).
const (
	ScopeOpenID        = "openid"
	ScopeOfflineAccess = "offline_access"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeAddress       = "address"
	ScopePhone         = "phone"
)

// administrationPrefix begins the names of the scopes of this server's own administration.
const administrationPrefix = "admin:"

// IsAdministrationScope reports whether a name is reserved for the administration of this server.
func IsAdministrationScope(name string) bool { return strings.HasPrefix(name, administrationPrefix) }

// ScopeSet is a list of scope names without duplicates, in the order requested.
// Its methods return new sets and change nothing.
type ScopeSet []string

// ParseScope reads a scope parameter (RFC 6749 section 3.3): names separated by
// single spaces, each of the characters %x21 / %x23-5B / %x5D-7E. The empty text
// is the empty set; a name that comes again counts once. Anything else, more than
// [MaxScopes] names, or a name over [MaxScopeNameBytes] is refused with invalid_scope.
func ParseScope(s string) (ScopeSet, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > MaxParameterBytes {
		return nil, Refuse(InvalidScope, "the scope parameter is too long")
	}
	if strings.Count(s, " ") >= MaxScopes {
		return nil, Refuse(InvalidScope, "the scope parameter has too many names")
	}
	var set ScopeSet
	for name := range strings.SplitSeq(s, " ") {
		if !ValidScopeName(name) {
			return nil, Refuse(InvalidScope, "the scope parameter is malformed")
		}
		if !set.Has(name) {
			set = append(set, name)
		}
	}
	return set, nil
}

// ValidScopeName reports whether name is a scope-token of RFC 6749 section 3.3 of acceptable length.
func ValidScopeName(name string) bool {
	if name == "" || len(name) > MaxScopeNameBytes {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Has reports whether the set has a name. Scope names are case-sensitive.
func (s ScopeSet) Has(name string) bool { return slices.Contains(s, name) }

// ContainsAll reports whether every name of other is in the set.
func (s ScopeSet) ContainsAll(other ScopeSet) bool {
	return !slices.ContainsFunc(other, func(name string) bool { return !s.Has(name) })
}

// Intersect returns the names that are in both, in the order of s.
func (s ScopeSet) Intersect(other ScopeSet) ScopeSet { return s.filter(other.Has) }

// Without returns the names of s that are not in other.
func (s ScopeSet) Without(other ScopeSet) ScopeSet {
	return s.filter(func(name string) bool { return !other.Has(name) })
}

// WithoutAdministration returns the names that are not for the administration of this server.
func (s ScopeSet) WithoutAdministration() ScopeSet {
	return s.filter(func(name string) bool { return !IsAdministrationScope(name) })
}

// OnlyAdministration reports whether all names are for the administration of this server.
func (s ScopeSet) OnlyAdministration() bool { return len(s.WithoutAdministration()) == 0 }

// Union returns the names of s followed by those only in other.
func (s ScopeSet) Union(other ScopeSet) ScopeSet {
	var union ScopeSet
	for _, set := range []ScopeSet{s, other} {
		for _, name := range set {
			if !union.Has(name) {
				union = append(union, name)
			}
		}
	}
	return union
}

// Equal reports whether both have the same names, in any order.
func (s ScopeSet) Equal(other ScopeSet) bool { return s.ContainsAll(other) && other.ContainsAll(s) }

// String returns the names separated by spaces, as they travel.
func (s ScopeSet) String() string { return strings.Join(s, " ") }

func (s ScopeSet) filter(keep func(string) bool) ScopeSet {
	var names ScopeSet
	for _, name := range s {
		if keep(name) {
			names = append(names, name)
		}
	}
	return names
}
