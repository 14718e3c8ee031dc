// Package jwks keeps the key sets that others publish at an address (RFC 7517 section 5), in
// memory:
//
//	absent ──fetch──► fresh ──10 minutes──► stale ──fetch──► fresh
//	                    │                     └──an hour of failures──► absent
//	                    └──a kid that is not there──► fetched again, at most every 10 seconds
//
// So the owner can change a key at any time (OpenID Connect Core 1.0 section 10.1.1), an address
// that is away for a while locks out nobody, and neither a wrong kid nor a broken address makes
// this server ask again and again. Requests at the same time share one fetch. A key that is
// withdrawn counts for ten minutes, and for an hour if the address can't be fetched meanwhile. An
// answer that is not a set of public keys is a failure, never an empty set.
//
// How many sets are kept and how many fetches run at one time is bounded, because the addresses
// are chosen by others.
//
// Not here: which algorithm, type or claim is expected; caching headers, which the bounds above
// stand for; fetched keys over a restart.
package jwks
