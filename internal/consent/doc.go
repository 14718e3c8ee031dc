// Package consent keeps the grants: what a client was allowed for a user. A grant is a
// record of its own (client, user, who decided, permissions, times, revoked), and codes,
// token families and through them all tokens hang from it: when it is revoked, or
// its user or client is disabled or deleted, everything ends at once.
//
// The unit of a grant is the permission, a scope at a resource (decision 0019). A user has at most one live grant of
// their own decision for a client; a further consent widens it. What was let through because the client's record says
// that nobody is asked has a live grant of its own, which is never taken for the user's decision.
//
// Whether a grant makes asking again unnecessary is decided here too (RFC 6749
// section 10.2, RFC 8252 section 8.6, OpenID Connect Core 1.0 section 3.1.2.4).
//
// Not here: the page that asks (package authorize).
package consent
