package db

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// SQLite has no type for a time: times are stored as microseconds since the epoch.

// sqliteArguments converts arguments of types that SQLite lacks.
func sqliteArguments(arguments []any) []any {
	converted := make([]any, len(arguments))
	for i, argument := range arguments {
		switch value := argument.(type) {
		case time.Time:
			converted[i] = value.UnixMicro()
		case *time.Time:
			if value != nil {
				converted[i] = value.UnixMicro()
			}
		case *uuid.UUID:
			if value != nil {
				converted[i] = value.String()
			}
		case uuid.UUID:
			converted[i] = value.String()
		default:
			converted[i] = argument
		}
	}
	return converted
}

// sqliteTargets wraps the destinations that need conversion.
func sqliteTargets(dest []any) []any {
	wrapped := make([]any, len(dest))
	for i, target := range dest {
		switch pointer := target.(type) {
		case *time.Time:
			wrapped[i] = &timeTarget{target: pointer}
		case **time.Time:
			wrapped[i] = &optionalTimeTarget{target: pointer}
		default:
			wrapped[i] = target
		}
	}
	return wrapped
}

type timeTarget struct{ target *time.Time }

// Scan implements [sql.Scanner].
func (t *timeTarget) Scan(source any) error {
	micros, ok := source.(int64)
	if !ok {
		return fmt.Errorf("read a time: it is stored as %T", source)
	}
	*t.target = time.UnixMicro(micros).UTC()
	return nil
}

type optionalTimeTarget struct{ target **time.Time }

// Scan implements [sql.Scanner].
func (t *optionalTimeTarget) Scan(source any) error {
	if source == nil {
		*t.target = nil
		return nil
	}
	var value time.Time
	if err := (&timeTarget{&value}).Scan(source); err != nil {
		return err
	}
	*t.target = &value
	return nil
}

var (
	_ sql.Scanner = (*timeTarget)(nil)
	_ sql.Scanner = (*optionalTimeTarget)(nil)
	_ sql.Scanner = (*jsonTarget)(nil)
)
