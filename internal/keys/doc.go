// Package keys makes, keeps, rotates and uses the keys that sign tokens.
//
// A key belongs to one algorithm for its whole life, is named by its thumbprint
// (RFC 7638) and goes through three states:
//
//	next ──▶ active ──▶ retired ──▶ (deleted)
//
// The next key is in the JWK Set before it signs anything, so that clients which
// keep a copy of the set have it when they need it. The active key signs. A retired
// key stays in the set until what it signed has expired (OpenID Connect Core 1.0
// section 10.1.1). There is one active and one next key for each algorithm; two
// partial unique indexes hold that, whatever several nodes do at one time.
//
// A key that has become known to others is withdrawn ([Service.Withdraw]): it is deleted
// in whatever state it is, together with letting the next one sign, and nothing that it has
// signed counts any more. Whatever is asked at once, an algorithm that has an active key keeps one.
//
// What happens to a key is in the audit log, written in the transaction of the change:
// by the schedule, by a command on the server's machine, or by an administrator.
//
// [Service.Bootstrap] makes what a server needs to answer its first request: an
// active RS256 and an active ES256 key. [Service.Run] makes the rest and rotates by
// the schedule. All nodes do the same work on the same table without talking to
// each other: every step is a conditional statement that one of them wins, and the
// others read what came of it.
//
// Signing, verifying and the JWK Set come from an immutable snapshot in memory. A
// node learns within half a minute what another node or the command line changed;
// until then it signs with the key that was active, which is still in the set.
//
// Private keys are sealed for their row. Nobody who can only write to the database
// can therefore add a key or put one in another's place, and retired keys stay
// sealed as they were for the same reason.
//
// The package also keeps secrets that the server has for itself
// ([Service.Secret]), sealed in the same way.
//
// What it does not do: hold keys of clients, encrypt tokens, or use a key that is
// kept outside of the database, such as in a hardware module.
package keys
