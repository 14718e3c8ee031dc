// Package session keeps the sessions of browsers in which somebody is signed in.
//
//	started ──▶ (authenticated again)* ──▶ ended, expired, or its user disabled or deleted
//
// A session is found by a 256-bit token in a cookie, stored hashed, and new at
// each authentication, so that a token that was planted or seen before a sign-in is
// worth nothing after it. Authenticating again as the same user keeps the session and
// its identifier (the sid of OpenID Connect), as another user ends it. A session ends
// when it was not used for the idle lifetime, and in any case after its lifetime
// since the last authentication. A user has a bounded number of them: one more ends the oldest.
//
// Every lookup asks the database whether the session has ended and whether its user
// may still sign in (the view live_sessions): a cookie alone proves nothing.
//
// What was issued from a session refers to it, and a session that was ended on
// purpose takes that with it. [Service.Sweep] therefore keeps a session for as long as
// something refers to it.
//
// Where it is turned on, clients can watch by a frame whether a browser's session is still
// the same ([BrowserStates], OpenID Connect Session Management 1.0). What they watch is a cookie: it
// changes when this browser signs in or out. A session that ends otherwise (it expires, an administrator ends it)
// is noticed when the browser comes here the next time. Browsers that keep cookies from frames on
// other sites, as most do today, make every answer "changed" there; and a request with prompt=none in such a frame
// finds nobody signed in, because the session's own cookie is never sent there (SameSite=Lax). It is for clients
// on the issuer's site.
//
// Not here: how somebody is recognized (package login), who asks for the end of a
// session (package logout).
package session
