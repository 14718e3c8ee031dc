// Package session keeps the sessions of browsers with a signed-in user.
//
//	started ──▶ (authenticated again)* ──▶ ended, expired, or its user disabled or deleted
//
// A session is found by a 256-bit token in a cookie, stored hashed, and new at
// each authentication, so that a token that was planted or seen before a sign-in is
// worthless after it. Authenticating again as the same user keeps the session and
// its identifier (the sid of OpenID Connect); as another user it ends the session. A session ends
// when it was not used for the idle lifetime, and at the latest after its lifetime
// since the last authentication. A user has a bounded number of them: one more ends the oldest.
//
// Every lookup asks the database whether the session has ended and whether its user
// may still sign in (the view live_sessions): a cookie alone proves nothing.
//
// What was issued from a session refers to it, and ends with a session that is ended on
// purpose. [Service.Sweep] therefore keeps a session for as long as
// something refers to it.
//
// If enabled, clients can watch through a frame whether a browser's session is still
// the same ([BrowserStates], OpenID Connect Session Management 1.0). They watch a cookie that
// changes when this browser signs in or out. A session that ends otherwise (it expires, an administrator ends it)
// is noticed at the browser's next visit. Browsers that withhold cookies from frames on
// other sites, as most do today, answer "changed" every time there; and a request with prompt=none in such a frame
// finds no signed-in user, because the session's own cookie is never sent there (SameSite=Lax). So it is for clients
// on the issuer's site.
//
// Not here: how users authenticate (package login), who may end a
// session (package logout).
package session
