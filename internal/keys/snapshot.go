package keys

import (
	"fmt"

	"authly/internal/protocol/jose"
)

// snapshot is everything that requests need, at one moment. It is
// immutable.
type snapshot struct {
	keys         []Key
	algorithms   []jose.Algorithm
	signers      map[jose.Algorithm]*jose.Signer // of the active keys
	verification []jose.VerificationKey
	jwks         []byte
}

// newSnapshot builds a snapshot of the rows of all keys, opened with open.
func newSnapshot(rows []row, open func(row) (*jose.Signer, error)) (*snapshot, error) {
	snap := &snapshot{signers: map[jose.Algorithm]*jose.Signer{}}
	signers := map[string]*jose.Signer{}
	for _, stored := range rows {
		signer, err := open(stored)
		if err != nil {
			return nil, err
		}
		signers[stored.ID] = signer
		snap.keys = append(snap.keys, stored.Key)
	}
	sortKeys(snap.keys)
	for _, key := range snap.keys {
		signer := signers[key.ID]
		snap.verification = append(snap.verification, signer.Verification())
		if key.State == Active {
			snap.signers[key.Algorithm] = signer
			snap.algorithms = append(snap.algorithms, key.Algorithm)
		}
	}
	var err error
	if snap.jwks, err = jose.JWKS(snap.verification); err != nil {
		return nil, fmt.Errorf("build the JWK Set: %w", err)
	}
	return snap, nil
}
