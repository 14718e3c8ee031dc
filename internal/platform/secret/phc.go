package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The bounds of a stored hash that is verified. They are wider than those of new hashes,
// to accept imported ones, and narrow enough that a row planted in the
// database can't make the server allocate or compute without end.
const (
	maxEncodedPassword = 256

	maxHashMemoryKiB  = 1 << 20 // 1 GiB
	maxHashIterations = 64
	maxHashLanes      = 16
	maxHashWork       = 4 << 20 // KiB × iterations: 1 GiB four times

	minSaltLength, maxSaltLength = 8, 64
	minTagLength, maxTagLength   = 16, 64

	minMemoryPerLaneKiB = 8 // RFC 9106 section 3.1
)

// errNotAPasswordHash has no details: it would have to quote parts of the hash.
var errNotAPasswordHash = errors.New("not an argon2id hash in PHC format within the bounds")

// passwordHash is a parsed `$argon2id$v=19$m=…,t=…,p=…$salt$tag`.
type passwordHash struct {
	parameters PasswordParameters
	salt, tag  []byte
}

// phcEncoding is base64 without padding, as the PHC string format has it.
var phcEncoding = base64.RawStdEncoding.Strict()

// String writes the hash in the PHC string format.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		h.parameters.MemoryKiB, h.parameters.Iterations, h.parameters.Parallelism,
		phcEncoding.EncodeToString(h.salt), phcEncoding.EncodeToString(h.tag))
}

// parsePasswordHash reads exactly what String writes: each hash has one spelling,
// so anything else was written by another program.
func parsePasswordHash(encoded string) (passwordHash, error) {
	if len(encoded) > maxEncodedPassword {
		return passwordHash{}, errNotAPasswordHash
	}
	fields := strings.Split(encoded, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != "v=19" {
		return passwordHash{}, errNotAPasswordHash
	}
	var numbers [3]uint64
	values := strings.Split(fields[3], ",")
	if len(values) != len(numbers) {
		return passwordHash{}, errNotAPasswordHash
	}
	for i, name := range []string{"m=", "t=", "p="} {
		text, ok := strings.CutPrefix(values[i], name)
		number, err := strconv.ParseUint(text, 10, 32)
		if !ok || err != nil {
			return passwordHash{}, errNotAPasswordHash
		}
		numbers[i] = number
	}
	if numbers[2] > maxHashLanes {
		return passwordHash{}, errNotAPasswordHash
	}
	salt, errSalt := phcEncoding.DecodeString(fields[4])
	tag, errTag := phcEncoding.DecodeString(fields[5])
	parsed := passwordHash{
		parameters: PasswordParameters{
			MemoryKiB:   uint32(numbers[0]), //nolint:gosec // ParseUint is limited to 32 bits
			Iterations:  uint32(numbers[1]), //nolint:gosec // ParseUint is limited to 32 bits
			Parallelism: uint8(numbers[2]),  //nolint:gosec // bounded above
		},
		salt: salt, tag: tag,
	}
	if errSalt != nil || errTag != nil || !parsed.bounded() || parsed.String() != encoded {
		return passwordHash{}, errNotAPasswordHash
	}
	return parsed, nil
}

func (h passwordHash) bounded() bool {
	return h.parameters.bounded() &&
		len(h.salt) >= minSaltLength && len(h.salt) <= maxSaltLength &&
		len(h.tag) >= minTagLength && len(h.tag) <= maxTagLength
}

func (p PasswordParameters) bounded() bool {
	return p.Parallelism >= 1 && p.Parallelism <= maxHashLanes &&
		p.Iterations >= 1 && p.Iterations <= maxHashIterations &&
		p.MemoryKiB >= minMemoryPerLaneKiB*uint32(p.Parallelism) && p.MemoryKiB <= maxHashMemoryKiB &&
		uint64(p.MemoryKiB)*uint64(p.Iterations) <= maxHashWork
}
