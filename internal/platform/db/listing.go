package db

import (
	"context"
	"errors"
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

	within, matching []condition
}

type condition struct {
	text      string
	arguments []any
}

// window is how many rows of an index are looked at for one page.
const window = 2000

// Within adds a condition on the columns that an index has before the order. Each $?
// in it stands for one of the arguments.
func (l *Listing) Within(text string, arguments ...any) {
	l.within = append(l.within, condition{text, arguments})
}

// Matching adds a condition of any other kind.
func (l *Listing) Matching(text string, arguments ...any) {
	l.matching = append(l.matching, condition{text, arguments})
}

// Before goes on where an earlier page has ended.
func (l *Listing) Before(at page.Position) {
	if !at.IsZero() {
		l.Within(l.compared("<"), l.key(at)...)
	}
}

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

// statement joins a query and numbers its placeholders.
func (l *Listing) statement(columns, tail string, conditions ...condition) (string, []any) {
	var (
		text      strings.Builder
		arguments []any
	)
	text.WriteString("SELECT " + columns + " FROM " + l.Table)
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
	statement, arguments := l.statement(l.columns(""), " LIMIT 1 OFFSET "+strconv.Itoa(window-1), l.within...)
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
	conditions := list.within
	var end page.Position
	if len(list.matching) > 0 {
		var err error
		if end, err = list.end(ctx, from); err != nil {
			return page.Of[T]{}, err
		}
		if !end.IsZero() {
			conditions = append(conditions[:len(conditions):len(conditions)], condition{list.compared(">="), list.key(end)})
		}
		conditions = append(conditions[:len(conditions):len(conditions)], list.matching...)
	}
	statement, arguments := list.statement(list.Columns, "", conditions...)
	arguments = append(arguments, limit+1) // one more tells whether there is another page
	rows, err := from.Query(ctx, statement+" LIMIT $"+strconv.Itoa(len(arguments)), arguments...)
	found, err := Collect(rows, err, scan)
	if err != nil {
		return page.Of[T]{}, err
	}
	if len(found) > limit {
		return page.Of[T]{Items: found[:limit], Next: position(found[limit-1])}, nil
	}
	return page.Of[T]{Items: found, Next: end}, nil
}
