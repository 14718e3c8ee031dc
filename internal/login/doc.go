// Package login authenticates users by their password: the pages /login and
// /select-account, and the throttling of attempts.
//
// All attempts go through [Service.SignIn]:
//
//	reserve for the address ──▶ for the name ──▶ for the account ──▶ check the password ──▶ give back ──▶ session
//
// Attempts are reserved before anything is checked, so that a hundred concurrent guesses
// are a hundred attempts. The address comes first: an address that is already refused
// can't use up the attempts of an account.
//
// An account has a username and an e-mail address, and one allowance for both. It is
// counted twice: by the typed name, in its folded form, whether or not there is such a user,
// and by the user's identifier. A refusal under the first says so (429). A refusal under the second
// must not, since it would reveal that the two names belong together: it looks like a wrong
// password and takes as long, and only the log has the reason. Unknown names are counted
// twice too. The account's allowance is one attempt larger than the name's, so that a user
// who uses only one name is never refused by it.
//
// A wrong password, an unknown and a disabled user get the same answer for the same work.
//
// Checking takes time, so the session and the ticket are created in a transaction that first checks that the account is
// still as it was when the password was read ([user.Verified]). If not, the answer is that for a wrong password.
//
// A user who has to choose a new password gets no session for the right one, but a ticket, which
// the page for the new password sends back within ten minutes:
//
//	right password ──▶ ticket ──▶ new password ──▶ session
//
// The ticket is consumed in the transaction that sets the password and starts the session.
//
// The form belongs to an interaction and carries its token, or stands alone and
// carries a token derived from a cookie of its own, so that another site can't sign a user in to
// an attacker's account. Each authentication creates a new session
// token. The next steps belong to the authorization endpoint.
//
// OpenID Connect Core 1.0 section 3.1.2.3, RFC 6749 section 10.12, RFC 9700
// section 4.12 (redirects with 303). Not here: which step a request needs (package
// interaction), signing out (package logout), changing a password at will.
package login
