package http_test

import (
	"strings"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/testx"
)

// TestTwoServersOnOneHost signs in to two servers whose issuers differ by their path. Browsers
// send all cookies of a host to both, whatever the port: neither ends the other's session.
func TestTwoServersOnOneHost(t *testing.T) {
	t.Parallel()
	one, other := testx.NewServer(t, db.SQLite, testx.WithPath("/one")), testx.NewServer(t, db.SQLite, testx.WithPath("/other"))
	ada, bob := one.Person("ada"), other.Person("bob")
	atOne := one.Browser()
	atOther := atOne.At(other)
	atOne.SignIn(atOne.Open("/login"), ada)
	atOther.SignIn(atOther.Open("/login"), bob)
	for _, browser := range []*testx.Browser{atOne, atOther} {
		if page := browser.Open("/login"); page.Form().ID != "" || !strings.Contains(page.Body, "You are signed in") {
			t.Errorf("the session at %s has ended: %d\n%s", page.URL, page.Status, page.Body)
		}
	}
}
