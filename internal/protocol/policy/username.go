package policy

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// The refusals of usernames for new accounts and new names. Accounts that have such a name keep it.
var (
	ErrMixedScripts   = errors.New("a username must not mix letters of different scripts")
	ErrLikeIdentifier = errors.New("a username must not look like an identifier that the server makes")
)

// subjectLength is that of a pairwise subject: 256 bits as base64url.
const subjectLength = 43

var (
	uuidPattern    = regexp.MustCompile(`^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$`)
	subjectPattern = regexp.MustCompile(`^[0-9a-z_-]{43}$`)
)

// ownPrefix is that of names that stand for this server itself, such as client_ids of its own.
const ownPrefix = ServiceWord + "-"

// ValidateNewUsername checks a username that somebody is to get. Beside the rules of [ValidateUsername], the
// letters are of one script, or of those that are written together (UTS 39 section 5.2, highly restrictive), so
// that no name looks like another one with a letter of another alphabet; and the name doesn't look like a user's or
// client's identifier. The error is [ErrInvalidUsername], [ErrMixedScripts] or [ErrLikeIdentifier].
func ValidateNewUsername(username string) error {
	folded, err := FoldUsername(username)
	switch {
	case err != nil:
		return err
	case uuidPattern.MatchString(folded), len(folded) == subjectLength && subjectPattern.MatchString(folded), strings.HasPrefix(folded, ownPrefix):
		return ErrLikeIdentifier
	case !isOneScript(folded):
		return ErrMixedScripts
	default:
		return nil
	}
}

// isOneScript reports whether the letters of a text are of one script, or of one of the groups in which Chinese, Japanese and
// Korean are written. What all scripts share, such as digits and hyphens, doesn't count. Other than in [MixesScripts],
// the whole text counts and not each word of it.
func isOneScript(text string) bool {
	var scripts []string
	for _, r := range text {
		if script := scriptOf(r); script != "" && !slices.Contains(scripts, script) {
			scripts = append(scripts, script)
		}
	}
	if len(scripts) <= 1 {
		return true
	}
	for _, together := range [][]string{
		{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"},
	} {
		if !slices.ContainsFunc(scripts, func(script string) bool { return !slices.Contains(together, script) }) {
			return true
		}
	}
	return false
}
