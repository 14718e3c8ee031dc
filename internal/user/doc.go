// Package user keeps the accounts of people: their names, what is known about
// them (OpenID Connect Core 1.0 section 5.1), and the password by which they are
// recognized. A user's subject identifier is the record's UUID, which is never given
// to anybody else (section 2).
//
//	active ◀──▶ disabled        deleted: the row is gone, with everything below it
//
// A user who is disabled or deleted is signed out at once: their sessions are ended
// in the same transaction, and whoever judges a session or a token asks for its
// user's state besides.
//
// Usernames and e-mail addresses are unique in their folded form (RFC 8265); a
// username never has an "@", so one input field takes both. Passwords are prepared by
// the OpaqueString profile, held to the rules of NIST SP 800-63B-4 when they are chosen,
// and hashed outside of every transaction. [Service.VerifyPassword] does the same work and
// gives the same answer for a wrong password, an unknown and a disabled user.
//
// The last administrator who can sign in can't be disabled, deleted, demoted or made to
// choose a new password; changes of users wait for one another, so that two at once are no
// way either.
//
// Whoever has to choose a new password, as others know the one that they have, has nothing
// that counts: the views by which sessions, codes and tokens are judged leave them out. A ticket
// lets somebody choose one, for that or after an invitation. There is one of each kind for a
// person, kept as a hash, and used up by one conditional statement.
//
// An account has a credential version, which every change of password, state and required
// change raises. Verifying a password or finding a ticket returns a [Verified], the account as
// it was; whatever begins with it asks first, in its own transaction, whether it still is ([Verified.Admit]).
//
// A list is a walk through one index in the order of making. It has all that is asked about,
// so that any part of a name can be looked for and all filters go together. A page looks at
// a bounded number of users: where few match, it ends before it is full and says where to go on.
//
// Not here: sessions, throttling, and the pages.
package user
