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
// So a key that a client withdraws counts for ten minutes, and for an hour if whoever has it
// can also keep the address from being fetched. An answer that is not a set of public keys is
// a failure, never an empty set.
//
// How many sets are kept and how many fetches run at one time is bounded: both follow from
// what clients register.
//
// Not here: which algorithm, type or claim is expected, which is for whoever asks; caching
// headers, which the bounds above stand for; fetched keys over a restart.
package clientkeys
