package db

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/page"
)

// Listing is a list that is read page by page, the newest row first.
//
// A page costs one seek in an index and a bounded number of rows from there, whatever the
// conditions. So there are two kinds of conditions: those of Within are on columns that an
// index has before the order, and those of Matching are evaluated row by row. Where few rows
// match, a page can end before it is full, even empty; its Next says where to go on.
type Listing struct {
	// Table is the table read, Columns the columns returned; they may be subqueries about a row.
	Table, Columns string
	// Time is the column that orders the list, before the identifier; "" to order by the
	// identifier alone. It must never change in a row.
	Time string
	// Through is the table whose identifiers are walked, if that is not Table: the rows of
	// Table are read only for those on the page, so that no engine can start with them. The
	// order is then by the identifier, and the conditions are on Through.
	Through string
	// Dear says that the conditions of Matching query several other tables for each row, so
	// fewer rows are examined for a page.
	Dear bool

	within, matching []condition
	since, until     time.Time
	before           page.Position
}

type condition struct {
	text      string
	arguments []any
}

// window is how many rows of an index are examined for one page.
const window = 2000

// dearWindow is the window where each row costs several times as much.
const dearWindow = 500

func (l *Listing) window() int {
	if l.Dear {
		return dearWindow
	}
	return window
}

// Within adds a condition on the columns that an index has before the order. Each $?
// in it stands for one of the arguments.
func (l *Listing) Within(text string, arguments ...any) {
	l.within = append(l.within, condition{text, arguments})
}

// Matching adds any other condition. It is written so that no index can serve it: an
// engine that used one would lose the order and read every matching row.
func (l *Listing) Matching(text string, arguments ...any) {
	l.matching = append(l.matching, condition{"CASE WHEN " + text + " THEN 1 ELSE 0 END = 1", arguments})
}

// Between bounds the time of the order to [since, until). Either may be zero.
func (l *Listing) Between(since, until time.Time) { l.since, l.until = since, until }

// Before continues where an earlier page ended.
func (l *Listing) Before(at page.Position) { l.before = at }

// bounded returns the conditions of Within with exactly one bound at each end, the narrower
// one: given two, an engine may seek by the wider. Both ends are always bounded, so that a list
// has few distinct statements.
func (l *Listing) bounded(end page.Position) []condition {
	first := page.Position{At: latest(), ID: uuid.Max}
	if !l.until.IsZero() {
		first = page.Position{At: l.until}
	}
	if !l.before.IsZero() && (l.Time == "" || l.before.At.Before(first.At)) {
		first = l.before
	}
	if end.IsZero() {
		end.At = l.since
	}
	return append(slices.Clone(l.within), condition{l.compared("<"), l.key(first)}, condition{l.compared(">="), l.key(end)})
}

// latest is after every time that is stored.
func latest() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

func (l *Listing) key(at page.Position) []any {
	if l.Time == "" {
		return []any{at.ID}
	}
	return []any{at.At, at.ID}
}

func (l *Listing) compared(operator string) string {
	if l.Time == "" {
		return "id " + operator + " $?"
	}
	return "(" + l.Time + ", id) " + operator + " ($?, $?)"
}

// columns returns the columns of the order, each with the suffix.
func (l *Listing) columns(suffix string) string {
	if l.Time == "" {
		return "id" + suffix
	}
	return l.Time + suffix + ", id" + suffix
}

// walked returns the table that the conditions are on.
func (l *Listing) walked() string { return cmp.Or(l.Through, l.Table) }

// statement builds a query and numbers its placeholders.
func (l *Listing) statement(columns, tail string, conditions ...condition) (string, []any) {
	var (
		text      strings.Builder
		arguments []any
	)
	text.WriteString("SELECT " + columns + " FROM " + l.walked())
	for i, each := range conditions {
		text.WriteString(map[bool]string{true: " WHERE ", false: " AND "}[i == 0])
		part := each.text
		for _, argument := range each.arguments {
			arguments = append(arguments, argument)
			part = strings.Replace(part, "$?", "$"+strconv.Itoa(len(arguments)), 1)
		}
		text.WriteString(part)
	}
	text.WriteString(" ORDER BY " + l.columns(" DESC") + tail)
	return text.String(), arguments
}

// end returns the last position that may be examined for a page, zero if the list ends before.
func (l *Listing) end(ctx context.Context, from Querier) (page.Position, error) {
	statement, arguments := l.statement(l.columns(""), " LIMIT 1 OFFSET "+strconv.Itoa(l.window()-1), l.bounded(page.Position{})...)
	var (
		at   time.Time
		last uuid.UUID
		into = []any{&last}
	)
	if l.Time != "" {
		into = []any{&at, &last}
	}
	err := from.QueryRow(ctx, statement, arguments...).Scan(into...)
	if errors.Is(err, ErrNoRows) {
		return page.Position{}, nil
	}
	return page.Position{At: at, ID: last}, err
}

// ReadPage returns a page of at most limit rows. position returns the position of a row.
func ReadPage[T any](ctx context.Context, from Querier, list Listing, limit int, scan func(Row) (T, error), position func(T) page.Position) (page.Of[T], error) {
	var end page.Position
	if len(list.matching) > 0 {
		var err error
		if end, err = list.end(ctx, from); err != nil {
			return page.Of[T]{}, err
		}
	}
	columns := list.Columns
	if list.Through != "" {
		columns = "id"
	}
	statement, arguments := list.statement(columns, "", append(list.bounded(end), list.matching...)...)
	arguments = append(arguments, limit+1) // one more row shows whether there is another page
	statement += " LIMIT $" + strconv.Itoa(len(arguments))
	if list.Through != "" {
		statement = "SELECT " + list.Columns + " FROM " + list.Table + " WHERE id IN (" + statement + ")"
	}
	rows, err := from.Query(ctx, statement, arguments...)
	items, err := Collect(rows, err, scan)
	if err != nil {
		return page.Of[T]{}, err
	}
	if list.Through != "" {
		slices.SortFunc(items, func(a, b T) int {
			first, second := position(a).ID, position(b).ID
			return bytes.Compare(second[:], first[:])
		})
	}
	if len(items) > limit {
		return page.Of[T]{Items: items[:limit], Next: position(items[limit-1])}, nil
	}
	return page.Of[T]{Items: items, Next: end}, nil
}
