package client

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"authly/internal/platform/db"
	"authly/internal/protocol/policy"
)

// column is one column of a client's record: where it is read into, and what is written.
type column struct {
	name string
	into any
	from any
}

// columnsOf returns the columns of a client, the identity first. It is the one
// list that reading and writing share.
func columnsOf(c *Client) []column {
	return append([]column{
		{"id", &c.ID, c.ID},
		{"client_id", &c.ClientID, c.ClientID},
		{"built_in", &c.BuiltIn, c.BuiltIn},
		{"created_at", &c.CreatedAt, c.CreatedAt},
		{"updated_at", &c.UpdatedAt, c.UpdatedAt},
		{"state", intoText(&c.State), string(c.State)},
		{"epoch", &c.Epoch, c.Epoch},
		{"set_by_administrator", db.IntoJSON(&c.Settled), db.JSON(c.Settled.stored())},
	}, metadataColumns(&c.Metadata)...)
}

func metadataColumns(m *Metadata) []column {
	columns := []column{
		{"registered_by", intoText(&m.RegisteredBy), string(m.RegisteredBy)},
		{"registered_openly", &m.RegisteredOpenly, m.RegisteredOpenly},
	}
	for member := range Members() {
		columns = append(columns, member.columnOf(m))
	}
	return columns
}

// columnOf returns the member's column.
func (m Member) columnOf(metadata *Metadata) column {
	switch field := m.Of(metadata).(type) {
	case *bool:
		return column{m.column, field, *field}
	case *json.RawMessage:
		return column{m.column, db.IntoJSON(field), document(*field)}
	case *Seconds:
		return column{m.column, &secondsTarget{field}, lifetime(*field)}
	case **Seconds:
		return column{m.column, &optionalSecondsTarget{field}, optionalSeconds(*field)}
	default:
		if m.in(metadata).Kind() == reflect.Slice {
			return column{m.column, db.IntoJSON(field), db.Strings(texts(field))}
		}
		return m.textColumn(field)
	}
}

// isSame reports whether two records are stored with the same value of the member.
func (m Member) isSame(a, b *Metadata) bool { return m.columnOf(a).from == m.columnOf(b).from }

func (m Member) textColumn(field any) column {
	text := column{m.column, intoText(field), reflect.ValueOf(field).Elem().String()}
	if m.nullable && text.from == "" {
		text.from = nil
	}
	return text
}

// searched is the name as lists compare it, which is only written.
func searched(m Metadata) column {
	return column{name: "client_name_folded", from: policy.FoldSearched(m.Name)}
}

func names(columns []column) string {
	all := make([]string, len(columns))
	for i, each := range columns {
		all[i] = each.name
	}
	return strings.Join(all, ", ")
}

func values(columns []column) []any {
	all := make([]any, len(columns))
	for i, each := range columns {
		all[i] = each.from
	}
	return all
}

func document(text json.RawMessage) any {
	if len(text) == 0 {
		return nil
	}
	return string(text)
}

// lifetime is NULL for 0.
func lifetime(s Seconds) any {
	if s == 0 {
		return nil
	}
	return int64(s)
}

func optionalSeconds(s *Seconds) any {
	if s == nil {
		return nil
	}
	return int64(*s)
}

// textTarget reads a text column into a field of a text type; NULL is the empty text.
type textTarget struct{ field reflect.Value }

// intoText returns the target of a pointer to a text.
func intoText(field any) *textTarget { return &textTarget{reflect.ValueOf(field).Elem()} }

// Scan implements the scanner that both drivers look for.
func (t *textTarget) Scan(source any) error {
	switch text := source.(type) {
	case nil:
		t.field.SetString("")
	case string:
		t.field.SetString(text)
	case []byte:
		t.field.SetString(string(text))
	default:
		return fmt.Errorf("read a text column: it came as %T", source)
	}
	return nil
}

// secondsTarget reads a column of seconds; NULL is 0.
type secondsTarget struct{ field *Seconds }

// Scan implements the scanner that both drivers look for.
func (t *secondsTarget) Scan(source any) error {
	var read *Seconds
	err := (&optionalSecondsTarget{&read}).Scan(source)
	*t.field = 0
	if read != nil {
		*t.field = *read
	}
	return err
}

// optionalSecondsTarget reads a column of seconds; NULL is nil.
type optionalSecondsTarget struct{ field **Seconds }

// Scan implements the scanner that both drivers look for.
func (t *optionalSecondsTarget) Scan(source any) error {
	*t.field = nil
	switch seconds := source.(type) {
	case nil:
	case int64:
		read := Seconds(seconds)
		*t.field = &read
	default:
		return fmt.Errorf("read a column of seconds: it came as %T", source)
	}
	return nil
}
