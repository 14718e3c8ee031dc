package policy

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// The bounds of a password (NIST SP 800-63B-4 section 3.1.1.2).
const (
	DefaultMinimumPasswordCodePoints = 15
	MaxPasswordCodePoints            = 256
	MaxPasswordBytes                 = 1024
)

// ServiceWord is the name of this service, which no password may consist of.
const ServiceWord = "authly"

const (
	// minimumContextCodePoints keeps short words such as "al" from counting as context.
	minimumContextCodePoints = 3
	maxContextWords          = 16
	maxContextParts          = 64
)

// PasswordReason is why a password is refused, as a key that a page translates.
type PasswordReason string

// The reasons.
const (
	PasswordTooShort    PasswordReason = "password.too_short"
	PasswordTooLong     PasswordReason = "password.too_long"
	PasswordNotAllowed  PasswordReason = "password.characters_not_allowed" // control characters and unassigned code points
	PasswordContextWord PasswordReason = "password.context_word"           // consists of the user's name or address, or the service's name
	PasswordTooCommon   PasswordReason = "password.too_common"             // guessed early
)

// ErrInvalidPassword is returned for a text that can't be a password.
var ErrInvalidPassword = errors.New("not a possible password")

// PasswordRules are the rules for a new password. There are no rules about kinds
// of characters, and none about age.
type PasswordRules struct {
	MinimumCodePoints int // 0 means DefaultMinimumPasswordCodePoints
}

// Check returns every reason to refuse a new password, or nothing.
// contextWords are the username, the e-mail address, the names of the user and of the
// service. The password is as typed; Check prepares it with [PreparePassword].
func (r PasswordRules) Check(password string, contextWords ...string) []PasswordReason {
	if len(password) > MaxPasswordBytes || utf8.RuneCountInString(password) > MaxPasswordCodePoints {
		return []PasswordReason{PasswordTooLong} // checking the rest would cost too much
	}
	if password == "" {
		return []PasswordReason{PasswordTooShort}
	}
	prepared, err := PreparePassword(password)
	if err != nil {
		return []PasswordReason{PasswordNotAllowed}
	}
	var reasons []PasswordReason
	if utf8.RuneCountInString(prepared) < r.minimum() {
		reasons = append(reasons, PasswordTooShort)
	}
	words := splitContextWords(contextWords)
	switch {
	case consistsOf(strings.ToLower(prepared), words):
		reasons = append(reasons, PasswordContextWord)
	case isCommon(prepared, words):
		reasons = append(reasons, PasswordTooCommon)
	}
	return reasons
}

func (r PasswordRules) minimum() int {
	if r.MinimumCodePoints > 0 {
		return r.MinimumCodePoints
	}
	return DefaultMinimumPasswordCodePoints
}

// PreparePassword returns the form of a password that is hashed, by the
// OpaqueString profile (RFC 8265 section 4.2): canonical composition and plain spaces
// only, so that the same password typed on two devices is the same bytes.
// It neither trims nor folds case. The error is [ErrInvalidPassword] for an empty or
// over-long text and for control characters and unassigned code points.
func PreparePassword(password string) (string, error) {
	if len(password) > MaxPasswordBytes || !utf8.ValidString(password) {
		return "", ErrInvalidPassword
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil || prepared == "" {
		return "", ErrInvalidPassword
	}
	return prepared, nil
}

// splitContextWords folds the words and adds the parts of each, so that
// ada.lovelace@example.com also means ada, lovelace and example.
func splitContextWords(words []string) []string {
	var split []string
	add := func(word string) {
		if len(split) < maxContextParts && utf8.RuneCountInString(word) >= minimumContextCodePoints && !slices.Contains(split, word) {
			split = append(split, word)
		}
	}
	for _, word := range words[:min(len(words), maxContextWords)] {
		word = truncate(strings.ToLower(word), MaxEmailBytes)
		add(word)
		for _, part := range strings.FieldsFunc(word, func(r rune) bool { return !isLetterOrDigit(r) }) {
			add(part)
		}
	}
	return split
}

// consistsOf reports whether a password without the words, written forward or backward, is
// nothing but digits, spaces and punctuation.
func consistsOf(password string, words []string) bool {
	covered := make([]bool, len(password))
	for _, word := range words {
		markOccurrences(covered, password, word)
		markOccurrences(covered, password, reverse(word))
	}
	for i, r := range password {
		if !covered[i] && unicode.IsLetter(r) {
			return false
		}
	}
	return slices.Contains(covered, true)
}

// markOccurrences marks the bytes of every occurrence, overlapping ones too.
func markOccurrences(covered []bool, password, word string) {
	for start := 0; ; start++ {
		found := strings.Index(password[start:], word)
		if found < 0 {
			return
		}
		start += found
		for i := range len(word) {
			covered[start+i] = true
		}
	}
}

func reverse(text string) string {
	runes := []rune(text)
	slices.Reverse(runes)
	return string(runes)
}

// truncate cuts a text to at most limit bytes without cutting a character.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
