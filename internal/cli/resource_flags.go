package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"authly/internal/cli/openapi"
	"authly/internal/config"
)

// form is how the value of a flag becomes JSON.
type form string

const (
	formText    form = "text"
	formList    form = "text, repeated"
	formNumber  form = "number"
	formSeconds form = "duration"
	formSwitch  form = "bool"
	formSecret  form = "file" // its value is in a file: others can see the arguments of a program
	formJSON    form = "JSON file"
)

// member is a member of a request that is a flag.
type member struct {
	name, flag string
	form       form
	value      any
	path       string // of a file
	given      bool
}

func (m *member) String() string { return "" }

// Type returns the form of the value, for the help text.
func (m *member) Type() string {
	switch m.form {
	case formList:
		return "text"
	case formSecret, formJSON:
		return "file"
	default:
		return string(m.form)
	}
}

// Set reads a value.
func (m *member) Set(text string) error {
	m.given = true
	var err error
	switch m.form {
	case formList:
		list, _ := m.value.([]string)
		m.value = append(list, text)
	case formNumber:
		m.value, err = strconv.ParseInt(text, 10, 64)
	case formSwitch:
		m.value, err = strconv.ParseBool(text)
	case formSeconds:
		m.value, err = seconds(text)
	case formSecret, formJSON:
		m.path = text
	default:
		m.value = text
	}
	if err != nil {
		return &formError{expectations()[m.form]}
	}
	return nil
}

// formError is a value that does not have the form of its flag.
type formError struct{ expected string }

func (e *formError) Error() string { return "it is not " + e.expected }

// expectations returns the forms in words, as far as not every text has them.
func expectations() map[form]string {
	return map[form]string{
		formNumber: "a whole number", formSwitch: "true or false", formSeconds: "a duration of whole seconds, such as 5m or 30d, or a number of seconds",
	}
}

// seconds reads 300 and 5m.
func seconds(text string) (int64, error) {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return number, nil
	}
	read, err := config.ParseDuration(text)
	if err == nil && read%time.Second != 0 { // less than one would become 0, which is something else
		err = strconv.ErrSyntax
	}
	return int64(read / time.Second), err
}

var (
	secretMember  = regexp.MustCompile(`(^|_)(secret|password)$`)
	secondsMember = regexp.MustCompile(`(_lifetime|_seconds|_age|^lifetime|^expires_in)$`)
)

// formOf decides how a member is given.
func formOf(name string, s openapi.Schema) form {
	kind := ""
	for _, each := range s.Type {
		if each != "null" {
			kind = each
		}
	}
	switch {
	case kind == "string" && secretMember.MatchString(name):
		return formSecret
	case kind == "string":
		return formText
	case kind == "integer" && secondsMember.MatchString(name):
		return formSeconds
	case kind == "integer":
		return formNumber
	case kind == "boolean":
		return formSwitch
	case kind == "array" && s.Items != nil && slices.Contains(s.Items.Type, "string"):
		return formList
	default:
		return formJSON
	}
}

// flagOf returns what the flag of a member is called.
func flagOf(name string, f form, renamed map[string]string) string {
	flag, ok := renamed[name]
	if !ok {
		flag = strings.ReplaceAll(name, "_", "-")
		flag = strings.TrimSuffix(flag, "-seconds")
		if f == formList { // said once for each
			flag = strings.TrimSuffix(flag, "s")
		}
	}
	if f == formSecret || f == formJSON {
		flag += "-file"
	}
	if isCommon(flag) {
		flag += "-value"
	}
	return flag
}

// isCommon tells whether a flag is one that commands have whatever their operation takes.
func isCommon(flag string) bool {
	return slices.Contains([]string{"api", "ca-file", "dry-run", "file", "help", "limit", "output", "profile", "quiet", "server", "unset", "yes"}, flag)
}

// helpOf makes a description one of a flag.
func helpOf(description string, f form) string {
	text := strings.TrimSuffix(strings.TrimSpace(description), ".")
	text = strings.NewReplacer("; null for none", "", "unless sent", "unless said").Replace(text) // of JSON; a flag has --unset
	if runes := []rune(text); len(runes) > 1 && !unicode.IsUpper(runes[1]) {
		runes[0] = unicode.ToLower(runes[0])
		text = string(runes)
	}
	switch f {
	case formText, formNumber, formSwitch:
	case formList:
		text += " (may be repeated)"
	case formSecret:
		text += " (read from the file, or from the standard input for -)"
	case formSeconds:
		text = strings.Replace(text, "in seconds", "such as 5m, or in seconds", 1)
	case formJSON:
		text += " (JSON, read from the file, or from the standard input for -)"
	}
	return strings.TrimSpace(strings.ReplaceAll(text, "`", "'"))
}

// body is the flags of a request's body.
type body struct {
	members  []*member
	required []string
	file     string
	unset    []string
	changes  bool
}

func addBodyFlags(command *cobra.Command, of *bound) *body {
	if of.schema == nil {
		return &body{}
	}
	made := &body{required: of.schema.Required, changes: of.manner == changes}
	flags := command.Flags()
	for name, described := range of.schema.Properties {
		f := formOf(name, described)
		made.members = append(made.members, &member{name: name, form: f, flag: flagOf(name, f, of.flags)})
	}
	slices.SortFunc(made.members, func(a, b *member) int { return strings.Compare(a.flag, b.flag) })
	for _, each := range made.members {
		added := flags.VarPF(each, each.flag, "", helpOf(cmp.Or(of.schema.Properties[each.name].Description, "the "+strings.ReplaceAll(each.name, "_", " ")), each.form))
		if each.form == formSwitch {
			added.NoOptDefVal = "true"
		}
	}
	if len(made.members) > 0 {
		flags.StringVar(&made.file, "file", "", "a JSON `file` with the members of the request, or - for the standard input; flags win over it")
	}
	if made.changes {
		flags.StringArrayVar(&made.unset, "unset", nil, "give this `member` its default again (may be repeated)")
	}
	return made
}

// read returns the members that are sent, or nil for an operation that takes none.
func (b *body) read(command *cobra.Command) (map[string]any, error) {
	if len(b.members) == 0 {
		return nil, nil
	}
	sent := map[string]any{}
	if b.file != "" {
		text, err := readInput(command, b.file)
		if err != nil {
			return nil, err
		}
		if sent, err = objectOf(text); err != nil {
			return nil, usagef("--file %s: %v", b.file, err)
		}
	}
	for _, each := range b.members {
		if !each.given {
			continue
		}
		value, err := each.read(command)
		if err != nil {
			return nil, err
		}
		sent[each.name] = value
	}
	if err := b.addUnset(sent); err != nil {
		return nil, err
	}
	for _, name := range b.required {
		if _, ok := sent[name]; !ok {
			return nil, usagef("--%s is missing", b.flagOf(name))
		}
	}
	if b.changes && len(sent) == 0 {
		return nil, usagef("%q has nothing to change: see its flags with --help", command.CommandPath())
	}
	return sent, nil
}

func (b *body) addUnset(sent map[string]any) error {
	for _, name := range b.unset {
		known := slices.IndexFunc(b.members, func(m *member) bool { return m.name == name || m.flag == name })
		if known < 0 {
			return usagef("--unset %s: there is no such member", name)
		}
		sent[b.members[known].name] = nil
	}
	return nil
}

func (b *body) flagOf(name string) string {
	for _, each := range b.members {
		if each.name == name {
			return each.flag
		}
	}
	return "file"
}

func (m *member) read(command *cobra.Command) (any, error) {
	if m.form != formSecret && m.form != formJSON {
		if list, ok := m.value.([]string); ok && len(list) == 1 && list[0] == "" { // --contact "" empties the list
			return []string{}, nil
		}
		return m.value, nil
	}
	text, err := readInput(command, m.path)
	if err != nil {
		return nil, err
	}
	if m.form == formSecret {
		return strings.TrimRight(string(text), "\r\n"), nil
	}
	var value any
	if err := decodeJSON(text, &value); err != nil {
		return nil, usagef("--%s %s: %v", m.flag, m.path, err)
	}
	return value, nil
}

// maxInputBytes is more than any request may have.
const maxInputBytes = 1 << 20

// readInput reads a file, or the standard input for "-".
func readInput(command *cobra.Command, name string) ([]byte, error) {
	if name == "-" {
		text, err := io.ReadAll(io.LimitReader(command.InOrStdin(), maxInputBytes))
		if err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
		return text, nil
	}
	text, err := os.ReadFile(name) //nolint:gosec // the person says which
	if err != nil {
		return nil, err
	}
	return text, nil
}

func objectOf(text []byte) (map[string]any, error) {
	var read map[string]any
	if err := decodeJSON(text, &read); err != nil {
		return nil, err
	}
	if read == nil {
		return nil, errors.New("it is no JSON object")
	}
	return read, nil
}

// decodeJSON reads one value, and keeps numbers as they are.
func decodeJSON(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("it is not the JSON that is meant: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one value in it")
	}
	return nil
}
