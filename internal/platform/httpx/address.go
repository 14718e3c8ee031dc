package httpx

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ForwardedHeader names the header in which the listed proxies send the
// client's address. Only one is trusted: a proxy sets its own and
// passes the other on as the client sent it.
type ForwardedHeader string

// The headers that can be trusted. The zero value of an option means
// [XForwardedFor].
const (
	XForwardedFor ForwardedHeader = "X-Forwarded-For"
	Forwarded     ForwardedHeader = "Forwarded" // RFC 7239
)

// maxHops bounds how many entries of a forwarding header are read.
const maxHops = 32

// strippedHeaders describe the connection in front of us. They are removed once the client's
// address is determined (BCP-05): URLs are built
// from the configured issuer only.
var strippedHeaders = [...]string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
	"X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-Client-Cert",
	"X-Real-Ip", "X-Client-Cert", "X-Ssl-Client-Cert", "Ssl-Client-Cert", "Client-Cert", "Client-Cert-Chain",
	"X-Original-Url", "X-Original-Host", "X-Rewrite-Url", "X-Http-Method-Override",
	"X-Forwarded", "Forwarded-For", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "X-Original-Forwarded-For",
	"Cf-Connecting-Ip", "Cf-Connecting-Ipv6", "Fastly-Client-Ip", "X-Envoy-External-Address",
}

// forwardingSigns also show that a request was forwarded (RFC 9110
// section 7.6.3, RFC 8586).
var forwardingSigns = [...]string{"Via", "Cdn-Loop"}

// origin is where a request comes from.
type origin struct {
	// peer is the other end of the connection, the zero Addr if it has no IP address.
	peer netip.Addr
	// address is the client's. It is the zero Addr if a listed proxy doesn't send it.
	address netip.Addr
	// unproven is set if the request was forwarded by a machine that is not listed, or by a
	// listed proxy that doesn't name the client.
	unproven bool
	// listed is set if the peer is a listed proxy.
	listed bool
}

// originOf finds the address of the client and removes every header that claims to state it.
// The address of a listed proxy is never taken for the client's, so that a proxy without
// the header doesn't give all of its clients one address.
func originOf(r *http.Request, trusted []netip.Prefix, believed ForwardedHeader) origin {
	if believed == "" {
		believed = XForwardedFor
	}
	lines, forwarded := r.Header.Values(string(believed)), isForwarded(r)
	for _, name := range strippedHeaders {
		r.Header.Del(name)
	}
	peer, ok := parseHost(r.RemoteAddr)
	if !ok || !isListed(peer, trusted) {
		return origin{peer: peer, address: peer, unproven: forwarded}
	}
	entries := splitUnquoted(strings.Join(lines, ","), ',')
	var address netip.Addr
	for hop := 0; hop < maxHops && hop < len(entries); hop++ {
		entry := strings.TrimSpace(entries[len(entries)-1-hop])
		if believed == Forwarded {
			entry = forPair(entry)
		}
		previous, ok := parseHost(entry)
		if !ok {
			// Nothing, "unknown", an obfuscated name or garbage. No listed proxy vouches
			// for what stands further left.
			return origin{peer: peer, unproven: true, listed: true}
		}
		address = previous
		if !isListed(address, trusted) {
			return origin{peer: peer, address: address, listed: true}
		}
	}
	if len(entries) > maxHops {
		return origin{peer: peer, unproven: true, listed: true}
	}
	return origin{peer: peer, address: address, listed: true}
}

// isForwarded reports whether a request has a header that says that it was forwarded.
func isForwarded(r *http.Request) bool {
	has := func(name string) bool { return len(r.Header.Values(name)) > 0 }
	return slices.ContainsFunc(strippedHeaders[:], has) || slices.ContainsFunc(forwardingSigns[:], has)
}

func isListed(address netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// parseHost reads an IP address with or without a port: 192.0.2.1,
// 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. IPv4 addresses
// mapped into IPv6 become IPv4 and zones are dropped, so that one client has one
// address.
func parseHost(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	if inside, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(inside, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	return address.Unmap().WithZone(""), true
}

// forPair returns the value of the pair "for" in one element of a Forwarded
// header (RFC 7239 section 4), without quotes.
func forPair(element string) string {
	for _, pair := range splitUnquoted(element, ';') {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "for") {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// splitUnquoted splits at separators outside of quoted strings.
func splitUnquoted(text string, separator byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
