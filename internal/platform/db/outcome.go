package db

import (
	"context"
	"errors"
)

// outcomeUnknownError is a COMMIT that was sent and whose answer was lost.
type outcomeUnknownError struct{ cause error }

func (e *outcomeUnknownError) Error() string {
	return "commit: it is not known whether it has taken effect: " + e.cause.Error()
}

// Unwrap returns the driver's error.
func (e *outcomeUnknownError) Unwrap() error { return e.cause }

// IsOutcomeUnknown reports whether err is a COMMIT whose answer was lost: what was to be written may
// be there, or may yet come to be there.
func IsOutcomeUnknown(err error) bool {
	var unknown *outcomeUnknownError
	return errors.As(err, &unknown)
}

// committerKey finds what stands around the commits of one database in a context.
type committerKey struct{ database *DB }

// Committer stands around a commit: it calls one of the two functions once, and returns what the
// transaction is to be told.
type Committer func(commit, rollback func() error) error

// Committing returns a context whose commits go through a committer. A test uses it to lose the
// answer of a commit, or the commit itself.
func (d *DB) Committing(ctx context.Context, through Committer) context.Context {
	return context.WithValue(ctx, committerKey{d}, through)
}

// commit ends a transaction in the time that ctx has.
func (d *DB) commit(ctx context.Context, open transaction) error {
	if through, ok := ctx.Value(committerKey{d}).(Committer); ok {
		return through(func() error { return open.commit(ctx) }, func() error { return open.rollback(ctx) })
	}
	return open.commit(ctx)
}
