package httpx_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"authly/internal/platform/httpx"
)

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}

// addressSeen returns the client's address as a handler sees it, and what is
// left of the headers that claim to know it.
func addressSeen(t *testing.T, believed httpx.ForwardedHeader, remote string, headers ...string) (string, http.Header) {
	t.Helper()
	w := newWorld(t, func(o *httpx.Options) { o.TrustedProxies, o.ForwardedHeader = proxies, believed })
	var seen netip.Addr
	var left http.Header
	w.router.API().HandleFunc("GET /x", func(_ http.ResponseWriter, r *http.Request) {
		seen, left = httpx.ClientAddress(r.Context()), r.Header.Clone()
	})
	r := request("GET", "/x", "", headers...)
	r.RemoteAddr = remote
	do(w.router.Handler(), r)
	return seen.String(), left
}

func TestClientAddress(t *testing.T) {
	for _, test := range []struct {
		name     string
		believed httpx.ForwardedHeader
		remote   string
		headers  []string
		want     string
	}{
		{"connection", "", "203.0.113.7:4711", nil, "203.0.113.7"},
		{"connection over IPv6", "", "[2001:db8::7]:4711", nil, "2001:db8::7"},
		{"IPv4 in IPv6", "", "[::ffff:203.0.113.7]:4711", nil, "203.0.113.7"},
		{"zone", "", "[fe80::1%eth0]:4711", nil, "fe80::1"},
		{"no IP connection", "", "@", nil, "invalid IP"},
		{"rfc9700 an unlisted peer is not believed", "", "203.0.113.7:4711", []string{"X-Forwarded-For: 198.51.100.1", "Forwarded: for=198.51.100.1", "X-Real-Ip: 198.51.100.1"}, "203.0.113.7"},
		{"listed proxy", "", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"listed proxy over IPv6", "", "[2001:db8:ffff::1]:80", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"listed proxy as IPv4 in IPv6", "", "[::ffff:10.0.0.1]:80", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"rightmost that is no proxy", "", "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1, 198.51.100.1, 10.0.0.9"}, "198.51.100.1"},
		{"several lines are one list", "", "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"all are proxies", "", "10.0.0.1:80", []string{"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no header", "", "10.0.0.1:80", nil, "invalid IP"},
		{"empty header", "", "10.0.0.1:80", []string{"X-Forwarded-For: "}, "invalid IP"},
		{"rubbish stops the walk", "", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1, rubbish"}, "invalid IP"},
		{"rubbish behind a proxy", "", "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.2"}, "invalid IP"},
		{"with ports", "", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1:1234"}, "198.51.100.1"},
		{"IPv6 forms", "", "10.0.0.1:80", []string{"X-Forwarded-For: [2001:db8::5]:1234, 10.0.0.2"}, "2001:db8::5"},
		{"IPv6 bare", "", "10.0.0.1:80", []string{"X-Forwarded-For: 2001:db8::5"}, "2001:db8::5"},
		{"the header that the proxy doesn't set is the client's own", "", "10.0.0.1:80", []string{"Forwarded: for=1.1.1.1"}, "invalid IP"},
		{"rfc7239-4", httpx.Forwarded, "10.0.0.1:80", []string{`Forwarded: for=192.0.2.43;proto=https;by=203.0.113.43`}, "192.0.2.43"},
		{"rfc7239-4 quoted IPv6", httpx.Forwarded, "10.0.0.1:80", []string{`Forwarded: For="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{"rfc7239-7.1 list with proxies", httpx.Forwarded, "10.0.0.1:80", []string{`Forwarded: for=1.1.1.1, for=192.0.2.43;host="a,b", for=10.0.0.2`}, "192.0.2.43"},
		{"rfc7239-6.2 unknown", httpx.Forwarded, "10.0.0.1:80", []string{`Forwarded: for=192.0.2.43, for=unknown`}, "invalid IP"},
		{"rfc7239-6.3 obfuscated", httpx.Forwarded, "10.0.0.1:80", []string{`Forwarded: for=_hidden`}, "invalid IP"},
		{"rfc7239 the other header is not looked at", httpx.Forwarded, "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1"}, "invalid IP"},
		{"a comma in an open quote hides nothing", httpx.Forwarded, "10.0.0.1:80", []string{`Forwarded: for=192.0.2.43, for="1.1.1.1, for=2.2.2.2`}, "invalid IP"},
		{"endless list", "", "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1" + strings.Repeat(", 10.0.0.2", 5000)}, "invalid IP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, left := addressSeen(t, test.believed, test.remote, test.headers...)
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			for _, header := range test.headers {
				name, _, _ := strings.Cut(header, ":")
				if left.Get(name) != "" {
					t.Errorf("%s reaches the handler", name)
				}
			}
		})
	}
}

// Whatever a client writes, behind a proxy that appends the peer's address the
// result is that address.
func TestClientAddressCannotBeForged(t *testing.T) {
	for _, believed := range []httpx.ForwardedHeader{httpx.XForwardedFor, httpx.Forwarded} {
		rapid.Check(t, func(rt *rapid.T) {
			forged := rapid.StringMatching(`[ -~]{0,60}`).Draw(rt, "forged")
			truth := "198.51.100.77"
			if believed == httpx.Forwarded {
				truth = "for=198.51.100.77"
			}
			got, _ := addressSeen(t, believed, "10.0.0.1:80", string(believed)+": "+forged+", "+truth)
			// An open quote can swallow the proxy's entry: then nobody is believed.
			if got != "198.51.100.77" && got != "invalid IP" {
				rt.Fatalf("%q made %s", forged, got)
			}
		})
	}
}

// Whoever is let in by their address is so by one that somebody vouched for.
func TestUnprovenAddresses(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, test := range []struct {
		name     string
		remote   string
		headers  []string
		unproven bool
	}{
		{"connection", "203.0.113.7:4711", nil, false},
		{"connection of a listed proxy's machine", "127.0.0.1:4711", nil, true},
		{"listed proxy", "127.0.0.1:4711", []string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https", "Via: 1.1 a"}, false},
		{"listed proxies", "127.0.0.1:4711", []string{"X-Forwarded-For: 198.51.100.1, 10.0.0.2"}, false},
		{"listed proxy that says nothing of the client", "127.0.0.1:4711", []string{"X-Forwarded-Proto: https"}, true},
		{"listed proxy that sets another header", "127.0.0.1:4711", []string{"Forwarded: for=198.51.100.1"}, true},
		{"listed proxy with an empty header", "127.0.0.1:4711", []string{"X-Forwarded-For: "}, true},
		{"listed proxy that hides it", "127.0.0.1:4711", []string{"X-Forwarded-For: 198.51.100.1, unknown"}, true},
		{"an open quote before a listed proxy's word", "127.0.0.1:4711", []string{`X-Forwarded-For: ", 198.51.100.1`}, true},
		{"an open quote in a line of its own", "127.0.0.1:4711", []string{`X-Forwarded-For: "127.0.0.1`, "X-Forwarded-For: 198.51.100.1"}, true},
		{"endless list", "127.0.0.1:4711", []string{"X-Forwarded-For: 1.1.1.1" + strings.Repeat(", 10.0.0.2", 5000)}, true},
		{"made up", "203.0.113.7:4711", []string{"X-Forwarded-For: 127.0.0.1"}, true},
		{"made up, in two lines", "203.0.113.7:4711", []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 127.0.0.1"}, true},
		{"rfc7239 made up", "203.0.113.7:4711", []string{"Forwarded: for=127.0.0.1"}, true},
		{"an unlisted proxy's own header", "[::1]:4711", []string{"Cf-Connecting-Ip: 198.51.100.1"}, true},
		{"rfc9110-7.6.3 unlisted proxy", "[::1]:4711", []string{"Via: 1.1 a"}, true},
		{"rfc8586 unlisted proxy", "[::1]:4711", []string{"CDN-Loop: a"}, true},
	} {
		w := newWorld(t, func(o *httpx.Options) { o.TrustedProxies = proxies })
		unproven := !test.unproven
		w.router.API().HandleFunc("GET /x", func(_ http.ResponseWriter, r *http.Request) { unproven = httpx.HasUnprovenAddress(r.Context()) })
		r := request("GET", "/x", "", test.headers...)
		r.RemoteAddr = test.remote
		do(w.router.Handler(), r)
		if unproven != test.unproven {
			t.Errorf("%s: unproven %v", test.name, unproven)
		}
	}
}
