// Package authorize is the authorization endpoint (RFC 6749 section 3.1, OAuth
// 2.1 section 3.1, OpenID Connect Core 1.0 section 3.1.2) with the consent page.
//
//	validate ──► interaction ──► sign in, choose the account (package login) ──► consent ──► response
//
// There are two kinds of refusals. While the client or its redirect URI is in
// doubt, only our own page may say so. After that the client is told, with state and
// iss, but only once the person is signed in: otherwise anybody could use the server to
// send people to a registered address (RFC 9700 section 4.11.2).
//
// A request that needs nothing from the person is answered at once and leaves no
// interaction behind. Everything else goes through one: each step comes back to
// this endpoint with the interaction's identifier, and interaction.Next says what follows.
// A posted request arrives without cookies, is stored, and goes on as a GET.
//
// RFC 6749 section 4.1, RFC 7636 (PKCE), RFC 8707 (resource), RFC 9207 (iss),
// OpenID Connect Core 1.0 sections 3.1.2.1 to 3.1.2.6 and 5.5, OAuth 2.0 Form Post Response
// Mode, JARM, and session_state in responses with a code (OpenID Connect Session Management
// 1.0 section 2), where that is turned on. Request objects (RFC 9101) are read before anything else of the
// request; one that is kept at an address is fetched only if the client has registered that very
// address. Not here: pushed requests.
package authorize
