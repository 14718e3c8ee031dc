package fault

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Kind is the kind of a refusal.
type Kind string

// The kinds of refusal.
const (
	NotFound    Kind = "not_found"   // it does not exist, or the caller may not know that it does
	Conflict    Kind = "conflict"    // it exists already, or changed in the meantime
	Invalid     Kind = "invalid"     // the input breaks a rule; Fields says which
	Forbidden   Kind = "forbidden"   // the caller is authenticated and may not do this
	Limited     Kind = "limited"     // too many attempts; try later
	Unavailable Kind = "unavailable" // a bounded resource is exhausted for the moment
)

// Error is one refusal. Key is a stable dotted name such as
// "user.username_taken", which pages turn into a text; Fields maps the name of
// an invalid input to the key of its problem.
type Error struct {
	Kind   Kind
	Key    string
	Fields map[string]string
	cause  error
}

// New returns a refusal of the given kind and key.
func New(kind Kind, key string) *Error { return &Error{Kind: kind, Key: key} }

// WithField returns a copy that also names a wrong input field.
func (e *Error) WithField(name, key string) *Error {
	clone := *e
	clone.Fields = maps.Clone(e.Fields)
	if clone.Fields == nil {
		clone.Fields = map[string]string{}
	}
	clone.Fields[name] = key
	return &clone
}

// Because returns a copy that carries the private reason, for the log only.
func (e *Error) Because(cause error) *Error {
	clone := *e
	clone.cause = cause
	return &clone
}

// Error returns the key with the fields, for the log.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(e.Key)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		text.WriteString(" " + name + "=" + e.Fields[name])
	}
	if e.cause != nil {
		text.WriteString(": " + e.cause.Error())
	}
	return text.String()
}

// Unwrap returns the private reason, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of the first [*Error] in err's chain, or "" if there is none.
func KindOf(err error) Kind {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.Kind
	}
	return ""
}
