package oauth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"authly/internal/protocol/oauth"
)

func TestWhatARequestAsksFor(t *testing.T) {
	t.Parallel()
	const a, b = "https://a.example", "https://b.example"
	for name, test := range map[string]struct {
		scopes    oauth.ScopeSet
		resources []string
		want      oauth.Permissions
	}{
		"nothing":                          {nil, nil, nil},
		"at this server":                   {oauth.ScopeSet{"read", "openid"}, nil, oauth.Permissions{{"", "openid"}, {"", "read"}}},
		"at one resource":                  {oauth.ScopeSet{"openid", "read"}, []string{a}, oauth.Permissions{{"", "openid"}, {a, "read"}}},
		"at two":                           {oauth.ScopeSet{"read", "write"}, []string{a, b}, oauth.Permissions{{a, "read"}, {a, "write"}, {b, "read"}, {b, "write"}}},
		"identity scopes and a resource":   {oauth.ScopeSet{"email", "offline_access"}, []string{a}, oauth.Permissions{{"", "email"}, {"", "offline_access"}, {a, ""}}},
		"a resource without any scope":     {nil, []string{a}, oauth.Permissions{{a, ""}}},
		"the administration is a resource": {oauth.ScopeSet{"admin:users:read"}, []string{a}, oauth.Permissions{{a, "admin:users:read"}}},
	} {
		if diff := cmp.Diff(test.want, oauth.PermissionsOf(test.scopes, test.resources), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whatever was allowed by several requests, a request is covered only if each of its pairs was in one of them.
func TestPermissionsNeverCombine(t *testing.T) {
	t.Parallel()
	scopes := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"openid", "read", "write", "delete"}), rapid.ID[string])
	resources := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"https://a.example", "https://b.example", "https://c.example"}), rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		var granted oauth.Permissions
		seen := map[oauth.Permission]bool{}
		for range rapid.IntRange(0, 4).Draw(t, "requests") {
			asked := oauth.PermissionsOf(scopes.Draw(t, "scopes"), resources.Draw(t, "resources"))
			granted = granted.Union(asked)
			for _, one := range asked {
				seen[one] = true
				seen[oauth.Permission{Resource: one.Resource}] = true
			}
		}
		wanted := oauth.PermissionsOf(scopes.Draw(t, "wanted scopes"), resources.Draw(t, "wanted resources"))
		want := true
		for _, one := range wanted {
			want = want && seen[one]
		}
		if got := granted.Covers(wanted); got != want {
			t.Fatalf("%v covers %v: %v", granted, wanted, got)
		}
	})
}
