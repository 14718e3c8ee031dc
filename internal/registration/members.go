package registration

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// maxListEntries bounds each list of a request. The client's own rules are
// narrower for most.
const maxListEntries = 100

// members are those of a registration request, by their exact names. Reading one
// that has another type than it should notes its name in wrong.
type members struct {
	values map[string]json.RawMessage
	wrong  []string
}

// parseMembers reads the body of a request: one JSON object without repeated
// names, which parsers read differently. null is the same as absent (RFC 7591
// section 2), and so are the empty text and the empty list.
func parseMembers(document []byte) (*members, error) {
	read := &members{}
	if err := jose.UnmarshalClaims(document, &read.values); err != nil {
		return nil, oauth.Refuse(oauth.InvalidClientMetadata, "the body is not one JSON object without repeated members").Because(err)
	}
	for name, value := range read.values {
		if text := string(value); text == "null" || text == `""` || text == "[]" {
			delete(read.values, name)
		}
	}
	return read, nil
}

func (m *members) has(name string) bool { return m.values[name] != nil }

// leaveOut forgets the members of which an administrator has set the one value that there is.
// Lists stay: the client may choose from what the administrator has left.
func (m *members) leaveOut(settled client.Settled) {
	for name, left := range settled {
		if left == nil {
			delete(m.values, name)
		}
	}
}

// read decodes a member, if it is there, and tells whether it was.
func (m *members) read(name string, into any) bool {
	value, found := m.values[name]
	if !found {
		return false
	}
	if err := json.Unmarshal(value, into); err != nil {
		m.refuse(name)
		return false
	}
	return true
}

func (m *members) refuse(name string) {
	if !slices.Contains(m.wrong, name) {
		m.wrong = append(m.wrong, name)
	}
}

// into reads a member into a field of a client's record, which is emptied if the member is absent.
func (m *members) into(name string, field any) {
	switch field := field.(type) {
	case *bool:
		*field = m.boolean(name)
	case *[]string:
		*field = m.texts(name)
	case **client.Seconds:
		*field = m.seconds(name)
	case *json.RawMessage:
		*field = m.object(name)
	default:
		reflect.ValueOf(field).Elem().SetString(m.text(name))
	}
}

func (m *members) text(name string) string {
	var text string
	m.read(name, &text)
	return text
}

func (m *members) boolean(name string) bool {
	var value bool
	m.read(name, &value)
	return value
}

// texts reads a list. An entry that is empty, or null, is not a value of anything.
func (m *members) texts(name string) []string {
	var pointers []*string
	if !m.read(name, &pointers) {
		return nil
	}
	if len(pointers) > maxListEntries {
		m.refuse(name)
		return nil
	}
	texts := make([]string, 0, len(pointers))
	for _, pointer := range pointers {
		if pointer == nil || *pointer == "" {
			m.refuse(name)
			return nil
		}
		if !slices.Contains(texts, *pointer) {
			texts = append(texts, *pointer)
		}
	}
	return texts
}

// seconds reads a number of seconds that is not negative; nil if there is none.
func (m *members) seconds(name string) *client.Seconds {
	var number client.Seconds
	if !m.read(name, &number) {
		return nil
	}
	const most = client.Seconds(1 << 32) // far more than any rule allows, far less than overflows
	if number < 0 || number > most {
		m.refuse(name)
		return nil
	}
	return &number
}

// object reads a member that is an object, and keeps its text.
func (m *members) object(name string) json.RawMessage {
	value := m.values[name]
	if value != nil && value[0] != '{' {
		m.refuse(name)
		return nil
	}
	return value
}

// refusal names the members that could not be read, or is nil.
func (m *members) refusal() error {
	switch {
	case len(m.wrong) == 0:
		return nil
	case slices.Contains(m.wrong, "redirect_uris"):
		return oauth.Refuse(oauth.InvalidRedirectURI, "redirect_uris is not a list of addresses that such an application may have")
	default:
		slices.Sort(m.wrong)
		return oauth.Refuse(oauth.InvalidClientMetadata, "these members have a wrong type or value: "+strings.Join(m.wrong, ", "))
	}
}

func words[T ~string](texts []string) []T {
	all := make([]T, len(texts))
	for i, text := range texts {
		all[i] = T(text)
	}
	return all
}
