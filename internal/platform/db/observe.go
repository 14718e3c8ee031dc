package db

import "context"

// Statement is a statement that was given to the engine.
type Statement struct {
	Text      string
	Arguments []any
}

// The texts by which an observer is told of the bounds of a transaction: of Begin before it
// begins, of the others after it has ended, whichever way.
const (
	Begin    = "BEGIN"
	Commit   = "COMMIT"
	Rollback = "ROLLBACK"
)

// IsBound reports whether the statement stands for the beginning or the end of a transaction.
func (s Statement) IsBound() bool { return s.Text == Begin || s.Text == Commit || s.Text == Rollback }

// observerKey finds what is told of the statements of one database in a context.
type observerKey struct{ database *DB }

// Observed returns a context whose statements are told to observe, before they
// run, and of the bounds of their transactions. A test that looks at the plan of a query needs
// its very text; one that lets something else happen between two statements holds them up there.
func (d *DB) Observed(ctx context.Context, observe func(Statement)) context.Context {
	return context.WithValue(ctx, observerKey{d}, observe)
}

// tell tells the observer of ctx, if there is one, of a bound of a transaction.
func (d *DB) tell(ctx context.Context, bound string) {
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
