// Package consent keeps the grants: what access a client has for a user. A grant is a
// record of its own (client, user, who decided, permissions, times, revoked). Codes and
// token families, and through them all tokens, refer to it: when it is revoked, or
// its user or client is disabled or deleted, everything ends at once.
//
// The unit of a grant is the permission, a scope at a resource (decision 0019). A user has at most one live grant of
// their own decision for a client; a further consent widens it. Access without a consent page, because the client's
// record says so, has a live grant of its own, which never counts as the user's decision.
//
// The package also decides whether an earlier grant makes the consent page unnecessary (RFC 6749
// section 10.2, RFC 8252 section 8.6, OpenID Connect Core 1.0 section 3.1.2.4).
//
// Not here: the consent page (package authorize).
package consent
