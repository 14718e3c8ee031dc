// Package ratelimit counts attempts and says when there were too many, with the
// generic cell rate algorithm of package policy: one time is kept for each subject
// and limit, and nothing has to be reset by a timer.
//
// An attempt is reserved before it is checked, in one atomic step of the store, so
// that a hundred guesses at once are a hundred attempts. What turns out well is given
// back with [Limiter.Reset]. If the store can't answer, neither can the limiter: an
// error is a refusal to its caller.
//
// Attempts of an address are counted for the networks that it is in, too: see
// [Limiter.AllowAddress].
//
// There are three stores, which behave the same (package ratelimittest holds them to
// it): [Memory] for one process, [SQL] for every node and every restart, [Redis] for
// speed, with [Fallback] to the database when Redis is lost.
//
// Stores see a hash of the limit's name and the subject, never a username or an
// address. It is not keyed with a secret: who has the table can test a guess
// against it, for as long as a row lives.
package ratelimit
