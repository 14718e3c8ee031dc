package oauth

import (
	"slices"
	"strings"
)

// The bounds of resource parameters.
const (
	MaxResources     = 16
	MaxResourceBytes = 2000
)

// ParseResources checks the values of the resource parameter (RFC 8707 section 2): each
// an absolute URI without a fragment or userinfo. Empty values are left out; of
// several that are the same by [SameResource] the first stays. The error is an
// invalid_target.
func ParseResources(values []string) ([]string, error) {
	var resources []string
	for _, value := range values {
		if value == "" {
			continue
		}
		if !validResource(value) {
			return nil, Refuse(InvalidTarget, "resource must be an absolute URI without a fragment")
		}
		if slices.ContainsFunc(resources, func(resource string) bool { return SameResource(resource, value) }) {
			continue
		}
		if len(resources) == MaxResources {
			return nil, Refuse(InvalidTarget, "too many resources")
		}
		resources = append(resources, value)
	}
	return resources, nil
}

// SelectResources checks the values of the resource parameter as [ParseResources] does, and returns the resource that
// find has for each, in its spelling and once. The error is an invalid_target, with reason where find has none.
func SelectResources(values []string, find func(requested string) (string, bool), reason string) ([]string, error) {
	requested, err := ParseResources(values)
	if err != nil {
		return nil, err
	}
	var selected []string
	for _, each := range requested {
		resource, found := find(each)
		if !found {
			return nil, Refuse(InvalidTarget, reason)
		}
		if !slices.Contains(selected, resource) {
			selected = append(selected, resource)
		}
	}
	return selected, nil
}

// FindResource returns the one of resources that is the same as requested by [SameResource], and whether there is one.
func FindResource(resources []string, requested string) (string, bool) {
	at := slices.IndexFunc(resources, func(each string) bool { return SameResource(each, requested) })
	if at < 0 {
		return "", false
	}
	return resources[at], true
}

// SameResource reports whether two resource indicators are equivalent. They are
// compared as text with one tolerance: the case of scheme and host, and the slash
// after the host when there is no other path, because common URL libraries add it.
func SameResource(a, b string) bool { return a == b || canonicalResource(a) == canonicalResource(b) }

// ResourceHost returns the host and port of a resource's identifier to show to a user; "" for one
// without a host, such as a URN.
func ResourceHost(resource string) string {
	_, rest, _ := strings.Cut(resource, ":")
	authority, _, _ := splitAuthority(rest)
	return authority
}

func validResource(resource string) bool {
	if len(resource) > MaxResourceBytes || checkURICharacters(resource) != nil {
		return false
	}
	scheme, rest, found := strings.Cut(resource, ":")
	if !found || !validScheme(scheme) || rest == "" {
		return false
	}
	authority, _, hasAuthority := splitAuthority(rest)
	if hasAuthority {
		return authority != "" && !strings.Contains(authority, "@")
	}
	scheme = lowerASCII(scheme)
	return scheme != "http" && scheme != "https"
}

func canonicalResource(resource string) string {
	scheme, rest, found := strings.Cut(resource, ":")
	if !found {
		return resource
	}
	authority, tail, hasAuthority := splitAuthority(rest)
	if !hasAuthority || strings.Contains(authority, "@") {
		return lowerASCII(scheme) + ":" + rest
	}
	if !strings.HasPrefix(tail, "/") {
		tail = "/" + tail
	}
	return lowerASCII(scheme) + "://" + lowerASCII(authority) + tail
}

// splitAuthority splits what follows the colon of a scheme into authority and the rest.
func splitAuthority(rest string) (authority, tail string, found bool) {
	rest, found = strings.CutPrefix(rest, "//")
	if !found {
		return "", rest, false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	return rest[:end], rest[end:], true
}
