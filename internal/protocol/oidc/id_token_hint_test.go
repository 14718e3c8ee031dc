package oidc_test

import (
	"encoding/json"
	"maps"
	"testing"

	"authly/internal/protocol/oidc"
)

// A hint is the payload of an ID token of this issuer for one client, and of nothing else that
// has the same form.
func TestParseHint(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example"
	for _, test := range []struct {
		name    string
		changes map[string]any // nil removes a claim
		good    bool
	}{
		{"an ID token", nil, true},
		{"without sid", map[string]any{"sid": nil}, true},
		{"expired", map[string]any{"exp": 1}, true},
		{"another issuer", map[string]any{"iss": "https://other.example"}, false},
		{"the issuer with a slash", map[string]any{"iss": issuer + "/"}, false},
		{"no issuer", map[string]any{"iss": nil}, false},
		{"a UserInfo response, which has no auth_time", map[string]any{"auth_time": nil}, false},
		{"auth_time is a text", map[string]any{"auth_time": "1"}, false},
		{"no audience", map[string]any{"aud": nil}, false},
		{"an empty audience", map[string]any{"aud": ""}, false},
		{"two audiences", map[string]any{"aud": []string{"client", "other"}}, false},
		{"no subject", map[string]any{"sub": nil}, false},
		{"a subject that no one has", map[string]any{"sub": "\n"}, false},
	} {
		claims := map[string]any{"iss": issuer, "sub": "ada", "aud": "client", "sid": "session", "auth_time": 1, "exp": 2}
		maps.Copy(claims, test.changes)
		maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		hint, err := oidc.ParseHint(payload, issuer)
		if (err == nil) != test.good || test.good && (hint.Subject != "ada" || hint.ClientID != "client") || !test.good && hint != (oidc.Hint{}) {
			t.Errorf("%s: %+v, %v", test.name, hint, err)
		}
	}
	if _, err := oidc.ParseHint([]byte("[]"), issuer); err == nil {
		t.Error("a list is a hint")
	}
}
