package db

import "context"

// guardKey finds the guard of the transactions of one database in a context.
type guardKey struct{ database *DB }

// Guarded returns a context whose transactions begin with guard, inside the same transaction. If guard fails, the
// transaction fails with its error and its work is not run. A nil guard removes an earlier one.
//
// It is for a condition that was true when a request began and must hold for each change that the request makes,
// whichever feature makes it.
func (d *DB) Guarded(ctx context.Context, guard func(ctx context.Context) error) context.Context {
	return context.WithValue(ctx, guardKey{d}, guard)
}

// behindGuard returns work preceded by the guard of ctx, if there is one.
func (d *DB) behindGuard(ctx context.Context, work func(ctx context.Context) error) func(ctx context.Context) error {
	guard, _ := ctx.Value(guardKey{d}).(func(ctx context.Context) error)
	if guard == nil {
		return work
	}
	return func(ctx context.Context) error {
		if err := guard(ctx); err != nil {
			return err
		}
		return work(ctx)
	}
}
