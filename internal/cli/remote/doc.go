// Package remote asks the administration of a server over HTTP: it sends one operation, or walks
// through the pages of a list, and turns what the server refuses into a [Problem] and what it
// can't be asked into an [UnreachableError].
//
// A creation that is sent with [Request.Once] has an Idempotency-Key, so that it can be sent again
// when a connection broke and is still done once. Nothing else that changes something is sent twice
// unless nothing of it can have arrived. No redirect is followed: an access token goes to the server
// that it was made for, and nowhere else.
//
// Not here: which operations there are (their description), where tokens come from (package account).
package remote
