package ratelimit

import (
	"context"
	"net/netip"
	"time"
)

// unknownAddress is the subject of all requests whose address is unknown.
const unknownAddress = "unknown"

// A network is a range that may belong to one subscriber. The wider it is, the larger is its
// allowance, because more users may share it.
type network struct {
	bits, factor int
}

// The networks of an address, narrowest first. An IPv6 subscriber has at least a /64 and
// often a /56 or /48, so counting by /64 alone would give the holder of a /48 65,536 allowances.
// The IPv4 addresses of a /24 often belong to one network, and as often to unrelated users.
var (
	networksIPv4 = [...]network{{32, 1}, {24, 16}}
	networksIPv6 = [...]network{{64, 1}, {56, 4}, {48, 16}}
)

// AddressSubject returns the subject of the narrowest network in which an address is
// counted. All unknown addresses count as one.
func AddressSubject(address netip.Addr) string {
	return subjects(address)[0].subject
}

// share is a subject and its allowance, as a multiple of that of one address.
type share struct {
	subject string
	factor  int
}

func subjects(address netip.Addr) []share {
	if !address.IsValid() {
		return []share{{unknownAddress, 1}}
	}
	address = address.Unmap().WithZone("")
	networks := networksIPv4[:]
	if address.Is6() {
		networks = networksIPv6[:]
	}
	shares := make([]share, 0, len(networks))
	for _, network := range networks {
		prefix, err := address.Prefix(network.bits)
		if err != nil { // no address is shorter
			continue
		}
		subject := prefix.String()
		if prefix.IsSingleIP() {
			subject = address.String()
		}
		shares = append(shares, share{subject, network.factor})
	}
	return shares
}

// AllowAddress reserves one attempt of an address under the named limit, and of each network
// that contains it: under the same name, with an allowance that grows with the network. The
// narrowest comes first, so that an address that is already refused uses up nothing of its
// neighbours. An error has to be taken as a refusal; see [Limiter.Allow].
func (l *Limiter) AllowAddress(ctx context.Context, name string, address netip.Addr) (Decision, error) {
	for _, share := range subjects(address) {
		decision, err := l.allow(ctx, name, share)
		if err != nil || !decision.Allowed {
			return decision, err
		}
	}
	return Decision{Allowed: true}, nil
}

// times returns a rate that allows factor times as many attempts in the same period.
func times(rate Rate, factor int) Rate {
	interval := (rate.Interval / time.Duration(factor)).Truncate(time.Microsecond)
	return Rate{Burst: rate.Burst * factor, Interval: max(interval, time.Microsecond)}
}
