package ratelimit

import (
	"context"
	"net/netip"
	"time"
)

// unknownAddress is the subject of all whose address is not known.
const unknownAddress = "unknown"

// A network is what may belong to one subscriber. The wider it is, the larger is its
// allowance, as the more people may be behind it.
type network struct {
	bits, factor int
}

// The networks of an address, from the narrowest on. An IPv6 subscriber has a /64 at least and
// often a /56 or /48, so that counting by /64 alone gives 65,536 allowances to who has a /48.
// The IPv4 addresses of a /24 often belong to one network, and as often to strangers.
var (
	networksIPv4 = [...]network{{32, 1}, {24, 16}}
	networksIPv6 = [...]network{{64, 1}, {56, 4}, {48, 16}}
)

// AddressSubject returns the subject under which the attempts of an address are
// counted at the least. All whose address is not known count as one.
func AddressSubject(address netip.Addr) string {
	return subjects(address)[0].subject
}

// share is a subject with how many times the allowance of one address it has.
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
	for _, each := range networks {
		prefix, err := address.Prefix(each.bits)
		if err != nil { // no address is shorter
			continue
		}
		subject := prefix.String()
		if prefix.IsSingleIP() {
			subject = address.String()
		}
		shares = append(shares, share{subject, each.factor})
	}
	return shares
}

// AllowAddress reserves one attempt of an address under the named limit, and of each network
// that it is in: under the same name, with an allowance that grows with the network. The
// narrowest is asked first, so that an address that may not try any more takes nothing from its
// neighbours. An error has to be taken as a refusal; see [Limiter.Allow].
func (l *Limiter) AllowAddress(ctx context.Context, name string, address netip.Addr) (Decision, error) {
	for _, each := range subjects(address) {
		decision, err := l.allow(ctx, name, each)
		if err != nil || !decision.Allowed {
			return decision, err
		}
	}
	return Decision{Allowed: true}, nil
}

// times returns a rate that allows as many times more, within the same period.
func times(rate Rate, factor int) Rate {
	interval := (rate.Interval / time.Duration(factor)).Truncate(time.Microsecond)
	return Rate{Burst: rate.Burst * factor, Interval: max(interval, time.Microsecond)}
}
