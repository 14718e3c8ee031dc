package ratelimit_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"authly/internal/platform/clock"
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

// TestNetworksOfAnAddress has an attacker with every address of a network.
func TestNetworksOfAnAddress(t *testing.T) {
	t.Parallel()
	const burst = 10
	for _, test := range []struct {
		name      string
		addresses func(i int) netip.Addr
		tries     int
		want      int
	}{
		{"one IPv4 address", func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 500, burst},
		{"an IPv4 address as IPv6", func(i int) netip.Addr {
			return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1")}[i%2]
		}, 500, burst},
		{"an IPv4 /24", func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }, 2560, 16 * burst},
		{"an IPv6 /64", func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2::%x", i)) }, 500, burst},
		{"an IPv6 /56", func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::1", i%256)) }, 2560, 4 * burst},
		{"an IPv6 /48", func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::1", i*7%65536)) }, 9000, 16 * burst},
		{"two IPv6 /48", func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8:%x:%x::1", i%2, i*7%65536)) }, 9000, 32 * burst},
		{"unknown ones", func(int) netip.Addr { return netip.Addr{} }, 500, burst},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			limiter, err := ratelimit.New(newMemory(t, 100_000), clock.NewFake(t0), ratelimit.Limit{Name: "x", Rate: ratelimit.Rate{Burst: burst, Interval: time.Minute}})
			if err != nil {
				t.Fatal(err)
			}
			allowed := 0
			for i := range test.tries {
				decision, err := limiter.AllowAddress(t.Context(), "x", test.addresses(i))
				if err != nil {
					t.Fatal(err)
				}
				if decision.Allowed {
					allowed++
				} else if decision.RetryAfter <= 0 {
					t.Fatal("refused without a time")
				}
			}
			if allowed != test.want {
				t.Errorf("%d allowed, want %d", allowed, test.want)
			}
		})
	}
}

// What an address is refused takes nothing from its neighbours.
func TestRefusedAddressLeavesItsNetworkAlone(t *testing.T) {
	t.Parallel()
	limiter, err := ratelimit.New(newMemory(t, 1000), clock.NewFake(t0), ratelimit.Limit{Name: "x", Rate: ratelimit.Rate{Burst: 2, Interval: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if _, err := limiter.AllowAddress(t.Context(), "x", netip.MustParseAddr("2001:db8::1")); err != nil {
			t.Fatal(err)
		}
	}
	if decision, err := limiter.AllowAddress(t.Context(), "x", netip.MustParseAddr("2001:db8:0:1::1")); err != nil || !decision.Allowed {
		t.Errorf("the neighbour: %+v, %v", decision, err)
	}
}

// The allowance of a network comes back as fast as it is larger.
func TestNetworksRecover(t *testing.T) {
	t.Parallel()
	stands := clock.NewFake(t0)
	limiter, err := ratelimit.New(newMemory(t, 1000), stands, ratelimit.Limit{Name: "x", Rate: ratelimit.Rate{Burst: 1, Interval: 16 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	try := func(i int) bool {
		decision, err := limiter.AllowAddress(t.Context(), "x", netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%x00::1", i)))
		if err != nil {
			t.Fatal(err)
		}
		return decision.Allowed
	}
	for i := range 16 {
		if !try(i) {
			t.Errorf("attempt %d", i)
		}
	}
	if try(17) {
		t.Error("beyond the allowance of the /48")
	}
	stands.Advance(time.Second)
	if !try(18) || try(19) {
		t.Error("after a sixteenth of the interval there is not one more")
	}
}
