// Package admin is the administration of this server over HTTP, /api/v1/admin, for
// programs: one resource model with an OpenAPI description that is made from it.
//
// Two questions are asked about every request, both of them in one place, a middleware
// that is made from the scope that each operation declares. An operation that
// declares none is a defect that ends the start.
//
//	caller's address ─▶ token: live, for this API alone ─▶ token has the scope ─▶ administrator now
//
// The last one is about the account, or for a token without a user about the client itself,
// as it is in the database at that moment: the token was made earlier. So that tokens can be
// used for nothing else, they have the API as their audience (RFC 8707).
//
// Errors are problems (RFC 9457), made in one place. They name the wrong field and never
// repeat its value. Pages are by key and never by number; where few rows match a filter, a
// page ends before it is full and says where to go on. ETag and If-Match (RFC 9110) keep an
// administrator from undoing what another one has changed. Idempotency-Key lets a creation
// be sent again. Every change is written to the audit log in its own transaction; what ends
// very many things at once does so in several, each with its event.
//
// What there is of everything is counted by a job and not when somebody asks; the state of the
// system is that of the node which answers.
//
// Not here: at which address it is served (package app).
package admin
