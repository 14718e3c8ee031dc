// Package user keeps the accounts of people: their names, their claims
// (OpenID Connect Core 1.0 section 5.1), and the password with which they
// authenticate. A user's subject identifier is the record's UUID, which is never
// reassigned (section 2).
//
//	active ◀──▶ disabled        deleted: the row is gone, with everything below it
//
// A user who is disabled or deleted is signed out at once: their sessions are ended
// in the same transaction, and every check of a session or a token also checks the
// state of its user.
//
// Usernames and e-mail addresses are unique in their folded form (RFC 8265); a
// username never has an "@", so one input field takes both. Passwords are prepared by
// the OpaqueString profile, checked against the rules of NIST SP 800-63B-4 when they are chosen,
// and hashed outside of every transaction. [Service.VerifyPassword] does the same work and
// gives the same answer for a wrong password, an unknown and a disabled user.
//
// The last administrator who can sign in can't be disabled, deleted, demoted or made to
// choose a new password. Changes of users wait for one another, so that two concurrent ones
// can't get around that.
//
// While a user has to choose a new password, because an administrator knows the present one, nothing of theirs
// counts: the views by which sessions, codes and tokens are judged leave such users out. A ticket
// lets a user choose a password, for that or after an invitation. There is one of each kind for each
// user, stored as a hash, and consumed by one conditional statement.
//
// An account has a credential version, which every change of password, state and required
// change raises. Verifying a password or finding a ticket returns a [Verified], the account as
// it was. A transaction that starts something with it first checks that it still is ([Verified.Admit]).
//
// A list is a walk through one index in the order of creation. The index covers all filters,
// so that any part of a name can be searched and all filters combine. A page examines
// a bounded number of users: where few match, it ends before it is full and says where to continue.
//
// Not here: sessions, throttling, and the pages.
package user
