// Package clientauth authenticates clients (RFC 6749 sections 2.3 and 3.2.1,
// OAuth 2.1 section 2.4) for every endpoint that a client calls by itself: token,
// revocation, introspection.
//
// The registered method decides, not what the request brings: a public client
// stays public even if it sends a secret, and a confidential one can't do
// without. The two ways to send a shared secret, client_secret_basic and
// client_secret_post, prove the same thing, so a client that is registered for one
// may use the other; using both at once is refused.
//
// A client that is registered for private_key_jwt signs an assertion about itself
// (RFC 7523), which is good for this server, a few minutes and one time: that it was
// used is a row until it expires, which all nodes share.
//
// What fails is always invalid_client with the same text: whether the client exists
// is nobody's business.
package clientauth
