package client_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
)

// Each member has a name of its own and is described, and no tag has a value that means nothing.
func TestMembersAreDefined(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for field := range reflect.TypeFor[client.Metadata]().Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" || seen[name] || options != "" && options != "omitempty" || field.Tag.Get("doc") == "" {
			t.Errorf("%s: %s", field.Name, field.Tag)
		}
		seen[name] = true
		for tag, values := range map[string][2]string{"by": {"", "client"}, "column": {"", "not null"}} {
			if value := field.Tag.Get(tag); value != values[0] && value != values[1] {
				t.Errorf("%s: %s is %q", name, tag, value)
			}
		}
	}
	all := 0
	for member := range client.Members() {
		all++
		if !seen[member.Name] {
			t.Errorf("%s is a member of no field", member.Name)
		}
	}
	if all != len(seen) {
		t.Errorf("%d members, %d fields", all, len(seen))
	}
}

// Each member has a rule: whatever its type is, it does not take everything of that type.
func TestEachMemberHasARule(t *testing.T) {
	t.Parallel()
	service, _ := newClients(dbtest.Open(t, db.SQLite))
	for member := range client.Members() {
		for _, wrong := range unfit(t, member) {
			wanted := client.Metadata{Name: "App", RedirectURIs: []string{"https://app.example/callback"}}
			if err := json.Unmarshal([]byte(wrong), member.Of(&wanted)); err != nil {
				t.Fatalf("%s: %v", member.Name, err)
			}
			if _, err := service.Register(t.Context(), wanted); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s takes %.40s: %v", member.Name, wrong, err)
			}
		}
	}
}

// unfit returns values of a member's type that no member can have, as JSON.
func unfit(t *testing.T, member client.Member) []string {
	t.Helper()
	const control, one = `"a\u0000b"`, `"a"`
	long := `"` + strings.Repeat("a", 5000) + `"`
	switch kind := reflect.TypeOf(member.Of(&client.Metadata{})).Elem(); {
	case kind == reflect.TypeFor[json.RawMessage]():
		return []string{`{}`, `[]`, `1`}
	case kind.Kind() == reflect.String:
		return []string{control, long}
	case kind.Kind() == reflect.Slice:
		return []string{`[` + control + `]`, `[` + long + `]`, `[` + strings.Repeat(one+`,`, 1000) + one + `]`}
	case kind.Kind() == reflect.Int64, kind.Kind() == reflect.Pointer:
		return []string{`-1`, `9223372036854775807`}
	case kind.Kind() == reflect.Bool:
		return nil // either is fit
	default:
		t.Fatalf("%s is a %s, of which this test knows nothing", member.Name, kind)
		return nil
	}
}
