package declarative

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"authly/internal/cli/openapi"
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
	// create and change are the fields that may be sent, and view is what is read.
	create, change, view fields
	// lists is the operation that lists the records.
	lists openapi.Operation
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
	described, err := openapi.Read(text)
	if err != nil {
		return nil, err
	}
	all := []kind{
		{
			name: "scope", member: "scopes", key: "name", domain: "scopes",
			create: membersOf(described, "NewScope"), change: membersOf(described, "ScopeFields"), view: membersOf(described, "Scope"),
		},
		{
			name: "client", member: "clients", key: "client_id", domain: "clients", secret: "client_secret", switched: true,
			filled: []string{"grant_types", "response_types", "response_modes"},
			create: membersOf(described, "NewClient"), change: membersOf(described, "ClientFields"), view: membersOf(described, "Client"),
		},
		{
			name: "user", member: "users", key: "username", domain: "users", id: "id", finds: "identifier", switched: true, belongs: true,
			create: membersOf(described, "NewUser"), change: membersOf(described, "UserFields"), view: membersOf(described, "User"),
			secret: "password", initial: []string{"password", "require_password_change"}, begins: "invitation",
			once: []string{"invitation", "temporary_password"}, withSecret: "has_password",
			checked: map[string]string{"email_verified": "email", "phone_number_verified": "phone_number"},
		},
	}
	for i := range all {
		each := &all[i]
		each.lists = described.Paths[remote.Path+remote.Join(each.member)]["get"]
		if each.id == "" {
			each.id = each.key
		}
		if !each.create.has(each.key) || !each.view.has(each.key) || !each.view.has(each.id) || !each.change.has(managedField) ||
			each.finds != "" && !each.lists.Takes(each.finds) || each.begins != "" && !each.create.has(each.begins) {
			return nil, fmt.Errorf("the description of the administration lacks what is known of a %s", each.name)
		}
	}
	return all, nil
}

// membersOf returns the members of a described object.
func membersOf(described openapi.Description, name string) fields {
	found, object := fields{}, described.Components.Schemas[name]
	for member, of := range object.Properties {
		found[member] = field{always: slices.Contains(object.Required, member), text: of.IsText(), texts: textsOf(of)}
	}
	return found
}

// textsOf returns the members of an object, if all of them are texts.
func textsOf(object openapi.Schema) []string {
	for _, member := range object.Properties {
		if !member.IsText() {
			return nil
		}
	}
	return slices.Sorted(maps.Keys(object.Properties))
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

// list returns the request for the list, narrowed by those of the filters that it has.
func (k kind) list(wanted map[string]string) remote.Request {
	query := url.Values{}
	for name, value := range wanted {
		if k.lists.Takes(name) {
			query.Set(name, value)
		}
	}
	if k.lists.Takes("limit") {
		query.Set("limit", strconv.Itoa(remote.MaxPage))
	}
	return remote.Request{Method: http.MethodGet, Path: remote.Join(k.member), Scope: k.scopeToRead(), Query: query}
}
