// Package bootstrap prepares a newly installed server for
// use: the scope catalogue, the signing keys, its built-in clients, the first
// administrator, and for development a demo user, a demo administrator and two demo clients.
//
// The built-in clients have fixed identifiers ([CommandLineClientID], [ConsoleClientID])
// and each start updates them to the issuer and the scopes of the administration.
// The console is created disabled, because this version has none yet; after that the administrators
// decide its state. Several nodes may start at once.
//
// There are no default credentials. While there is no administrator, each start
// creates a set-up token of 256 bits that is valid for an hour and replaces the previous
// one:
//
//	created ──▶ used         (and an administrator exists)
//	  │
//	  └────▶ expired, replaced by the next start, or overtaken: an administrator exists
//
// The link /setup/{token} leads to the page /setup ([httpx.Links]), which uses it. The new administrator's name and
// password are validated and hashed first. Then one transaction consumes the token by one conditional statement,
// checks that there still is no administrator, and creates the user. The token is always the same row
// of one table, so all transactions that use or replace it wait for that row: two
// tokens can't both succeed. It needs no separate form token, as posting
// the form requires the set-up token.
//
// The configuration may name the first administrator instead ([Service.EnsureAdministrator]).
// That locks the same row, and never changes an existing account.
//
// The operator of the server's machine can regain access with another kind of link ([Service.Recover]):
// it creates another administrator, or sets a new password for the one that it is for. It too is one
// row, consumed by one statement, expires in an hour, and is replaced by the next. It makes no
// existing account an administrator, and both its creation and its use are in the audit log.
//
// Demo credentials ([Service.Dev]) are random and written to a file that only its
// owner may read. They are kept for as long as they fit the database.
//
// Not here: migrations and the sealing key (before this), further users and clients.
package bootstrap
