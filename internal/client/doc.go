// Package client keeps the registered clients (RFC 6749 section 2, OpenID
// Connect Registration 1.0 section 2) and their secrets, and answers what a client
// may do: its methods are the only place where that is decided.
//
// A client is public or confidential for good, by its authentication method:
// one that is registered without a secret stays public even if it sends one.
// Client secrets are made here with 256 bits and stored as SHA-256; a slow hash
// would add nothing to a secret that can't be guessed. A disabled client is
// refused everywhere, and everything it was given ends with it, because whoever
// judges a token asks for its client's state.
//
// The server has clients of its own ([Service.EnsureBuiltIn]) with identifiers that are
// known to everybody. It looks after them itself; an administrator can only disable them.
//
// Not here: dynamic registration (package registration), client metadata
// documents, the administration of clients over HTTP (package admin).
package client
