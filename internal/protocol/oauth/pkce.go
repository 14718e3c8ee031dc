package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// The bounds of a code verifier (RFC 7636 section 4.1).
const (
	MinCodeVerifierBytes = 43
	MaxCodeVerifierBytes = 128
)

const s256ChallengeBytes = 43 // base64url of 32 bytes, without padding

// ParseCodeChallenge checks the code_challenge and code_challenge_method of an
// authorization request (RFC 7636 section 4.3). Only S256 is accepted; a missing method
// means "plain" and is refused with it. The error is an invalid_request (section 4.4.1).
// Whether a challenge is required depends on the client's record: call this
// when either parameter was sent.
func ParseCodeChallenge(challenge, method string) error {
	switch {
	case challenge == "":
		return Refuse(InvalidRequest, "code_challenge is required")
	case method == "":
		return Refuse(InvalidRequest, "code_challenge_method must be S256: leaving it out means plain, which is not supported")
	case method != CodeChallengeMethodS256:
		return Refuse(InvalidRequest, "code_challenge_method must be S256")
	case !validS256Challenge(challenge):
		return Refuse(InvalidRequest, "code_challenge must be the base64url-encoded SHA-256 of the verifier, 43 characters")
	}
	return nil
}

// VerifyCodeVerifier checks the code_verifier of a token request against the S256
// challenge of the authorization request (RFC 7636 section 4.6), in
// constant time. An empty challenge matches nothing: a code issued without
// one must be redeemed without a verifier, and the caller decides whether that
// is allowed. The error is an invalid_grant.
func VerifyCodeVerifier(challenge, verifier string) error {
	if verifier == "" {
		return Refuse(InvalidGrant, "code_verifier is required")
	}
	if challenge == "" {
		return Refuse(InvalidGrant, "code_verifier was sent, but the authorization request had no code_challenge")
	}
	if !validCodeVerifier(verifier) {
		return Refuse(InvalidGrant, "code_verifier must be 43 to 128 unreserved characters")
	}
	if subtle.ConstantTimeCompare([]byte(CodeChallengeS256(verifier)), []byte(challenge)) != 1 {
		return Refuse(InvalidGrant, "code_verifier does not match the code_challenge")
	}
	return nil
}

// CodeChallengeS256 returns BASE64URL-ENCODE(SHA256(verifier)) (RFC 7636 section 4.2).
func CodeChallengeS256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func validS256Challenge(challenge string) bool {
	if len(challenge) != s256ChallengeBytes {
		return false
	}
	for i := range len(challenge) { // Go's decoder skips line breaks, so the alphabet is checked here.
		if c := challenge[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	return err == nil
}

func validCodeVerifier(verifier string) bool {
	return len(verifier) >= MinCodeVerifierBytes && len(verifier) <= MaxCodeVerifierBytes && allUnreserved(verifier)
}
