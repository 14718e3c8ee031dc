// Package bootstrap brings a server that has just been installed to where it can
// be used: the scope catalogue, the signing keys, the clients of its own, the first
// administrator, and for development a demo user, a demo administrator and two demo clients.
//
// The clients of its own have fixed identifiers ([CommandLineClientID], [ConsoleClientID])
// and each start brings them up to date with the issuer and the scopes of the administration.
// The console is made disabled, because there is none yet; otherwise the state is the
// administrators'. Several nodes may start at once.
//
// There are no default credentials. Until there is an administrator, each start
// makes a set-up token of 256 bits that is valid for an hour and replaces the one
// before it:
//
//	made ──▶ used            (and an administrator exists)
//	  │
//	  └────▶ expired, replaced by the next start, or overtaken: an administrator exists
//
// The link /setup/{token} leads to the page /setup ([httpx.Links]), which takes it. The new administrator's name and password are checked
// and hashed first; then one transaction uses the token up by one conditional statement,
// sees that there still is no administrator, and creates the user. The token is one row
// of one table for good, so everyone who uses or replaces it waits for that row: two
// tokens can't both come through. It needs no form token beside it, as nobody can post
// the form without knowing the set-up token.
//
// The configuration may name the first administrator instead ([Service.EnsureAdministrator]).
// That goes by the same row, and never touches an account that is there.
//
// Who has the server's own machine gets back in by a link of another kind ([Service.Recover]):
// it creates a further administrator or gives the one that it is for a new password. It too is one
// row that is used up by one statement, expires in an hour, and ends with the next. It makes no
// account an administrator, and both its making and its use are in the audit log.
//
// Demo credentials ([Service.Dev]) are random and written to a file that only its
// owner may read; they stay as long as they fit the database.
//
// Not here: migrations and the sealing key (before this), further users and clients.
package bootstrap
