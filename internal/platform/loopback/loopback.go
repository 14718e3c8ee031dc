package loopback

import (
	"net/netip"
	"strings"
)

// IsHost reports whether a host without a port is this machine: "localhost", or an
// address of 127.0.0.0/8 or ::1. No other name is resolved, because its meaning
// can change; other spellings that a resolver would read as an address, such as
// 127.1, are names here.
func IsHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
