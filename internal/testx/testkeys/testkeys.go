package testkeys

import (
	"crypto"
	"sync"
	"sync/atomic"

	"authly/internal/protocol/jose"
)

// shared has the RSA keys of the process, those of servers apart from those of clients.
var shared struct{ servers, clients pool }

// pool has as many keys as its largest user needed.
type pool struct {
	sync.Mutex
	keys []func() (crypto.Signer, error)
}

// Generator returns what makes keys for one server, or for several that share a
// database. It never returns a key twice, and may be called concurrently.
func Generator() func(jose.Algorithm) (crypto.Signer, error) { return shared.servers.generator() }

// OfClients is [Generator] for the clients of one server. No key of a client is a
// key of a server.
func OfClients() func(jose.Algorithm) (crypto.Signer, error) { return shared.clients.generator() }

func (p *pool) generator() func(jose.Algorithm) (crypto.Signer, error) {
	var count atomic.Int64
	return func(algorithm jose.Algorithm) (crypto.Signer, error) {
		if algorithm != jose.RS256 && algorithm != jose.PS256 {
			return jose.GenerateKey(algorithm)
		}
		return p.key(int(count.Add(1)) - 1)
	}
}

func (p *pool) key(number int) (crypto.Signer, error) {
	p.Lock()
	for number >= len(p.keys) {
		p.keys = append(p.keys, sync.OnceValues(makeRSA))
	}
	wanted := p.keys[number]
	p.Unlock()
	return wanted()
}

// makeRSA makes a key of the smallest size that is allowed, which takes the least time.
func makeRSA() (crypto.Signer, error) { return jose.Generator(2048)(jose.RS256) }
