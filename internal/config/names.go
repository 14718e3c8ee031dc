package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// maxShown bounds how much of a wrong value is repeated, in bytes.
const maxShown = 100

// credentials matches texts with a password: a URL with a user, a parameter of a
// connection, a private key. longWord matches texts that could be a key.
var (
	credentials = regexp.MustCompile(`(?i)://[^/]*@|(password|passwd|pwd|secret)\s*=|-----BEGIN`)
	longWord    = regexp.MustCompile(`(?i)^\s*[a-z0-9+_-][a-z0-9+/_-]{39,}=*\s*$`) // doesn't begin with a slash, as a path would
)

// looksSecret reports whether a value is probably a secret in the
// wrong setting, which must not be repeated.
func looksSecret(text string) bool {
	return credentials.MatchString(text) || longWord.MatchString(text)
}

// quote returns a wrong value in quotes, shortened, without control characters,
// or a placeholder if it could be a secret.
func quote(text string) string {
	if looksSecret(text) {
		return "the value (not shown, as it looks like a secret)"
	}
	if len(text) <= maxShown {
		return fmt.Sprintf("%q", text)
	}
	text = text[:maxShown]
	for !utf8.ValidString(text) && text != "" { // don't split a character
		text = text[:len(text)-1]
	}
	return fmt.Sprintf("%q…", text)
}

// plainName matches a name in the form of settings and variables.
var plainName = regexp.MustCompile(`^([a-z0-9_.-]{1,60}|[A-Z0-9_]{1,100})$`)

// quoteName returns an unknown name in a form that may be repeated: in a file with a
// misplaced colon, a name can be anything.
func quoteName(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return quote(name)
}

// shown returns a value in a form that a problem may repeat.
func (o option) shown(value any) string {
	switch value.(type) {
	case string, int, int64, float64, bool:
		if !o.secret() {
			return quote(fmt.Sprint(value))
		}
	}
	return "the value"
}

// remedy returns how a value of the option is written.
func (o option) remedy() string {
	switch o.field(new(Config)).(type) {
	case *time.Duration:
		return "Write a duration such as " + o.standard + ", with the units s, m, h and d"
	case *int:
		return "Write a whole number such as " + o.standard
	case *bool:
		return "Write true or false"
	case *[]netip.Prefix:
		return "Write networks and addresses separated by commas, such as 10.0.0.0/8, 192.0.2.1"
	default:
		return "Write it as one text, in quotes if need be"
	}
}

// Kubernetes gives every pod the addresses of the services of its namespace as
// variables named after them. A service called "authly" or "authly-postgres"
// therefore creates variables with our prefix.
var (
	serviceVariable = regexp.MustCompile(`^AUTHLY_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)?)$`)
	serviceAddress  = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// serviceLink reports whether a variable is one that Kubernetes sets. AUTHLY_PORT
// could also be a guess at the name of `listen`, so there the value decides.
func serviceLink(name, value string) bool {
	if !serviceVariable.MatchString(name) {
		return false
	}
	return !strings.HasSuffix(name, "_PORT") || strings.HasSuffix(name, "_SERVICE_PORT") ||
		strings.Contains(name, "_PORT_") || serviceAddress.MatchString(value)
}

// ofCommands reports whether a variable is for commands that use another server
// (its address and credentials): it means nothing to a server.
func ofCommands(name string) bool {
	switch strings.TrimPrefix(name, prefix) {
	case "SERVER", "PROFILE", "API", "CA_FILE", "CREDENTIALS", "TOKEN", "CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET_FILE":
		return true
	default:
		return false
	}
}

// nearest returns the candidate that differs least from name, or "" if none is close.
func nearest(name string, candidates []string) string {
	best, least := "", len(name)/3+1
	for _, candidate := range candidates {
		distance := editDistance(strings.ToLower(name), strings.ToLower(candidate))
		if distance < least || distance == least && best != "" && candidate < best {
			best, least = candidate, distance
		}
	}
	return best
}

// maxNameLength bounds the part of an unknown name that is compared and repeated.
const maxNameLength = 100

// editDistance returns the number of characters to insert, delete or replace to get from a to b.
func editDistance(a, b string) int {
	if len(a) > maxNameLength || len(b) > maxNameLength {
		return maxNameLength
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
