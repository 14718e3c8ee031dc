// Package signin gets tokens from a server as any OAuth client does: by its metadata (RFC 8414),
// with an authorization code and PKCE through the person's browser and a listener on this machine
// (RFC 8252), by a refresh token, or with a client's own credentials; and it gives them back (RFC 7009).
//
// Nothing is believed that the server did not sign or say over TLS: the metadata must be the
// issuer's own, a response must come with our state and, where it is said, from that issuer
// (RFC 9207), and the ID token must be for us, for this sign-in, and signed with the server's keys.
// Plain http is only for this machine.
//
// Not here: where tokens are kept and when they are renewed (package account).
package signin
