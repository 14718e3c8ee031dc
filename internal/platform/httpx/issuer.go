package httpx

import (
	"net/url"
	"strings"
)

// Path returns the path of an issuer under which everything is mounted: "" for
// none, else with a slash in front and none at the end.
func Path(issuer string) string {
	parsed, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(parsed.EscapedPath(), "/")
}

// Origin returns scheme, host and port of an issuer, or "" if it has none.
func Origin(issuer string) string {
	parsed, err := url.Parse(issuer)
	if err != nil || parsed.Scheme == "" || parsed.Host == "" {
		return ""
	}
	return strings.ToLower(parsed.Scheme) + "://" + strings.ToLower(parsed.Host)
}

// isHTTPS reports whether browsers reach the issuer over TLS, which a proxy may terminate.
func isHTTPS(issuer string) bool { return strings.HasPrefix(Origin(issuer), "https://") }
