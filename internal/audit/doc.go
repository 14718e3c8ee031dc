// Package audit keeps the log of events: who changed what, who signed in,
// and what was refused.
//
// [Log.Record] writes an event in the transaction of the change that it describes, so
// that there is never one without the other. What is refused before it changes anything is
// written by [Log.RecordRefusal], which leaves out most of a flood and says how much.
//
// A change that must happen even if the log can't be written at that moment, such as the end of a token family after a
// replay, promises its event: [Log.RecordEventually] and [Log.Promise] write it into an outbox, and [Log.Deliver] moves it.
//
//	recorded ──▶ sealed into a batch ──▶ deleted with the whole batch
//
// A job seals events into batches. The digest of a batch is keyed with a secret that is
// itself sealed, and covers the digest of the previous batch. So an attacker who can write
// to the database can't change, add or remove a sealed event without
// [Log.Verify] finding it. Batches are sealed afterwards and not event by event, because
// writers would have to queue behind one another. An event can be changed unnoticed
// until it is sealed, and the newest batches can be cut off unless the head of the chain
// is noted elsewhere: [Verification.Head] is for that.
//
// Where a record already says everything, its writer records no event: a [Source] has
// such records, as package token has the rows of access tokens. [Log.Collect] copies them
// soon after, many at a time, into batches that are sealed at once, and [Log.Keep] when they
// are deleted, if they are not in the log by then. [Log.SealOrigin] gives such a record the origin of its request.
//
// The personal values of an event are sealed under a key of that person, which [Log.Erase] destroys when the account is
// deleted. The digests are over the sealed form, so the chain stays valid.
//
// An event is bounded and has no secrets: values of type secret.Redacted
// can't be written.
//
// Not here: ID tokens, which come with an access token; sessions that are ended by a disabled account or a new password; what
// changed in a record that the client itself changes (RFC 7592), only that it did; sending events to other systems, other than by
// [Log.List] page by page.
package audit
