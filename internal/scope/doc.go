// Package scope keeps the catalogue of scopes (RFC 6749 section 3.3): which ones
// exist, which are granted by default, and how the consent page describes
// them.
//
// The six scopes of OpenID Connect Core 1.0 (sections 3.1.2.1, 5.4 and 11) are added
// at the first start, with those of this server's administration, which are granted to
// administrators only; [Service.Seed] never changes an existing one.
//
// The catalogue is small and read at every authorization request, so it is cached in
// memory for a few seconds: a change on another node is seen after [Lifetime].
//
// Not here: what a client may request (its record), the claims of a scope
// (package oidc), the administration of the catalogue over HTTP (package admin).
package scope
