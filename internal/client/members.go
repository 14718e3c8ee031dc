package client

import (
	"encoding/json"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Member is a member of a client's [Metadata]. It is defined once, by a field and its tags:
//
//   - json: the name in every document, that of RFC 7591 and its extensions where they have the member. omitempty leaves
//     an empty value out of answers, and stores an empty text as NULL.
//   - by: "client" for a member that a client registering itself can set as it likes; otherwise an administrator sets it.
//   - column: "not null" for a text with omitempty whose empty value is stored as such.
//   - doc: its description.
//
// From that follow its column, the view and the changes of the administration with their description, the options of the
// commands, and the document of dynamic registration. What a value has to be is in the rules of validate.
type Member struct {
	Name string
	// ByClient reports whether a client that registers itself can set the member.
	ByClient bool

	field    int // its index in Metadata
	column   string
	nullable bool
}

// Members returns all members, in the order of their fields.
func Members() iter.Seq[Member] { return slices.Values(members()) }

var members = sync.OnceValue(func() []Member {
	var all []Member
	for field := range reflect.TypeFor[Metadata]().Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		member := Member{
			Name: name, ByClient: field.Tag.Get("by") == "client", field: field.Index[0], column: name,
			nullable: options == "omitempty" && field.Tag.Get("column") != "not null",
		}
		if field.Type == reflect.TypeFor[Seconds]() || field.Type == reflect.TypeFor[*Seconds]() {
			member.column += "_seconds"
		}
		all = append(all, member)
	}
	return all
})

// Of returns a pointer to the member's field.
func (m Member) Of(metadata *Metadata) any { return m.in(metadata).Addr().Interface() }

func (m Member) in(metadata *Metadata) reflect.Value {
	return reflect.ValueOf(metadata).Elem().Field(m.field)
}

// IsEmpty reports whether the member of a record has no value: a list without entries is none.
func (m Member) IsEmpty(metadata Metadata) bool {
	field := m.in(&metadata)
	return field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0
}

// With returns the record with some members as another one has them.
func (m Metadata) With(other Metadata, names ...string) Metadata {
	for member := range Members() {
		if slices.Contains(names, member.Name) {
			member.copy(&m, &other)
		}
	}
	return m
}

// Listed returns the record with empty lists in the place of those that are nil, for documents that have no null.
func (m Metadata) Listed() Metadata {
	for member := range Members() {
		if list := member.in(&m); list.Kind() == reflect.Slice && list.Type() != reflect.TypeFor[json.RawMessage]() && list.IsNil() {
			list.Set(reflect.MakeSlice(list.Type(), 0, 0))
		}
	}
	return m
}

// copy sets the member in one record to what it is in another.
func (m Member) copy(to, from *Metadata) { m.in(to).Set(m.in(from)) }

// Seconds is a time in whole seconds, as documents have it.
type Seconds int64

// SecondsOf returns d in seconds; a fraction is cut off.
func SecondsOf(d time.Duration) Seconds { return Seconds(d / time.Second) }

// Duration returns s as a duration. It is right for all that a record can have.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }
