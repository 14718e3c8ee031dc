package db

import "context"

// Statement is a statement that was given to the engine.
type Statement struct {
	Text      string
	Arguments []any
}

// observerKey finds what is told of the statements of one database in a context.
type observerKey struct{ database *DB }

// Observed returns a context whose statements are told to observe, before they
// run. A test that looks at the plan of a query needs its very text.
func (d *DB) Observed(ctx context.Context, observe func(Statement)) context.Context {
	return context.WithValue(ctx, observerKey{d}, observe)
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
