package metadata

import (
	"errors"
	"fmt"
	"strings"

	"authly/internal/protocol/oauth"
)

// MaxIssuerBytes bounds an issuer.
const MaxIssuerBytes = 512

// ErrInvalidIssuer is wrapped by the errors of [ValidateIssuer].
var ErrInvalidIssuer = errors.New("invalid issuer")

// ValidateIssuer checks an issuer identifier (RFC 8414 section 2, OpenID Connect Discovery
// 1.0 section 3): https, or http on 127.0.0.1, [::1] or localhost; the host in lower case;
// no query, fragment, user name or trailing slash; a port only if it isn't the
// scheme's default; a path, if there is one, without empty or dot segments and without
// escapes. So an issuer has one spelling, and issuers are compared as text everywhere.
func ValidateIssuer(issuer string) error {
	if len(issuer) > MaxIssuerBytes {
		return fmt.Errorf("%w: it is longer than %d bytes", ErrInvalidIssuer, MaxIssuerBytes)
	}
	parsed, err := oauth.ParseHTTPURI(issuer)
	if err != nil {
		var refusal *oauth.Error
		if errors.As(err, &refusal) {
			return fmt.Errorf("%w: it %s", ErrInvalidIssuer, refusal.Description)
		}
		return fmt.Errorf("%w: %w", ErrInvalidIssuer, err)
	}
	switch {
	case parsed.Scheme == "http" && !parsed.IsLoopback():
		return fmt.Errorf("%w: it must be https, unless the host is 127.0.0.1, [::1] or localhost", ErrInvalidIssuer)
	case parsed.Scheme == "http" && parsed.Port == "80", parsed.Scheme == "https" && parsed.Port == "443":
		return fmt.Errorf("%w: it must not spell out the port that its scheme has anyway", ErrInvalidIssuer)
	case strings.Contains(parsed.Rest, "?"):
		return fmt.Errorf("%w: it must not have a query", ErrInvalidIssuer)
	case strings.HasSuffix(parsed.Rest, "/"):
		return fmt.Errorf("%w: it must not end with a slash", ErrInvalidIssuer)
	}
	return validateIssuerPath(parsed.Rest)
}

// ValidateHTTPSIssuer checks an issuer that must not be plain http even on a loopback host.
func ValidateHTTPSIssuer(issuer string) error {
	if err := ValidateIssuer(issuer); err != nil {
		return err
	}
	if !strings.HasPrefix(issuer, "https://") {
		return fmt.Errorf("%w: it must be https", ErrInvalidIssuer)
	}
	return nil
}

// IsLoopbackIssuer reports whether the issuer's host is 127.0.0.1, [::1] or localhost.
func IsLoopbackIssuer(issuer string) bool {
	parsed, err := oauth.ParseHTTPURI(issuer)
	return err == nil && parsed.IsLoopback()
}

// IssuerPath returns the path of a valid issuer, such as "/tenant", or "" if it has none.
func IssuerPath(issuer string) string {
	parsed, err := oauth.ParseHTTPURI(issuer)
	if err != nil {
		return ""
	}
	return parsed.Rest
}

func validateIssuerPath(path string) error {
	if path == "" {
		return nil
	}
	segments := strings.Split(path, "/")[1:] // a path begins with a slash
	if segments[0] == ".well-known" {
		return fmt.Errorf("%w: its path must not begin with /.well-known", ErrInvalidIssuer)
	}
	for _, segment := range segments {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%w: its path must not have empty or dot segments", ErrInvalidIssuer)
		}
		if strings.ContainsFunc(segment, func(r rune) bool { return !isPathCharacter(r) }) {
			return fmt.Errorf("%w: its path may have letters, digits and - . _ ~ only", ErrInvalidIssuer)
		}
	}
	return nil
}

func isPathCharacter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r)
}

const (
	openIDConfiguration       = "/.well-known/openid-configuration"
	oauthAuthorizationServer  = "/.well-known/oauth-authorization-server"
	maxWellKnownPathsOfIssuer = 4
)

// WellKnownPaths returns the paths at which clients look for the document of a valid issuer,
// from the root of its host. Without a path in the issuer these are two.
// With one, RFC 8414 section 3.1 puts the well-known part before it and OpenID Connect
// Discovery 1.0 section 4.1 after it, and clients do both for either name: four.
func WellKnownPaths(issuer string) []string {
	path := IssuerPath(issuer)
	paths := make([]string, 0, maxWellKnownPathsOfIssuer)
	paths = append(paths, openIDConfiguration+path, oauthAuthorizationServer+path)
	if path != "" {
		paths = append(paths, path+openIDConfiguration, path+oauthAuthorizationServer)
	}
	return paths
}
