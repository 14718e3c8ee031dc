package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What others chose can't steer a terminal, hide in it, or make a second line of a table.
func TestTablesHaveNoControlCharacters(t *testing.T) {
	t.Parallel()
	nasty := json.RawMessage(`{"name":"a\u001b[2J\u0007b\nc\u009bd\u202ee","list":["x\u001b]0;t\u0007","y\r"],"object":{"k\u001b":"\u001b"},"\u001b[31mmember":"z"}`)
	var output bytes.Buffer
	if err := writeRows(&output, []string{"name", "list", "object"}, []json.RawMessage{nasty}); err != nil {
		t.Fatal(err)
	}
	if err := writeOne(&output, nasty); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(output.String(), func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == '\u202e' }) {
		t.Errorf("%q", output.String())
	}
	if lines := strings.Count(output.String(), "\n"); lines != 6 {
		t.Errorf("%d lines:\n%s", lines, output.String())
	}
}

func TestYAMLIsTheSameAsJSON(t *testing.T) {
	t.Parallel()
	text := `{"z":"1","a":["yes","no",null,true,1.5,12345678901234567890],"empty":[],"none":{},"text":"a: b\n# c","nested":{"x":{"y":"2026-11-25"}},"odd":"\ud83d\ude00 \u001b"}`
	var output bytes.Buffer
	if err := writeYAML(&output, []byte(text)); err != nil {
		t.Fatal(err)
	}
	const want = `z: "1"
a:
  - "yes"
  - "no"
  - null
  - true
  - 1.5
  - 12345678901234567890
empty: []
none: {}
text: |-
  a: b
  # c
nested:
  x:
    "y": "2026-11-25"
odd: "\U0001F600 \e"
`
	if difference := cmp.Diff(want, output.String()); difference != "" {
		t.Error(difference)
	}
}

// asked is a person at a terminal.
type asked struct{ io.Reader }

func (asked) IsTerminal() bool { return true }

func TestAPersonIsAsked(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{"y\n": nil, "YES\n": nil, "n\n": errNotConfirmed, "\n": errNotConfirmed, "": errNotConfirmed, "maybe": errNotConfirmed} {
		var told bytes.Buffer
		program := Program{Input: asked{strings.NewReader(answer)}, Errors: &told}
		said := &invocation{typed: []string{"a\x1b[2J"}, bound: &bound{program: program, verb: verb{question: "Delete %s?"}}}
		if err := said.confirm(); !cmp.Equal(err, want, cmp.Comparer(func(a, b error) bool { return a == b })) { //nolint:errorlint // they are sentinels
			t.Errorf("%q: %v", answer, err)
		}
		if told.String() != "Delete a[2J? [y/N] " {
			t.Errorf("it asks %q", told.String())
		}
	}
}

// Each operation has a command, so that none can be forgotten; those that have none are listed.
func TestEveryOperationHasACommand(t *testing.T) {
	t.Parallel()
	all := operationsOf(described())
	var used []string
	for _, r := range resources() {
		for _, v := range r.verbs {
			used = append(used, v.operation)
		}
	}
	for id := range all {
		if !slices.Contains(used, id) {
			t.Errorf("%s has no command", id)
		}
	}
}

// A new scope of the administration has to be put somewhere: a sign-in asks for it, or it is rare.
func TestScopesOfASignIn(t *testing.T) {
	t.Parallel()
	const everyday = "admin:audit:read admin:clients:read admin:clients:write admin:keys:read admin:scopes:read admin:scopes:write admin:sessions:read " +
		"admin:sessions:write admin:system:read admin:tokens:read admin:tokens:write admin:users:read admin:users:write"
	const looking = "admin:audit:read admin:clients:read admin:keys:read admin:scopes:read admin:sessions:read admin:system:read admin:tokens:read admin:users:read"
	all := strings.Join(administrationScopes(), " ")
	for wanted, want := range map[string]string{
		"": everyday, "default": everyday, "read": looking, "all": all, "read all default": all,
		"admin:keys:write": "admin:keys:write", "admin:keys:write admin:keys:write": "admin:keys:write", "everything": "everything",
	} {
		if got := strings.Join(loginScopes(strings.Fields(wanted)), " "); got != want {
			t.Errorf("%q: %q, want %q", wanted, got, want)
		}
	}
	for _, rare := range rareScopes() {
		if got := loginScopes([]string{"default", rare}); !slices.Contains(got, rare) || !slices.Contains(administrationScopes(), rare) {
			t.Errorf("%s: %v", rare, got)
		}
	}
}
