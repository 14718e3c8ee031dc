// Package keys generates, stores, rotates and uses the keys that sign tokens.
//
// A key belongs to one algorithm for its whole life, is identified by its thumbprint
// (RFC 7638) and goes through three states:
//
//	next ──▶ active ──▶ retired ──▶ (deleted)
//
// The next key is in the JWK Set before it signs anything, so that clients which
// cache the set have it when they need it. The active key signs. A retired
// key stays in the set until what it signed has expired (OpenID Connect Core 1.0
// section 10.1.1). There is one active and one next key for each algorithm; two
// partial unique indexes guarantee that, also between nodes.
//
// A compromised key is withdrawn ([Service.Withdraw]): it is deleted in any state,
// together with activating the next one, and everything that it has
// signed becomes invalid. Even with concurrent withdrawals, an algorithm with an active key keeps one.
//
// Changes of keys are in the audit log, written in the transaction of the change:
// by the schedule, by a command on the server's machine, or by an administrator.
//
// [Service.Bootstrap] creates what a server needs to answer its first request: an
// active RS256 and an active ES256 key. [Service.Run] creates the rest and rotates by
// the schedule. All nodes do the same work on the same table without coordination:
// every step is a conditional statement that succeeds on one of them, and the
// others read the result.
//
// Signing, verifying and the JWK Set use an immutable snapshot in memory. A
// node learns within half a minute what another node or the command line changed;
// until then it signs with the previously active key, which is still in the set.
//
// Private keys are sealed for their row. An attacker who can only write to the database
// can therefore not add a key or swap two, and retired keys stay
// sealed for the same reason.
//
// The package also keeps the server's own secrets
// ([Service.Secret]), sealed in the same way.
//
// What it does not do: hold keys of clients, encrypt tokens, or use a key
// outside of the database, such as in a hardware module.
package keys
