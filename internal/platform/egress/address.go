package egress

import "net/netip"

// reservedNetworks returns the special-purpose networks of the IANA registries
// that Go's own predicates don't cover. An IPv6 address that embeds an IPv4 address
// (mapped, NAT64, 6to4, Teredo) could reach any of those, so all of them are here.
func reservedNetworks() []netip.Prefix {
	texts := [...]string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
		"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
	}
	networks := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		networks[i] = netip.MustParsePrefix(text)
	}
	return networks
}

// globalIPv6 is the allocated global unicast space; everything outside of it is special.
func globalIPv6() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

// isPublic reports whether an address belongs to a host on the internet.
func (c *Client) isPublic(address netip.Addr) bool {
	address = address.Unmap()
	switch {
	case !address.IsValid() || address.Zone() != "":
		return false
	case !address.IsGlobalUnicast() || address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsMulticast():
		return false
	case address.Is6() && !c.globalIPv6.Contains(address):
		return false
	}
	for _, network := range c.reserved {
		if network.Contains(address) {
			return false
		}
	}
	return true
}

// mayReach reports whether a connection to the address is allowed.
func (c *Client) mayReach(address netip.Addr) bool {
	if c.loopback == LoopbackAllowed && address.Unmap().IsLoopback() {
		return true
	}
	return c.isPublic(address)
}
