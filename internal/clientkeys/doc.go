// Package clientkeys has the public keys of clients: to verify what they signed
// (client assertions, request objects) and to encrypt what they are sent.
//
// A client's keys are in its record, or at an address that it registered
// (OpenID Connect Registration 1.0 section 2, jwks and jwks_uri). What is fetched is kept in
// memory:
//
//	absent ──fetch──► fresh ──10 minutes──► stale ──fetch──► fresh
//	                    │                     └──an hour of failures──► absent
//	                    └──a kid that is not there──► fetched again, at most every 10 seconds
//
// So a client can change its key at any time (section 10.1.1 of OpenID Connect Core 1.0),
// an address that is away for a while locks nobody out, and neither a wrong kid nor a broken
// address makes this server ask again and again. Requests at the same time share one fetch.
//
// Not here: which algorithm, type or claim is expected; that is for whoever asks.
package clientkeys
