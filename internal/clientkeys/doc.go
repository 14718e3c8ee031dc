// Package clientkeys has the public keys of clients: to verify what they signed
// (client assertions, request objects) and to encrypt what they are sent.
//
// A client's keys are in its record, or at an address that it registered
// (OpenID Connect Registration 1.0 section 2, jwks and jwks_uri). Package jwks fetches and
// keeps the latter.
//
// Not here: which algorithm, type or claim is expected, which is for the caller.
package clientkeys
