package http_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/testx"
	"authly/internal/testx/rules"
)

// surface is all that this server offers by name: what the metadata has, routes, operations
// of the administration and settings.
func surface(t *testing.T) string {
	t.Helper()
	w := newWorld(t, db.SQLite, testx.WithConfig(everything))
	var all strings.Builder
	all.WriteString(w.Get("/.well-known/openid-configuration").Body + "\n")
	for _, route := range w.Routes() {
		all.WriteString(route.Path + "\n")
	}
	var described struct {
		Paths map[string]json.RawMessage `json:"paths"`
	}
	must(t, json.Unmarshal([]byte(w.Get("/api/v1/openapi.json").Body), &described))
	for path := range described.Paths {
		all.WriteString(path + "\n")
	}
	all.WriteString(strings.Join(regexp.MustCompile(`AUTHLY_[A-Z0-9_]+`).FindAllString(config.Reference(), -1), "\n"))
	return strings.ToLower(all.String())
}

// A rule that waits for a feature has to be held once the feature is there.
func TestRulesWaitForWhatIsNotThere(t *testing.T) {
	t.Parallel()
	offered := surface(t)
	for _, there := range []string{"introspection_endpoint", "/oauth/register", "/api/v1/admin/users", "authly_admin_networks"} { // the control, one of each kind
		if !strings.Contains(offered, there) {
			t.Errorf("%s is not found", there)
		}
	}
	waiting := rules.Waiting()
	for _, feature := range slices.Sorted(maps.Keys(waiting)) {
		for _, word := range waiting[feature].Words {
			if strings.Contains(offered, word) {
				t.Errorf("%q is offered now, so %s is there: move its rules into the catalogue and hold them: %q", word, feature, waiting[feature].Rules)
			}
		}
	}
}
