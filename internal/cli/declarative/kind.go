package declarative

import (
	"encoding/json"
	"fmt"
	"slices"
)

// kind is a sort of record that a file can describe.
type kind struct {
	name   string // of one record
	member string // of a document, and of the answers of lists; also the path
	key    string // the field that names a record
	domain string // the scopes of its operations are admin:domain:read and :write
	// create and change are the fields that may be sent, view is what is read.
	create, change, view fields
	// secret is the field with a reference to a secret, "" for none.
	secret string
	// switched says that records are switched off and on by operations of their own.
	switched bool
}

// overlapField and stateField are fields of a document that no operation takes as they are.
const (
	overlapField = "client_secret_overlap_seconds"
	stateField   = "state"
	managedField = "managed_by"
	builtInField = "built_in"
)

// The states of records that are switched.
const (
	active   = "active"
	disabled = "disabled"
)

// fields are the names of the members of an object, and whether they are always there.
type fields map[string]bool

func (f fields) has(name string) bool { _, known := f[name]; return known }

// kinds returns the kinds in the order in which records are made: a client needs its scopes.
// The names of their fields come from the description of the administration.
func kinds(description []byte) ([]kind, error) {
	var described struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage `json:"properties"`
				Required   []string                   `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(description, &described); err != nil {
		return nil, fmt.Errorf("read the description of the administration: %w", err)
	}
	members := func(schema string) fields {
		found := fields{}
		for name := range described.Components.Schemas[schema].Properties {
			found[name] = slices.Contains(described.Components.Schemas[schema].Required, name)
		}
		return found
	}
	all := []kind{
		{
			name: "scope", member: "scopes", key: "name", domain: "scopes",
			create: members("NewScope"), change: members("ScopeFields"), view: members("Scope"),
		},
		{
			name: "client", member: "clients", key: "client_id", domain: "clients", secret: "client_secret", switched: true,
			create: members("NewClient"), change: members("ClientFields"), view: members("Client"),
		},
	}
	for _, each := range all {
		if !each.create.has(each.key) || !each.view.has(each.key) || !each.change.has(managedField) {
			return nil, fmt.Errorf("the description of the administration lacks what is known of a %s", each.name)
		}
	}
	return all, nil
}

// isField tells whether a document may have a field.
func (k kind) isField(name string) bool {
	switch name {
	case managedField, builtInField: // the first is the document's own name
		return false
	case stateField:
		return k.switched
	case overlapField:
		return k.secret != ""
	}
	return k.create.has(name) || k.change.has(name)
}

// isClearable tells whether a record can be without a field: null says so then.
func (k kind) isClearable(name string) bool {
	always, read := k.view[name]
	return read && !always
}

func (k kind) scopeToRead() string  { return "admin:" + k.domain + ":read" }
func (k kind) scopeToWrite() string { return "admin:" + k.domain + ":write" }
