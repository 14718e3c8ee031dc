package client

import (
	"fmt"
	"time"
)

// textTarget reads a text column into a type of its own.
type textTarget[T ~string] struct{ field *T }

func intoText[T ~string](field *T) *textTarget[T] { return &textTarget[T]{field} }

// Scan implements the scanner that both drivers look for.
func (t *textTarget[T]) Scan(source any) error {
	switch text := source.(type) {
	case nil:
		*t.field = ""
	case string:
		*t.field = T(text)
	case []byte:
		*t.field = T(text)
	default:
		return fmt.Errorf("read a text column: it came as %T", source)
	}
	return nil
}

// duration reads a column of seconds; NULL is 0.
type duration struct{ field *time.Duration }

// Scan implements the scanner that both drivers look for.
func (d *duration) Scan(source any) error {
	var read *time.Duration
	err := (&optionalDuration{&read}).Scan(source)
	*d.field = 0
	if read != nil {
		*d.field = *read
	}
	return err
}

// optionalDuration reads a column of seconds; NULL is nil.
type optionalDuration struct{ field **time.Duration }

// Scan implements the scanner that both drivers look for.
func (d *optionalDuration) Scan(source any) error {
	*d.field = nil
	switch seconds := source.(type) {
	case nil:
	case int64:
		read := time.Duration(seconds) * time.Second
		*d.field = &read
	default:
		return fmt.Errorf("read a column of seconds: it came as %T", source)
	}
	return nil
}
