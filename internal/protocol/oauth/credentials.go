package oauth

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The bounds of an Authorization header.
const (
	MaxClientIDBytes          = 2000 // a client identifier can be a URL
	MaxClientSecretBytes      = 1024
	MaxBearerTokenBytes       = 8 << 10
	maxBasicCredentialsBytes  = 8 << 10
	basicScheme, bearerScheme = "basic", "bearer"
)

// ErrNoBearerToken is returned by [ParseBearer] when the header has no bearer
// token at all; the answer then names no error code (RFC 6750 section 3.1).
var ErrNoBearerToken = Refuse(InvalidToken, "a bearer token is required")

// AuthorizationScheme returns the scheme of an Authorization header in lower
// case, such as "basic" or "bearer", or "" for an empty header.
func AuthorizationScheme(header string) string {
	scheme, _ := splitAuthorization(header)
	return scheme
}

// ParseBasicCredentials reads an "Authorization: Basic" header as RFC 6749
// section 2.3.1 defines it for clients: canonical base64 with its padding, split at the
// first colon, and both halves form-urldecoded. The secret may come out empty,
// which no registered secret is. The error is an invalid_client.
func ParseBasicCredentials(header string) (clientID, clientSecret string, err error) {
	scheme, encoded := splitAuthorization(header)
	if scheme != basicScheme {
		return "", "", Refuse(InvalidClient, "the Authorization header is not of the Basic scheme")
	}
	if len(encoded) > maxBasicCredentialsBytes {
		return "", "", Refuse(InvalidClient, "the Basic credentials are too long")
	}
	malformed := Refuse(InvalidClient, "the Basic credentials are malformed")
	if strings.ContainsAny(encoded, "\r\n") { // Go's decoder would skip them.
		return "", "", malformed
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", malformed
	}
	encodedID, encodedSecret, found := strings.Cut(string(decoded), ":")
	if !found {
		return "", "", malformed
	}
	clientID, errID := url.QueryUnescape(encodedID)
	clientSecret, errSecret := url.QueryUnescape(encodedSecret)
	if errID != nil || errSecret != nil || clientID == "" ||
		!validCredential(clientID, MaxClientIDBytes) || !validCredential(clientSecret, MaxClientSecretBytes) {
		return "", "", malformed
	}
	return clientID, clientSecret, nil
}

// ParseBearer reads an "Authorization: Bearer" header (RFC 6750 section 2.1). The error
// is [ErrNoBearerToken] for an empty header or another scheme, else an
// invalid_request.
func ParseBearer(header string) (string, error) {
	scheme, token := splitAuthorization(header)
	if scheme != bearerScheme {
		return "", ErrNoBearerToken
	}
	if len(token) > MaxBearerTokenBytes {
		return "", Refuse(InvalidRequest, "the bearer token is too long")
	}
	if !validBearerToken(token) {
		return "", Refuse(InvalidRequest, "the Authorization header is malformed")
	}
	return token, nil
}

// splitAuthorization splits credentials into the scheme in lower case and what
// follows 1*SP (RFC 9110 section 11.4).
func splitAuthorization(header string) (scheme, rest string) {
	scheme, rest, _ = strings.Cut(header, " ")
	return lowerASCII(scheme), strings.TrimLeft(rest, " ")
}

// validBearerToken checks the b64token syntax: 1*( ALPHA / DIGIT / "-._~+/" ) *"=".
func validBearerToken(token string) bool {
	body := strings.TrimRight(token, "=")
	if body == "" {
		return false
	}
	for i := range len(body) {
		if c := body[i]; !isUnreserved(c) && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

func validCredential(text string, limit int) bool {
	return len(text) <= limit && utf8.ValidString(text) && !hasControl(text, "")
}
