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
// A page costs the way down an index to where it begins and a bounded number of rows
// from there, whatever is asked for. So there are two kinds of conditions: those of
// Within have an index that goes on with the order, and those of Matching are looked
// at row by row. Where few rows match, a page ends before it is full, even empty,
// and says where to go on.
type Listing struct {
	// Table is read, Columns are answered; they may ask other tables about a row.
	Table, Columns string
	// Time is the column that the order is by, before the identifier; "" if it is by
	// the identifier alone. It must never change in a row.
	Time string
	// Through is where the identifiers are walked through if that is not Table itself: the
	// rows of Table are read for those on the page only, so that no engine can begin with them. The
	// order is then by the identifier, and conditions are on what is walked through.
	Through string
	// Dear says that the conditions of Matching ask several other tables about each row, so that
	// fewer rows are looked at for a page.
	Dear bool

	within, matching []condition
	since, until     time.Time
	before           page.Position
}

type condition struct {
	text      string
	arguments []any
}

// window is how many rows of an index are looked at for one page.
const window = 2000

// dearWindow is how many there are where each one costs several times as much.
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

// Matching adds a condition of any other kind. It is written so that no index can serve it: an
// engine that took one would leave the order, and read everything that matches.
func (l *Listing) Matching(text string, arguments ...any) {
	l.matching = append(l.matching, condition{"CASE WHEN " + text + " THEN 1 ELSE 0 END = 1", arguments})
}

// Between bounds the time of the order: from one on, before another. Either may be zero.
func (l *Listing) Between(since, until time.Time) { l.since, l.until = since, until }

// Before goes on where an earlier page has ended.
func (l *Listing) Before(at page.Position) { l.before = at }

// bounded returns the conditions of Within with one bound at each end, the narrower one:
// of two, an engine may seek by the wider. Both are always there, so that a list
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

// columns returns those of the order, each with the suffix.
func (l *Listing) columns(suffix string) string {
	if l.Time == "" {
		return "id" + suffix
	}
	return l.Time + suffix + ", id" + suffix
}

// walked is what the conditions are on.
func (l *Listing) walked() string { return cmp.Or(l.Through, l.Table) }

// statement joins a query and numbers its placeholders.
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

// end returns the last position that may be looked at for a page, zero if the list ends before.
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

// ReadPage returns a page of at most limit rows. position says where a row is.
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
	found, err := Collect(rows, err, scan)
	if err != nil {
		return page.Of[T]{}, err
	}
	if list.Through != "" {
		slices.SortFunc(found, func(a, b T) int {
			first, second := position(a).ID, position(b).ID
			return bytes.Compare(second[:], first[:])
		})
	}
	if len(found) > limit {
		return page.Of[T]{Items: found[:limit], Next: position(found[limit-1])}, nil
	}
	return page.Of[T]{Items: found, Next: end}, nil
}
