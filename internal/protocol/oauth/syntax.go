package oauth

import (
	"net/netip"
	"strconv"
	"strings"
)

// HTTPURI is an http or https URI split into parts without changes: joining the parts
// gives the same bytes.
type HTTPURI struct {
	Scheme string // "http" or "https"
	Host   string // as written; an IPv6 address with its brackets
	Port   string // decimal without leading zeros, or "" if there is none
	Rest   string // path and query, as written: "" or begins with '/' or '?'
}

// ParseHTTPURI splits an absolute http or https URI. It is stricter than RFC
// 3986, for URIs that are identities: lower-case scheme and host, no userinfo, no
// fragment, no empty port, an address in its canonical spelling, only characters
// that need no escaping. The error is an invalid_request; its description
// is phrased to follow the name of the parameter.
func ParseHTTPURI(uri string) (HTTPURI, error) {
	if err := checkURICharacters(uri); err != nil {
		return HTTPURI{}, err
	}
	scheme, rest, found := strings.Cut(uri, "://")
	if !found || scheme != "http" && scheme != "https" {
		return HTTPURI{}, Refuse(InvalidRequest, "must begin with https:// or http://, in lower case")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	if strings.Contains(authority, "@") {
		return HTTPURI{}, Refuse(InvalidRequest, "must not have a user name or password")
	}
	host, port, hasPort := cutPort(authority)
	if hasPort && !validPort(port) {
		return HTTPURI{}, Refuse(InvalidRequest, "has a port that is not a number from 1 to 65535")
	}
	if !validHost(host) {
		return HTTPURI{}, Refuse(InvalidRequest, "has a host that is not a domain name in lower case or an IP address in its usual form")
	}
	return HTTPURI{Scheme: scheme, Host: host, Port: port, Rest: rest}, nil
}

// Origin returns the origin of the URI in the sense of browsers (WHATWG HTML section
// 7.1.1): without the default port of the scheme.
func (u HTTPURI) Origin() string {
	if u.Port == "" || u.Scheme == "https" && u.Port == "443" || u.Scheme == "http" && u.Port == "80" {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + u.Host + ":" + u.Port
}

// Origin returns the origin of an http or https URI, and "" for anything else: a
// private-use scheme has no origin that a script could have.
func Origin(uri string) string {
	parsed, err := ParseHTTPURI(uri)
	if err != nil {
		return ""
	}
	return parsed.Origin()
}

// IsLoopback reports whether the host is 127.0.0.1, [::1] or localhost, in this spelling.
func (u HTTPURI) IsLoopback() bool { return isLoopbackHost(u.Host) }

func isLoopbackHost(host string) bool {
	return host == "127.0.0.1" || host == "[::1]" || host == "localhost"
}

// cutPort splits an authority without userinfo at the colon before the port.
func cutPort(authority string) (host, port string, found bool) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || colon < strings.LastIndexByte(authority, ']') {
		return authority, "", false
	}
	return authority[:colon], authority[colon+1:], true
}

// validPort accepts 1 to 65535 as decimal digits without sign or leading zero.
func validPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0 && strconv.FormatUint(number, 10) == port
}

// validHost accepts a lower-case domain name, a dotted IPv4 address and a
// bracketed IPv6 address in canonical spelling. A name whose last label is a
// number is refused unless it is such an address, because browsers read 127.1 and
// 0x7f.1 as addresses (WHATWG URL section 3.5).
func validHost(host string) bool {
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return found && err == nil && address.Is6() && address.Zone() == "" && address.String() == inner
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Is4()
	}
	if host == "" || len(host) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if !validLabel(label) {
			return false
		}
		last = label
	}
	return !(last[0] >= '0' && last[0] <= '9')
}

func validLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		if c := label[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// checkURICharacters refuses what RFC 3986 section 2 doesn't allow in a URI, broken
// percent-encoding, and fragments.
func checkURICharacters(uri string) error {
	for i := 0; i < len(uri); i++ {
		c := uri[i]
		switch {
		case c == '#':
			return Refuse(InvalidRequest, "must not have a fragment")
		case c == '%':
			if i+2 >= len(uri) || !isHex(uri[i+1]) || !isHex(uri[i+2]) {
				return Refuse(InvalidRequest, "has broken percent-encoding")
			}
		case !isUnreserved(c) && !strings.ContainsRune(":/?[]@!$&'()*+,;=", rune(c)):
			return Refuse(InvalidRequest, "has a character that is not allowed in a URI")
		}
	}
	return nil
}

// validScheme checks scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) (RFC 3986 section 3.1).
func validScheme(scheme string) bool {
	for i := range len(scheme) {
		c := scheme[i]
		isLetter := isAlphanumeric(c) && (c < '0' || c > '9')
		if !isLetter && (i == 0 || !isAlphanumeric(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return scheme != ""
}

func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func allUnreserved(text string) bool {
	for i := range len(text) {
		if !isUnreserved(text[i]) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// lowerASCII lower-cases A to Z and leaves the rest alone, unlike strings.ToLower,
// which maps the Kelvin sign to k.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
