package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

const (
	maxHosts      = 256
	maxHostLength = 253 // RFC 1035 section 2.3.4, without the last dot
)

// ErrInvalidHost is wrapped by the errors of [ParseHosts].
var ErrInvalidHost = errors.New("not a host")

// Hosts are the hosts that may be contacted. An empty list allows all of them.
type Hosts struct {
	exact    map[string]bool
	suffixes []string // with the dot that they begin with
}

// ParseHosts reads a list of hosts, separated by spaces: names such as keys.example.com, addresses, and
// *.example.com for all names below example.com, but not example.com itself.
func ParseHosts(text string) (Hosts, error) {
	entries := strings.Fields(text)
	if len(entries) > maxHosts {
		return Hosts{}, fmt.Errorf("%w: there are more than %d", ErrInvalidHost, maxHosts)
	}
	hosts := Hosts{exact: make(map[string]bool, len(entries))}
	for _, entry := range entries {
		name, below := strings.CutPrefix(strings.ToLower(entry), "*.")
		address, err := netip.ParseAddr(name)
		switch {
		case err == nil && !below && address.Zone() == "":
			hosts.exact[address.Unmap().String()] = true
		case err == nil || !isHostName(name):
			return Hosts{}, fmt.Errorf("%w: %q", ErrInvalidHost, entry)
		case below:
			hosts.suffixes = append(hosts.suffixes, "."+name)
		default:
			hosts.exact[name] = true
		}
	}
	return hosts, nil
}

// Allow reports whether a host, as written in a URL, may be contacted.
func (h Hosts) Allow(host string) bool {
	if len(h.exact) == 0 && len(h.suffixes) == 0 {
		return true
	}
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if address, err := netip.ParseAddr(name); err == nil {
		return h.exact[address.Unmap().String()]
	}
	if h.exact[name] {
		return true
	}
	for _, suffix := range h.suffixes {
		if strings.HasSuffix(name, suffix) && len(name) > len(suffix) {
			return true
		}
	}
	return false
}

// isHostName reports whether a name consists of labels of letters, digits and hyphens (RFC 1123 section 2.1).
func isHostName(name string) bool {
	if name == "" || len(name) > maxHostLength {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
