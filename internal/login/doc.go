// Package login recognizes people by their password: the pages /login and
// /select-account, and the throttling of attempts.
//
// One attempt goes like this, and [Service.SignIn] is the only way:
//
//	reserve for the address ──▶ reserve for the account ──▶ check the password ──▶ give the account's back ──▶ session
//
// Attempts are reserved before anything is checked, so that a hundred guesses at
// once are a hundred attempts. The address comes first: one that may not try any more
// can't use up the attempts of an account. Accounts are counted by what was typed, in
// its folded form, whether or not there is such a user; counting by the user would tell
// that a username and an e-mail address belong together. A wrong password, an unknown
// and a disabled user get the same answer for the same work.
//
// Whoever has to choose a new password gets no session for the right one, but a ticket, which
// the page that asks for the new one sends back within ten minutes:
//
//	right password ──▶ ticket ──▶ new password ──▶ session
//
// The ticket is used up in the transaction that sets the password and starts the session.
//
// The form belongs to an interaction and carries its token, or stands alone and
// carries a token made from a cookie of its own, so that nobody can be signed in to
// somebody else's account from another site. Each authentication makes a new session
// token. What comes after it is the authorization endpoint's business.
//
// OpenID Connect Core 1.0 section 3.1.2.3, RFC 6749 section 10.12, RFC 9700
// section 4.12 (redirects with 303). Not here: which step a request needs (package
// interaction), signing out (package logout), changing a password at will.
package login
