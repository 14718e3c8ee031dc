// Package oauth has the vocabulary of OAuth 2.1 and the rules that depend on nothing
// but a message itself: parameters (RFC 6749 section 3.1), errors and their codes,
// scopes (section 3.3), redirect URIs (RFC 8252, RFC 9700 section 4.1), PKCE
// (RFC 7636), client credentials in a header (RFC 6749 section 2.3.1), bearer tokens in a
// header (RFC 6750 section 2.1) and resource indicators (RFC 8707).
//
// Everything here is pure: no clock, no store, no HTTP. Every function that reads
// network input is bounded, and refuses with an [*Error] whose code
// is the one that the specification gives for the case.
//
// What it does not do: decide what a client may request (that depends on the client's
// record), or turn an error into a status or a header (package httpx).
package oauth
