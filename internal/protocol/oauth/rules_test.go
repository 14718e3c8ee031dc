package oauth_test

import (
	"os"
	"testing"

	"authly/internal/protocol/oauth"
	"authly/internal/testx/rules"
)

// ledger records which rules of the catalogue the tests of this package held.
var ledger = rules.For(rules.Redirects)

func TestMain(m *testing.M) { os.Exit(ledger.Run(m)) }

// Each rule with addresses that only it refuses: beside them stands one that differs in
// nothing else and is allowed.
func TestRulesOfRedirectURIs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ rule, refused, allowed string }{
		{"redirect: double encoding", "https://example.com/%252e%252e/cb", "https://example.com/%C3%A4/cb"},
		{"redirect: double encoding", "https://example.com/%252f%252fevil.example/cb", "https://example.com/%C3%A4evil.example/cb"},
		{"redirect: custom schemes", "myapp:/cb", "com.example.myapp:/cb"},
	} {
		t.Run(test.rule+" "+test.refused, func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, test.rule)
			if err := oauth.ValidateRedirectURI(test.refused, oauth.Native); oauth.CodeOf(err) != oauth.InvalidRedirectURI {
				t.Errorf("%s: %v", test.refused, err)
			}
			if err := oauth.ValidateRedirectURI(test.allowed, oauth.Native); err != nil {
				t.Errorf("%s: %v", test.allowed, err)
			}
		})
	}
}
