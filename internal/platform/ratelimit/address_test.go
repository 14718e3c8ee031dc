package ratelimit_test

import (
	"net/netip"
	"testing"

	"authly/internal/platform/ratelimit"
)

func TestAddressSubject(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
	} {
		if got := ratelimit.AddressSubject(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := ratelimit.AddressSubject(netip.Addr{}); got != "unknown" {
		t.Errorf("no address: %s", got)
	}
}
