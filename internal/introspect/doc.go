// Package introspect is the introspection endpoint (RFC 7662): a caller with
// credentials asks whether a token counts right now.
//
// An answer is given only about tokens that are meant for the caller: its own, and those whose
// audience is a resource that it is registered to protect. For every other token, for an
// unknown, expired or revoked one, and for one whose user, client, grant or session
// has ended, the answer is exactly {"active":false}.
//
// A resource server learns only for which of its own resources a token is, and the scopes there.
//
// Not here: JWT responses (RFC 9701).
package introspect
