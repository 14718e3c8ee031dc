// Package userinfo is the UserInfo endpoint (OpenID Connect Core 1.0 section
// 5.3): the claims of an access token's scopes, by GET and
// POST, with the token in the Authorization header or in a form body, never in the
// query (RFC 6750, RFC 9700 section 4.3.2).
//
// A token that was revoked or whose user, client, grant or session has ended is
// refused at once, JWT or not; so is one for another resource server
// (RFC 8707, RFC 9068 section 4): its audience must contain the issuer.
//
// The response is JSON, or a JWT that is signed, encrypted or both, as the client
// registered (section 5.3.2).
package userinfo
