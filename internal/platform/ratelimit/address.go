package ratelimit

import "net/netip"

// addressBitsIPv6 is what one subscriber has: whoever has an address has the
// 2^64 others beside it.
const addressBitsIPv6 = 64

// AddressSubject returns the subject under which the attempts of an address are
// counted. All whose address is not known count as one.
func AddressSubject(address netip.Addr) string {
	if !address.IsValid() {
		return "unknown"
	}
	if address.Is6() && !address.Is4In6() {
		if network, err := address.WithZone("").Prefix(addressBitsIPv6); err == nil {
			return network.String()
		}
	}
	return address.Unmap().String()
}
