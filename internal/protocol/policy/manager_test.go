package policy_test

import (
	"strings"
	"testing"

	"authly/internal/protocol/policy"
)

func TestValidManager(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"authly": true, "platform/shop.yaml": true, strings.Repeat("a", 64): true,
		"": false, "two words": false, "line\nbreak": false, "ümlaut": false, strings.Repeat("a", 65): false, "a\x1b[31m": false,
	} {
		if got := policy.ValidManager(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
