package policy

import (
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ReservedNames are names that a client which registers itself can't take, because users would take it for
// a part of the server.
type ReservedNames struct {
	anywhere []string // skeletons that no name may contain
	whole    []string // skeletons that no name may equal
}

// minReserved is the length, in letters and digits, from which a name is also reserved within others.
const minReserved = 5

// NewReservedNames returns the product, which begins the names of the server's own clients, the issuer's host, and words
// for parts of a server. A host that means this machine, or is an address, is not reserved.
func NewReservedNames(product, issuerHost string) ReservedNames {
	var reserved ReservedNames
	for _, name := range []string{"Administration", "Administrator", "Admin", "Admin console", "Console", "Identity provider", "Login", "Sign in", "Security", "System", "Support"} {
		reserved.whole = append(reserved.whole, skeleton(name))
	}
	if _, err := netip.ParseAddr(issuerHost); err == nil || issuerHost == "localhost" || strings.HasSuffix(issuerHost, ".localhost") {
		issuerHost = ""
	}
	for _, name := range []string{product, issuerHost} {
		switch s := skeleton(name); {
		case len(s) >= minReserved:
			reserved.anywhere = append(reserved.anywhere, s)
		case s != "":
			reserved.whole = append(reserved.whole, s)
		}
	}
	return reserved
}

// Pretends reports whether a name can be mistaken for a reserved one. The comparison ignores
// case, width, marks, spaces and punctuation, and treats letters that look alike as equal.
func (r ReservedNames) Pretends(name string) bool {
	s := skeleton(name)
	for _, reserved := range r.anywhere {
		if strings.Contains(s, reserved) {
			return true
		}
	}
	for _, reserved := range r.whole {
		if s == reserved {
			return true
		}
	}
	return false
}

// skeleton returns a text as users see it at a glance (Unicode Technical Standard 39 section 4), for the
// letters that look like a Latin one or like a digit.
func skeleton(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if r = alike(unicode.ToLower(r)); unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// alike returns the letter that represents all that look like it. Capital letters are lower case already, so
// I, l, 1 and | are one.
func alike(r rune) rune {
	const (
		seen  = "1|іıɩιӏ0оοօ3еєҽ4а@αɑ5ѕ$вьсϲԁһнјκкмпрρтτυμѵνшωхχуγүԝզցʏ"
		meant = "iiiiiii" + "oooo" + "eeee" + "aaaaa" + "sss" + "bb" + "cc" + "d" + "hh" + "j" + "kk" + "m" + "n" + "pp" + "tt" + "uu" + "vv" + "w" + "w" + "xx" + "yyy" + "w" + "q" + "g" + "y"
	)
	if r == 'l' {
		return 'i'
	}
	position := 0
	for _, candidate := range seen {
		if candidate == r {
			return rune(meant[position])
		}
		position++
	}
	return r
}

// MixesScripts reports whether a word of a text has letters of two scripts, as in a name that imitates another. Scripts
// that are written together (Han with the Japanese ones, Hangul or Bopomofo, and each of them with Latin) count as one.
func MixesScripts(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) }) {
		first := ""
		for _, r := range word {
			script := scriptOf(r)
			switch {
			case script == "" || script == first:
			case first == "":
				first = script
			case isTogether(script) && isTogether(first):
				first = script
			default:
				return true
			}
		}
	}
	return false
}

func isTogether(script string) bool {
	switch script {
	case "Latin", "Han", "Hiragana", "Katakana", "Hangul", "Bopomofo":
		return true
	}
	return false
}

// scriptOf returns the name of a letter's script, "" for characters that all scripts share.
func scriptOf(r rune) string {
	if !unicode.IsLetter(r) {
		return ""
	}
	for name, table := range unicode.Scripts { // no letter is in two of them
		if name != "Common" && name != "Inherited" && unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
