package keys

import (
	"fmt"

	"authly/internal/protocol/jose"
)

// snapshot is everything that answering requests takes, at one moment. It is
// never changed after it was made.
type snapshot struct {
	keys         []Key
	algorithms   []jose.Algorithm
	signers      map[jose.Algorithm]*jose.Signer // of the active keys
	verification []jose.VerificationKey
	jwks         []byte
}

// newSnapshot prepares the rows of all keys, opened with open.
func newSnapshot(rows []row, open func(row) (*jose.Signer, error)) (*snapshot, error) {
	made := &snapshot{signers: map[jose.Algorithm]*jose.Signer{}}
	signers := map[string]*jose.Signer{}
	for _, stored := range rows {
		signer, err := open(stored)
		if err != nil {
			return nil, err
		}
		signers[stored.ID] = signer
		made.keys = append(made.keys, stored.Key)
	}
	sortKeys(made.keys)
	for _, key := range made.keys {
		signer := signers[key.ID]
		made.verification = append(made.verification, signer.Verification())
		if key.State == Active {
			made.signers[key.Algorithm] = signer
			made.algorithms = append(made.algorithms, key.Algorithm)
		}
	}
	var err error
	if made.jwks, err = jose.JWKS(made.verification); err != nil {
		return nil, fmt.Errorf("build the JWK Set: %w", err)
	}
	return made, nil
}
