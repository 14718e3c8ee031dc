package declarative

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"authly/internal/cli/remote"
)

// kind is a sort of record that a file can describe.
type kind struct {
	name   string // of one record
	member string // of a document, and of the answers of lists; also the path
	key    string // the field that names a record in a document
	domain string // the scopes of its operations are admin:domain:read and :write
	// id is the field that names a record in addresses, and finds the parameter of the list by
	// which a record with a key is found; "" if that is the same.
	id, finds string
	// create and change are the fields that may be sent, view is what is read, and
	// filters are the parameters of the list.
	create, change, view, filters fields
	// secret is the field with a reference to a secret, "" for none; initial are the fields that say
	// how a record begins, and nothing of what becomes of it.
	secret  string
	initial []string
	// begins is what is asked for in place of a secret, "" for nothing. Once are fields that ask
	// for what is shown this once, which no file can do.
	begins string
	once   []string
	// filled are lists that the server fills in when they are empty.
	filled []string
	// withSecret says of a record that it has a secret, "" if records don't tell.
	withSecret string
	// switched says that records are switched off and on by operations of their own.
	switched bool
	// checked are fields that say whether another one was checked, which ends with another value.
	checked map[string]string
	// belongs says that a record is somebody's own: a file has to be told to take it over.
	belongs bool
}

// These are fields of documents and records that the program itself knows.
const (
	overlapField       = "client_secret_overlap_seconds"
	stateField         = "state"
	managedField       = "managed_by"
	builtInField       = "built_in"
	changedField       = "changed"
	administratorField = "administrator"
)

// The states of records that are switched.
const (
	active   = "active"
	disabled = "disabled"
)

// field is what is known of the member of an object.
type field struct {
	always bool // it is always there
	text   bool
	// texts are the members of an object that has nothing but texts.
	texts []string
}

// fields are the members of an object by their names.
type fields map[string]field

func (f fields) has(name string) bool { _, known := f[name]; return known }

// kinds returns the kinds in the order in which records are made: a client needs its scopes.
// The names of their fields come from the description of the administration.
func kinds(text []byte) ([]kind, error) {
	described, err := readDescription(text)
	if err != nil {
		return nil, err
	}
	all := []kind{
		{
			name: "scope", member: "scopes", key: "name", domain: "scopes",
			create: described.members("NewScope"), change: described.members("ScopeFields"), view: described.members("Scope"),
		},
		{
			name: "client", member: "clients", key: "client_id", domain: "clients", secret: "client_secret", switched: true,
			filled: []string{"grant_types", "response_types", "response_modes"},
			create: described.members("NewClient"), change: described.members("ClientFields"), view: described.members("Client"),
		},
		{
			name: "user", member: "users", key: "username", domain: "users", id: "id", finds: "identifier", switched: true, belongs: true,
			create: described.members("NewUser"), change: described.members("UserFields"), view: described.members("User"),
			secret: "password", initial: []string{"password", "require_password_change"}, begins: "invitation",
			once: []string{"invitation", "temporary_password"}, withSecret: "has_password",
			checked: map[string]string{"email_verified": "email", "phone_number_verified": "phone_number"},
		},
	}
	for i := range all {
		each := &all[i]
		each.filters = described.filters(each.member)
		if each.id == "" {
			each.id = each.key
		}
		if !each.create.has(each.key) || !each.view.has(each.key) || !each.view.has(each.id) || !each.change.has(managedField) ||
			each.finds != "" && !each.filters.has(each.finds) || each.begins != "" && !each.create.has(each.begins) {
			return nil, fmt.Errorf("the description of the administration lacks what is known of a %s", each.name)
		}
	}
	return all, nil
}

// description is what the administration says of itself (OpenAPI 3.1), as far as it is needed.
type description struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name string `json:"name"`
			In   string `json:"in"`
		} `json:"parameters"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
			Required   []string                   `json:"required"`
		} `json:"schemas"`
	} `json:"components"`
}

func readDescription(text []byte) (description, error) {
	var read description
	if err := json.Unmarshal(text, &read); err != nil {
		return description{}, fmt.Errorf("read the description of the administration: %w", err)
	}
	return read, nil
}

func (d description) members(schema string) fields {
	found := fields{}
	for name, described := range d.Components.Schemas[schema].Properties {
		found[name] = field{
			always: slices.Contains(d.Components.Schemas[schema].Required, name), text: isText(described), texts: textsOf(described),
		}
	}
	return found
}

// textsOf returns the members of an object, if all of them are texts.
func textsOf(schema json.RawMessage) []string {
	var object struct{ Properties map[string]json.RawMessage }
	if json.Unmarshal(schema, &object) != nil {
		return nil
	}
	for _, member := range object.Properties {
		if !isText(member) {
			return nil
		}
	}
	return slices.Sorted(maps.Keys(object.Properties))
}

// isText tells whether a schema is that of a text, or of a text or null.
func isText(schema json.RawMessage) bool {
	var one struct{ Type string }
	if json.Unmarshal(schema, &one) == nil {
		return one.Type == "string"
	}
	var several struct{ Type []string }
	return json.Unmarshal(schema, &several) == nil && slices.Contains(several.Type, "string")
}

// filters returns the parameters of a list.
func (d description) filters(member string) fields {
	found := fields{}
	for _, each := range d.Paths[remote.Path+remote.Join(member)]["get"].Parameters {
		if each.In == "query" {
			found[each.Name] = field{}
		}
	}
	return found
}

// isField tells whether a document may have a field.
func (k kind) isField(name string) bool {
	switch name {
	case managedField, builtInField: // the first is the document's own name
		return false
	case stateField:
		return k.switched
	case overlapField:
		return k.secret != "" && !k.isInitial(k.secret)
	}
	return k.change.has(name) || k.create.has(name) && !slices.Contains(k.once, name)
}

func (k kind) isInitial(name string) bool { return slices.Contains(k.initial, name) }

// saysNothing tells whether an empty value of a field can't stay: what is always there gets the
// server's default again.
func (k kind) saysNothing(name string, value any) bool {
	known, isRead := k.view[name]
	isClearable := isRead && !known.always
	list, isList := value.([]any)
	return !isClearable && (value == nil || value == "") || isList && len(list) == 0 && slices.Contains(k.filled, name)
}

// isNamed tells whether a record is the one of a key: some names are the same in any letters.
func (k kind) isNamed(name, key string) bool {
	return name == key || k.finds != "" && strings.EqualFold(name, key)
}

func (k kind) scopeToRead() string  { return "admin:" + k.domain + ":read" }
func (k kind) scopeToWrite() string { return "admin:" + k.domain + ":write" }

// mostOfPage is the most that a page may have.
const mostOfPage = "200"

// list returns the request for the list, narrowed by those of the filters that it has.
func (k kind) list(wanted map[string]string) remote.Request {
	query := url.Values{}
	for name, value := range wanted {
		if k.filters.has(name) {
			query.Set(name, value)
		}
	}
	if k.filters.has("limit") {
		query.Set("limit", mostOfPage)
	}
	return remote.Request{Method: http.MethodGet, Path: remote.Join(k.member), Scope: k.scopeToRead(), Query: query}
}
