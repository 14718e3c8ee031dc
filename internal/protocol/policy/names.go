package policy

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// The bounds of names, which hold for the text as given and as folded.
const (
	MaxUsernameCodePoints = 64
	MaxUsernameBytes      = 255
	MaxEmailBytes         = 254 // RFC 5321 section 4.5.3.1.3, without the brackets
	maxLocalPartBytes     = 64  // RFC 5321 section 4.5.3.1.1
	maxDomainBytes        = 253
	maxDomainLabelBytes   = 63
)

// The refusals of names and addresses.
var (
	ErrInvalidUsername = errors.New("a username must have 1 to 64 letters, digits and . _ - + only, beginning with a letter or digit")
	ErrInvalidEmail    = errors.New("not an e-mail address")
)

// FoldUsername returns the form in which usernames are compared and kept unique:
// the UsernameCaseMapped profile (RFC 8265 section 3.3), which maps width, case and
// composition. It also validates; the error is [ErrInvalidUsername].
func FoldUsername(username string) (string, error) {
	if len(username) > MaxUsernameBytes || !utf8.ValidString(username) {
		return "", ErrInvalidUsername
	}
	folded, err := precis.UsernameCaseMapped.String(username)
	// Checked after folding, which turns look-alikes such as U+FF20 into the '@'
	// that distinguishes an e-mail address from a username.
	if err != nil || folded == "" || len(folded) > MaxUsernameBytes || utf8.RuneCountInString(folded) > MaxUsernameCodePoints {
		return "", ErrInvalidUsername
	}
	for i, r := range folded {
		if !isLetterOrDigit(r) && (i == 0 || !unicode.IsMark(r) && !strings.ContainsRune("._-+", r)) {
			return "", ErrInvalidUsername
		}
	}
	return folded, nil
}

// ValidateUsername checks a username. It never has an '@', so that no username is
// also an e-mail address.
func ValidateUsername(username string) error {
	_, err := FoldUsername(username)
	return err
}

// FoldEmail returns the form in which e-mail addresses are compared and kept
// unique: both parts in lower case and composed, by the same profile as usernames.
// A mail server may distinguish addresses by case, but no relevant one does. It
// also validates; the error is [ErrInvalidEmail].
func FoldEmail(email string) (string, error) {
	if len(email) > MaxEmailBytes || !utf8.ValidString(email) {
		return "", ErrInvalidEmail
	}
	local, domain, found := strings.Cut(email, "@")
	if !found || strings.Contains(domain, "@") {
		return "", ErrInvalidEmail
	}
	local, errLocal := precis.UsernameCaseMapped.String(local)
	domain, errDomain := precis.UsernameCaseMapped.String(domain)
	if errLocal != nil || errDomain != nil || !validLocalPart(local) || !validDomain(domain) ||
		len(local)+1+len(domain) > MaxEmailBytes {
		return "", ErrInvalidEmail
	}
	return local + "@" + domain, nil
}

// ValidateEmail checks an e-mail address: a dot-atom (RFC 5322 section 3.2.3, with letters
// of all scripts as RFC 6531 section 3.3 has them), one '@', and a domain name of at least two
// labels. Quoted local parts, comments and address literals are not supported.
func ValidateEmail(email string) error {
	_, err := FoldEmail(email)
	return err
}

func validLocalPart(local string) bool {
	if local == "" || len(local) > maxLocalPartBytes {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool {
			return !isLetterOrDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
		}) {
			return false
		}
	}
	return true
}

func validDomain(domain string) bool {
	if len(domain) > maxDomainBytes || !strings.Contains(domain, ".") {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > maxDomainLabelBytes || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return !isLetterOrDigit(r) && !unicode.IsMark(r) && r != '-' }) {
			return false
		}
		last = label
	}
	return strings.ContainsFunc(last, unicode.IsLetter) // not an address such as 127.0.0.1
}

// maxSearchedBytes bounds what is stored of a searchable text.
const maxSearchedBytes = 200

// FoldSearched returns the form of a text, and of a search term, that searches compare:
// one case, without differences of width and composition, and shortened.
func FoldSearched(text string) string {
	return truncate(strings.ToLower(norm.NFKC.String(truncate(text, maxSearchedBytes))), maxSearchedBytes)
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
