package db

import "context"

// Statement is a statement sent to the engine.
type Statement struct {
	Text      string
	Arguments []any
}

// The texts that tell an observer of the bounds of a transaction: Begin before it
// begins, the others after it has ended, whether or not that succeeded.
const (
	Begin    = "BEGIN"
	Commit   = "COMMIT"
	Rollback = "ROLLBACK"
)

// IsBound reports whether the statement stands for the beginning or the end of a transaction.
func (s Statement) IsBound() bool { return s.Text == Begin || s.Text == Commit || s.Text == Rollback }

// observerKey finds the observer of the statements of one database in a context.
type observerKey struct{ database *DB }

// Observed returns a context whose statements are passed to observe before they
// run, as are the bounds of their transactions. It is for tests: one that checks the plan of a query
// needs its exact text; one that interleaves two requests blocks in observe.
func (d *DB) Observed(ctx context.Context, observe func(Statement)) context.Context {
	return context.WithValue(ctx, observerKey{d}, observe)
}

// notify passes a bound of a transaction to the observer of ctx, if there is one.
func (d *DB) notify(ctx context.Context, bound string) {
	if observe, ok := ctx.Value(observerKey{d}).(func(Statement)); ok {
		observe(Statement{Text: bound})
	}
}

func (d *DB) observed(ctx context.Context, to Querier) Querier {
	if observe, ok := ctx.Value(observerKey{d}).(func(Statement)); ok {
		return observedQuerier{to, observe}
	}
	return to
}

type observedQuerier struct {
	to      Querier
	observe func(Statement)
}

func (q observedQuerier) Exec(ctx context.Context, statement string, arguments ...any) (int64, error) {
	q.observe(Statement{statement, arguments})
	return q.to.Exec(ctx, statement, arguments...)
}

func (q observedQuerier) Query(ctx context.Context, statement string, arguments ...any) (Rows, error) {
	q.observe(Statement{statement, arguments})
	return q.to.Query(ctx, statement, arguments...)
}

func (q observedQuerier) QueryRow(ctx context.Context, statement string, arguments ...any) Row {
	q.observe(Statement{statement, arguments})
	return q.to.QueryRow(ctx, statement, arguments...)
}
