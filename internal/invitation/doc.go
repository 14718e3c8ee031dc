// Package invitation lets a user whose account an administrator created choose a password, with
// a URL that the administrator passes on.
//
//	created ──▶ used         (the password is set)
//	  │
//	  └────▶ expired after three days, or replaced by the next one
//
// The token in it has 256 bits, is stored as a hash, and is consumed by one conditional
// statement in the transaction that sets the password. The link is /invitation/{token}, which
// leads to the page ([httpx.Links]). The page /invitation needs no separate form token,
// as posting the form requires the token of the invitation; and it signs
// no user in.
//
// Not here: sending the URL, and who may invite (package admin).
package invitation
