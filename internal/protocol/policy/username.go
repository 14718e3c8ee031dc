package policy

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// The refusals of new usernames. Accounts that already have such a name keep it.
var (
	ErrMixedScripts   = errors.New("a username must not mix letters of different scripts")
	ErrLikeIdentifier = errors.New("a username must not look like an identifier that the server makes")
)

// subjectLength is the length of a pairwise subject: 256 bits as base64url.
const subjectLength = 43

var (
	uuidPattern    = regexp.MustCompile(`^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$`)
	subjectPattern = regexp.MustCompile(`^[0-9a-z_-]{43}$`)
)

// ownPrefix begins names that stand for this server itself, such as its own client_ids.
const ownPrefix = ServiceWord + "-"

// ValidateNewUsername checks a new username. In addition to the rules of [ValidateUsername], the
// letters must be of one script, or of scripts that are written together (UTS 39 section 5.2, highly restrictive), so
// that no name imitates another with a letter of another alphabet; and the name must not look like a user's or
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
// Korean are written. Characters that all scripts share, such as digits and hyphens, don't count. Unlike [MixesScripts],
// it judges the whole text and not each word.
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
