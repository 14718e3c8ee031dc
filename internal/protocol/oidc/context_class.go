package oidc

import "slices"

// The authentication context classes that this server publishes, the strongest
// last (OpenID Connect Core 1.0 section 2). They say how a user was authenticated, and nothing
// about how they were registered.
const (
	// ContextPassword is one factor that the user knows.
	ContextPassword = "urn:authly:acr:password" //nolint:gosec // the name of a class
)

// MethodPassword is the authentication method reference of RFC 8176 section 2.
const MethodPassword = "pwd"

// ContextClasses returns all classes, as discovery lists them.
func ContextClasses() []string { return []string{ContextPassword} }

// ContextClass returns the class of the given methods of RFC 8176, or "".
func ContextClass(methods []string) string {
	if slices.Contains(methods, MethodPassword) {
		return ContextPassword
	}
	return ""
}
