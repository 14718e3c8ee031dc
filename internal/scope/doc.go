// Package scope keeps the catalogue of scopes (RFC 6749 section 3.3): which ones
// there are, which are granted when a client asks for none, and what a person is told
// about them on the consent page.
//
// The six scopes of OpenID Connect Core 1.0 (sections 3.1.2.1, 5.4 and 11) are put
// there at the first start, with those of this server's administration, which nobody gets who is
// no administrator; [Service.Seed] never changes one that exists.
//
// The catalogue is small and read at every authorization request, so it is kept in
// memory for a few seconds: a change on another node is seen after [Lifetime].
//
// Not here: what a client may ask for (its record), which claims a scope stands for
// (package oidc), the administration of the catalogue over HTTP (package admin).
package scope
