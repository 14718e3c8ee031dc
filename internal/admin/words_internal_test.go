package admin

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every key with which a feature of the administration refuses something is explained.
func TestKeysAreExplained(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`(?:WithField\([^,]+, |fault\.New\(fault\.[A-Z][A-Za-z]+, |refuse\([^,]+, |check\([^,]+, )"([a-z_]+\.[a-z_]+)"`)
	seen := 0
	for _, feature := range []string{"admin", "client", "scope", "user", "keys", "session", "consent", "token", "audit", "registration"} {
		files, err := filepath.Glob(filepath.Join("..", feature, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range pattern.FindAllStringSubmatch(string(source), -1) {
				seen++
				key := found[1]
				elsewhere := []string{keyPrecondition, "login.failed", "user.ticket_unknown", "consent.busy", "consent.gone", "audit.head"}
				if strings.HasSuffix(key, ".invalid") || slices.Contains(elsewhere, key) {
					continue // its fields say what is wrong, or it is no answer of this API
				}
				if explanation(key) == "" {
					t.Errorf("%s: %s is not explained", file, key)
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d keys were found", seen)
	}
}
