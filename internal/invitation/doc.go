// Package invitation lets somebody for whom an account was made choose its password: by
// a URL that an administrator passes on.
//
//	made ──▶ used            (the password is set)
//	  │
//	  └────▶ expired after three days, or replaced by the next one
//
// The token in it has 256 bits, is kept as a hash, and is used up by one conditional
// statement in the transaction that sets the password. The link is /invitation/{token}, which
// leads to the page ([httpx.Links]). The page /invitation needs no form token
// beside it, as nobody can post the form without knowing the one of the invitation; nobody is
// signed in by it either.
//
// Not here: sending the URL to anybody, and who may invite (package admin).
package invitation
