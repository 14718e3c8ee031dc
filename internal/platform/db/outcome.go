package db

import (
	"context"
	"errors"
)

// outcomeUnknownError is a COMMIT whose answer was lost.
type outcomeUnknownError struct{ cause error }

func (e *outcomeUnknownError) Error() string {
	return "commit: outcome unknown: " + e.cause.Error()
}

// Unwrap returns the driver's error.
func (e *outcomeUnknownError) Unwrap() error { return e.cause }

// IsOutcomeUnknown reports whether err is a COMMIT whose answer was lost: the changes may have been
// written, or may still be.
func IsOutcomeUnknown(err error) bool {
	var unknown *outcomeUnknownError
	return errors.As(err, &unknown)
}

// committerKey finds the Committer of one database in a context.
type committerKey struct{ database *DB }

// Committer wraps a commit: it calls one of the two functions once, and returns the result for the
// transaction.
type Committer func(commit, rollback func() error) error

// Committing returns a context whose commits go through a Committer. A test uses it to lose the
// answer of a commit, or the commit itself.
func (d *DB) Committing(ctx context.Context, through Committer) context.Context {
	return context.WithValue(ctx, committerKey{d}, through)
}

// commit ends a transaction within the deadline of ctx.
func (d *DB) commit(ctx context.Context, open transaction) error {
	if through, ok := ctx.Value(committerKey{d}).(Committer); ok {
		return through(func() error { return open.commit(ctx) }, func() error { return open.rollback(ctx) })
	}
	return open.commit(ctx)
}
