package policy

import (
	"strings"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/matching"
)

const (
	// minimumScore of zxcvbn's 0 to 4: more than 10^8 guesses.
	minimumScore = 3
	// measuredCodePoints bounds the part whose strength is computed, since the cost grows
	// with the square of the length. A password that begins strong is strong.
	measuredCodePoints = 72
)

// isCommon reports whether an attacker would guess a password among the first.
func isCommon(password string, words []string) bool {
	password = measurable(password)
	if len(password) > measuredCodePoints {
		password = password[:measuredCodePoints]
	}
	measuredWords := make([]string, len(words))
	for i, word := range words {
		measuredWords[i] = measurable(word)
	}
	password = password[:period(password)]
	return score(password, measuredWords) < minimumScore ||
		score(substitutions.Replace(password), measuredWords) < minimumScore
}

// score computes zxcvbn's score, without its matcher of substituted characters:
// it tries all combinations and can be made to take a second.
func score(password string, words []string) int {
	return zxcvbn.PasswordStrength(password, words, matching.FilterL33tMatcher).Score
}

// substitutions undoes the usual ways to write letters as other characters.
var substitutions = strings.NewReplacer(
	"4", "a", "@", "a", "8", "b", "(", "c", "3", "e", "6", "g", "1", "i", "!", "i",
	"0", "o", "$", "s", "5", "s", "7", "t", "+", "t", "2", "z",
)

// measurable maps every character outside of ASCII to a lower-case letter, consistently,
// and neighbours to neighbours. zxcvbn counts bytes, so it would
// otherwise take fifteen times the same emoji for sixty good characters.
func measurable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return r
		}
		return 'a' + r%26
	}, text)
}

// period returns the length of the shortest prefix that, repeated two or more times, gives the
// whole text, otherwise the length of the text.
func period(text string) int {
	for length := 1; length <= len(text)/2; length++ {
		if strings.HasPrefix(text, text[length:]) {
			return length
		}
	}
	return len(text)
}
