// Package consent keeps the grants: what a user allowed a client. A grant is a
// record of its own (client, user, scopes, resources, times, revoked), and codes,
// token families and through them all tokens hang from it: when it is revoked, or
// its user or client is disabled or deleted, everything ends at once.
//
// A user has at most one live grant for a client; a further consent widens it.
// Whether a grant makes asking again unnecessary is decided here too (RFC 6749
// section 10.2, RFC 8252 section 8.6, OpenID Connect Core 1.0 section 3.1.2.4).
//
// Not here: the page that asks (package authorize).
package consent
