// Package registration lets clients register themselves (RFC 7591, OpenID Connect
// Dynamic Client Registration 1.0), and read, change and delete their own record
// afterwards (RFC 7592).
//
// It is off unless the configuration says otherwise, and then nothing is mounted.
// Whoever registers a client shows an initial access token (RFC 7591 section 3),
// which an operator has made; in open mode anybody may register one. Either way there is
// a [Policy], which says what such a client can be at most: its security profile and what that
// bundles, one by one; scopes, authentication methods, grants, lifetimes, and how long it may stay
// unused. The policy is copied to the client, so that a change of the record keeps to it as well.
//
// What a request says is taken member by member, by its exact name, into the
// metadata of a client that has everything else from the policy. Unknown members are
// ignored (RFC 7591 section 2). So no request can write what only an administrator may:
// that a client needs no consent, which resources it protects, what its client_id is.
//
// The record's life: registered → used (somebody allowed it something, or it got a
// token of its own) or, at the end of the policy's time, deleted. A registration access
// token is stored as a hash and stays the same for the record's life. It is looked up
// by that hash alone, and the client_id in the address is compared afterwards: an unknown client and
// another client's token are refused by the same steps with the same answer.
//
// Addresses of a client are checked by the rules of package egress. One document is
// asked for its content, that of the sector identifier, and what the caller learns is
// only that it does not fit. How often one address has this server ask somebody is bounded.
//
// A client's logo is fetched when its record is written, and a few times later if that
// fails. It is drawn anew as a PNG of a bounded size and served from here; the registration
// does not depend on it. Only PNG, JPEG and GIF are read.
//
// Not here: software statements (RFC 7591 section 2.3; the member is ignored), client
// metadata documents, a page or an HTTP interface for initial access tokens.
package registration
