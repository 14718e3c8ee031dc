package admin

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Patch is a member of a request that may be left out. In a change, one that is left out
// stays as it is, and null gives it its default again; in a creation, both mean the default.
type Patch[T any] struct {
	Sent  bool
	Null  bool
	Value T // the zero value for null, which stands for the default
}

// UnmarshalJSON notes that the member was sent.
func (p *Patch[T]) UnmarshalJSON(encoded []byte) error {
	*p = Patch[T]{Sent: true}
	if string(encoded) == "null" {
		p.Null = true
		return nil
	}
	return json.Unmarshal(encoded, &p.Value)
}

// Schema describes the member as a T that may be null.
func (Patch[T]) Schema(registry huma.Registry) *huma.Schema {
	described := *registry.Schema(reflect.TypeFor[T](), false, "")
	if described.Type != "" {
		described.Nullable = true
	}
	return &described
}

// into changes what a member stands for, if it was sent.
func (p Patch[T]) into(target *T) {
	if p.Sent {
		*target = p.Value
	}
}
