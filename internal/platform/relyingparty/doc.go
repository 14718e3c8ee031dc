// Package relyingparty is what a client of an OpenID provider has to do (OpenID Connect Core 1.0):
// read the metadata of the provider (RFC 8414), send an authorization request with PKCE, check the
// response, redeem its code and check the ID token; renew tokens, get some for the client itself
// (RFC 6749 section 4.4), and revoke them (RFC 7009).
//
//	Discover ──▶ Begin ──▶ URL ──▶ (the user signs in) ──▶ Code ──▶ Redeem
//
// Nothing is believed that the provider did not sign or say over TLS. The metadata must be the
// issuer's own. A response must have the state of its request and, where it is named, the issuer
// that was asked (RFC 9207). The ID token must be for this client and this sign-in, and signed with
// the provider's keys. Plain http is only for this machine.
//
// Requests go through the HTTP client that the caller gives, which decides what may be reached and how
// long it may take. Redirects are never followed.
//
// Not here: how a user gets to the URL and back, where tokens are kept, sign-ins that are continued by
// another process, and a cache of metadata or keys, which are read for each sign-in.
package relyingparty
