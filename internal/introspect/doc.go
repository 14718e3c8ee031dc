// Package introspect is the introspection endpoint (RFC 7662): a caller with
// credentials asks whether a token counts right now.
//
// It is told only about tokens that are meant for it: its own, and those whose
// audience is a resource that it is registered to protect. Of every other token, of an
// unknown, expired or revoked one, and of one whose user, client, grant or session
// has ended, it learns exactly {"active":false}.
//
// A resource server learns only which of its own resources a token is for, and the scopes that count there.
//
// Not here: JWT responses (RFC 9701).
package introspect
