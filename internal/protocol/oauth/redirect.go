package oauth

import (
	"net/url"
	"slices"
	"strings"
)

// MaxRedirectURIBytes bounds a redirect URI.
const MaxRedirectURIBytes = 2000

// Parameter is one name and value of an authorization response.
type Parameter struct{ Name, Value string }

// ValidateRedirectURI returns an error unless a client of the given type may register uri.
//
// Allowed are https; http on 127.0.0.1, [::1] and localhost only; and for native
// applications a private-use scheme with a dot in it (RFC 8252 section 7.1). Never allowed are a
// fragment (RFC 6749 section 3.1.2), userinfo, a wildcard, dot segments in any
// encoding, encoded slashes, control characters, and a query with the name of a
// response parameter. The error is an invalid_redirect_uri (RFC 7591 section 3.2.2).
func ValidateRedirectURI(uri string, application ApplicationType) error {
	if application != Web && application != Native {
		return refuseRedirectURI("belongs to an application type that is not known")
	}
	if uri == "" || len(uri) > MaxRedirectURIBytes {
		return refuseRedirectURI("must have 1 to 2000 bytes")
	}
	if err := checkURICharacters(uri); err != nil {
		return refuseRedirectURI(descriptionOf(err))
	}
	scheme, rest, found := strings.Cut(uri, ":")
	if !found || !validScheme(scheme) {
		return refuseRedirectURI("must be absolute")
	}
	if slices.Contains(dangerousSchemes, lowerASCII(scheme)) {
		return refuseRedirectURI("has a scheme that is never allowed")
	}
	if scheme == "https" || scheme == "http" {
		return validateHTTPRedirectURI(uri)
	}
	if application != Native {
		return refuseRedirectURI("must be https, or http on a loopback host")
	}
	return validatePrivateUseRedirectURI(scheme, rest)
}

// dangerousSchemes run code, read files or stay inside the browser. The rule that
// a private-use scheme has a dot excludes them too; this list makes sure that no
// later relaxation lets them in.
var dangerousSchemes = []string{
	"javascript", "data", "file", "vbscript", "about", "blob", "filesystem", "view-source", "jar", "chrome", "resource", "intent",
}

// responseParameters must occur once in a response (RFC 6749 section 3.1), so a
// registered query must not have them.
var responseParameters = []string{
	"code", "state", "iss", "error", "error_description", "error_uri", "response",
	"access_token", "token_type", "expires_in", "scope", "id_token", "session_state",
}

func validateHTTPRedirectURI(uri string) error {
	parsed, err := ParseHTTPURI(uri)
	if err != nil {
		return refuseRedirectURI(descriptionOf(err))
	}
	if parsed.Scheme == "http" && !parsed.IsLoopback() {
		return refuseRedirectURI("may be http only on 127.0.0.1, [::1] or localhost")
	}
	return validatePathAndQuery(parsed.Rest)
}

func validatePrivateUseRedirectURI(scheme, rest string) error {
	if scheme != lowerASCII(scheme) {
		return refuseRedirectURI("must have its scheme in lower case")
	}
	if !strings.Contains(scheme, ".") || strings.Contains(scheme, "..") || strings.HasSuffix(scheme, ".") {
		return refuseRedirectURI("must have a scheme in the form of a reversed domain name, such as com.example.app")
	}
	if !strings.HasPrefix(rest, "/") {
		return refuseRedirectURI("must have a path after its scheme")
	}
	if authority, found := strings.CutPrefix(rest, "//"); found {
		end := strings.IndexAny(authority, "/?")
		if end < 0 {
			end = len(authority)
		}
		authority, rest = authority[:end], authority[end:]
		// It is never resolved, but parsers read it: so no user name, port, escape or wildcard.
		if !allUnreserved(authority) {
			return refuseRedirectURI("may have only letters, digits and - . _ ~ between the slashes after its scheme and its path")
		}
		if authority == "" && rest == "" {
			return refuseRedirectURI("must have a path after its scheme")
		}
	}
	return validatePathAndQuery(rest)
}

// validatePathAndQuery refuses paths that a server or a proxy may interpret
// differently.
func validatePathAndQuery(rest string) error {
	path, query, _ := strings.Cut(rest, "?")
	for i := range len(path) {
		if path[i] != '%' {
			continue
		}
		switch decoded, _ := url.PathUnescape(path[i : i+3]); {
		case decoded == "/" || decoded == `\` || decoded[0] < 0x20 || decoded[0] == 0x7f:
			return refuseRedirectURI("must not have an encoded slash, backslash or control character in its path")
		case decoded == "%":
			return refuseRedirectURI("must not have an encoded percent sign in its path")
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		name, _, _ := strings.Cut(strings.ReplaceAll(lowerASCII(segment), "%3b", ";"), ";")
		if name = strings.ReplaceAll(name, "%2e", "."); name == "." || name == ".." {
			return refuseRedirectURI("must not have dot segments in its path")
		}
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err != nil || slices.Contains(responseParameters, decoded) {
			return refuseRedirectURI("must not have the name of a response parameter in its query")
		}
	}
	return nil
}

// MatchRedirectURI reports whether the requested redirect URI is one of the
// registered ones, byte for byte (RFC 9700 section 4.1.3). The only exception is a
// registered http URI on 127.0.0.1, [::1] or localhost: there the port, and only the
// port, may differ or be absent (RFC 8252 section 7.3). Nothing is normalised.
func MatchRedirectURI(registered []string, requested string) bool {
	if requested == "" {
		return false
	}
	if slices.Contains(registered, requested) {
		return true
	}
	host, rest, isLoopback := splitLoopback(requested)
	if !isLoopback {
		return false
	}
	return slices.ContainsFunc(registered, func(candidate string) bool {
		registeredHost, registeredRest, ok := splitLoopback(candidate)
		return ok && registeredHost == host && registeredRest == rest
	})
}

// splitLoopback cuts the port out of an http URI on a loopback host. It works on
// the text alone: only a port may stand between host and path,
// so user names, backslashes and longer host names don't pass.
func splitLoopback(uri string) (host, rest string, ok bool) {
	authority, found := strings.CutPrefix(uri, "http://")
	if !found {
		return "", "", false
	}
	end := strings.IndexAny(authority, "/?")
	if end < 0 {
		end = len(authority)
	}
	authority, rest = authority[:end], authority[end:]
	host, port, hasPort := cutPort(authority)
	if !isLoopbackHost(host) || hasPort && !validPort(port) {
		return "", "", false
	}
	return host, rest, true
}

// IsLoopbackRedirectURI reports whether uri is http on 127.0.0.1, [::1] or localhost,
// which doesn't identify the program that listens there (RFC 8252 section 8.6).
func IsLoopbackRedirectURI(uri string) bool {
	_, _, ok := splitLoopback(uri)
	return ok
}

// RedirectHost returns the destination of a redirect URI to show to a user:
// the host without its port, or the scheme if it is a private-use one.
// It returns "" for a URI that could not have been registered.
func RedirectHost(uri string) string {
	if parsed, err := ParseHTTPURI(uri); err == nil {
		return parsed.Host
	}
	if ValidateRedirectURI(uri, Native) != nil {
		return ""
	}
	scheme, _, _ := strings.Cut(uri, ":")
	return scheme
}

// RedirectURIWithParameters returns the redirect URI with response parameters
// added to its query (RFC 6749 section 4.1.2). The registered part is kept byte for
// byte; a parameter without a value is left out.
func RedirectURIWithParameters(redirectURI string, parameters []Parameter) string {
	var built strings.Builder
	built.WriteString(redirectURI)
	separator := "?"
	if _, query, hasQuery := strings.Cut(redirectURI, "?"); hasQuery {
		separator = "&"
		if query == "" || strings.HasSuffix(query, "&") {
			separator = ""
		}
	}
	for _, parameter := range parameters {
		if parameter.Value == "" {
			continue
		}
		built.WriteString(separator + url.QueryEscape(parameter.Name) + "=" + url.QueryEscape(parameter.Value))
		separator = "&"
	}
	return built.String()
}

func refuseRedirectURI(problem string) error {
	return Refuse(InvalidRedirectURI, "the redirect URI "+problem)
}
