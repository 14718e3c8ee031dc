package policy_test

import (
	"errors"
	"strings"
	"testing"

	"authly/internal/protocol/policy"
)

func TestInvalidHosts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"*", "*.", "*.*.example", "a.*.example", "https://example.com", "example.com/", "example.com:443", "example..com", "-a.example", "a-.example", "example.com.", "*.10.0.0.1", "a_b.example",
		"b\u00fccher.example", "fe80::1%eth0", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "example", strings.Repeat("a.example ", 257),
	} {
		if _, err := policy.ParseHosts(text); !errors.Is(err, policy.ErrInvalidHost) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}
