package loopback

import (
	"net/netip"
	"strings"
)

// IsHost reports whether a host without a port is this machine: "localhost", or an
// address of 127.0.0.0/8 or ::1. No other name is looked up, because what it means
// can change; what a resolver would read as an address in another spelling, such as
// 127.1, is a name here.
func IsHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
