// Package ratelimit counts attempts and refuses those that exceed a rate, with the
// generic cell rate algorithm of package policy: one time is stored for each subject
// and limit, and no timer has to reset anything.
//
// An attempt is reserved before the credential is checked, in one atomic step of the store, so
// that a hundred concurrent guesses are a hundred attempts. After a success the attempts are
// given back with [Limiter.Reset]. If the store fails, so does the limiter: its callers
// must treat an error as a refusal.
//
// Attempts of an address also count for the networks that contain it: see
// [Limiter.AllowAddress].
//
// There are three stores, which behave the same (package ratelimittest checks
// that): [Memory] for one process, [SQL] for all nodes and across restarts, [Redis] for
// speed, with [Fallback] to the database when Redis is down.
//
// Stores see a hash of the limit's name and the subject, never a username or an
// address. It is not keyed with a secret: a reader of the table can test a guess
// against it, for as long as a row lives.
package ratelimit
