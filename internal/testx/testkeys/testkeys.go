package testkeys

import (
	"crypto"
	"sync"
	"sync/atomic"

	"authly/internal/protocol/jose"
)

// shared are the RSA keys of the process: as many as the one who needed most.
var shared = struct {
	sync.Mutex
	made []func() (crypto.Signer, error)
}{}

// Generator returns what makes keys for one server, or for several that share a
// database. It never returns a key twice, and may be called concurrently.
func Generator() func(jose.Algorithm) (crypto.Signer, error) {
	var count atomic.Int64
	return func(algorithm jose.Algorithm) (crypto.Signer, error) {
		if algorithm != jose.RS256 && algorithm != jose.PS256 {
			return jose.GenerateKey(algorithm)
		}
		return sharedKey(int(count.Add(1)) - 1)
	}
}

func sharedKey(number int) (crypto.Signer, error) {
	shared.Lock()
	for number >= len(shared.made) {
		shared.made = append(shared.made, sync.OnceValues(makeRSA))
	}
	wanted := shared.made[number]
	shared.Unlock()
	return wanted()
}

// makeRSA makes a key of the smallest size that is allowed, which takes the least time.
func makeRSA() (crypto.Signer, error) { return jose.Generator(2048)(jose.RS256) }
