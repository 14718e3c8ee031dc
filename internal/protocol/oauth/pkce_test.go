package oauth_test

import (
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
)

// The example of RFC 7636 appendix B.
const (
	appendixBVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	appendixBChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestParseCodeChallenge(t *testing.T) {
	if err := oauth.ParseCodeChallenge(appendixBChallenge, "S256"); err != nil {
		t.Fatalf("rfc7636-B: %v", err)
	}
	for name, test := range map[string]struct{ challenge, method string }{
		"rfc7636-4.4.1 challenge missing":        {"", "S256"},
		"rfc7636-4.3 method missing means plain": {appendixBChallenge, ""},
		"both missing":                           {"", ""},
		"plain":                                  {appendixBChallenge, "plain"},
		"method in lower case":                   {appendixBChallenge, "s256"},
		"method unknown":                         {appendixBChallenge, "S512"},
		"too short":                              {appendixBChallenge[1:], "S256"},
		"too long":                               {appendixBChallenge + "A", "S256"},
		"padded":                                 {appendixBChallenge + "=", "S256"},
		"padding within the length":              {appendixBChallenge[:42] + "=", "S256"},
		"not base64url":                          {strings.Replace(appendixBChallenge, "-", "+", 1), "S256"},
		"line break":                             {appendixBChallenge[:42] + "\n", "S256"},
		"not canonical: bits beyond the 32 bytes": {appendixBChallenge[:42] + "N", "S256"},
		"not ASCII": {appendixBChallenge[:41] + "é", "S256"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := oauth.ParseCodeChallenge(test.challenge, test.method); oauth.CodeOf(err) != oauth.InvalidRequest {
				t.Errorf("error is %v, want invalid_request", err)
			}
		})
	}
}

func TestVerifyCodeVerifier(t *testing.T) {
	longest := strings.Repeat("~", oauth.MaxCodeVerifierBytes)
	for name, test := range map[string]struct {
		challenge, verifier string
		want                oauth.ErrorCode
	}{
		"rfc7636-B":                                {appendixBChallenge, appendixBVerifier, ""},
		"rfc7636-4.1 longest":                      {oauth.CodeChallengeS256(longest), longest, ""},
		"rfc7636-4.1 all unreserved characters":    {oauth.CodeChallengeS256("-._~" + appendixBVerifier), "-._~" + appendixBVerifier, ""},
		"rfc7636-4.6 verifier missing":             {appendixBChallenge, "", oauth.InvalidGrant},
		"rfc9700-4.8.2 verifier without challenge": {"", appendixBVerifier, oauth.InvalidGrant},
		"neither":                                   {"", "", oauth.InvalidGrant},
		"rfc7636-4.6 verifier differs":              {appendixBChallenge, "A" + appendixBVerifier[1:], oauth.InvalidGrant},
		"rfc7636-4.6 verifier too short":            {oauth.CodeChallengeS256(appendixBVerifier[1:]), appendixBVerifier[1:], oauth.InvalidGrant},
		"rfc7636-4.6 verifier too long":             {oauth.CodeChallengeS256(longest + "~"), longest + "~", oauth.InvalidGrant},
		"rfc7636-4.1 character that isn't allowed":  {oauth.CodeChallengeS256(appendixBVerifier + "!"), appendixBVerifier + "!", oauth.InvalidGrant},
		"rfc7636-4.6 plain: verifier is challenge":  {appendixBChallenge, appendixBChallenge, oauth.InvalidGrant},
		"challenge of another case":                 {strings.ToLower(appendixBChallenge), appendixBVerifier, oauth.InvalidGrant},
		"verifier with a space that could be a '+'": {oauth.CodeChallengeS256(appendixBVerifier + " "), appendixBVerifier + " ", oauth.InvalidGrant},
	} {
		t.Run(name, func(t *testing.T) {
			if err := oauth.VerifyCodeVerifier(test.challenge, test.verifier); oauth.CodeOf(err) != test.want {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}
