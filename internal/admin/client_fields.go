package admin

import (
	"encoding/json"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"authly/internal/client"
)

// ClientFields are the members of a client that a request has, each of them optional. In a change, a member that is left
// out stays as it is, and null gives it its default again (RFC 7396); in a creation, both mean the default.
type ClientFields struct {
	client.Metadata

	sent []string // the names of the members that the request has
}

// UnmarshalJSON notes which members were sent.
func (f *ClientFields) UnmarshalJSON(document []byte) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(document, &values); err != nil {
		return err
	}
	*f = ClientFields{}
	for member := range client.Members() {
		value, sent := values[member.Name]
		if !sent {
			continue
		}
		f.sent = append(f.sent, member.Name)
		if string(value) == "null" {
			continue
		}
		if err := json.Unmarshal(value, member.Of(&f.Metadata)); err != nil {
			return err
		}
	}
	return nil
}

// TransformSchema describes that each member may be left out, and be null.
func (ClientFields) TransformSchema(_ huma.Registry, described *huma.Schema) *huma.Schema {
	described.Required = nil
	for member := range client.Members() {
		if property := described.Properties[member.Name]; property.Type != "" {
			property.Nullable = true
		}
	}
	return described
}

// has reports whether the request has one of the members.
func (f ClientFields) has(members ...string) bool {
	return slices.ContainsFunc(members, func(name string) bool { return slices.Contains(f.sent, name) })
}

// over returns a record with what was sent.
func (f ClientFields) over(record client.Metadata) client.Metadata {
	return record.With(f.Metadata, f.sent...)
}
