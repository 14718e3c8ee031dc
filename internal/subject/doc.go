// Package subject computes the identifier by which a client knows a user (OpenID Connect
// Core 1.0 section 8): the user's own, which is the same for all clients, or a pairwise one,
// which is the same for all clients of one sector and reveals nothing outside of it.
//
// A pairwise subject is derived, not stored: HMAC-SHA256 of sector and user under a
// sealed key of the server, so that it is stable for as long as the key and the client's
// sector are, and only this server can compute it (section 8.1). Changing a client's
// sector changes the subjects that it sees.
//
// The sid of a session is derived in the same way, for one client: a session is shared by
// clients of several sectors, and its identifier would connect the subjects that they see.
//
// Not here: which sector a client belongs to (package client).
package subject
