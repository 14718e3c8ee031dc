package policy

import (
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ReservedNames are names that a client which registered itself can't take, since people would take it for
// a part of the server.
type ReservedNames struct {
	anywhere []string // skeletons that no name has in it
	whole    []string // skeletons that are no name
}

// minReserved is the length, in letters and digits, from which a name is reserved also within others.
const minReserved = 5

// NewReservedNames returns the product, with which the names of the server's own clients begin, the issuer's host, and words
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
		switch found := skeleton(name); {
		case len(found) >= minReserved:
			reserved.anywhere = append(reserved.anywhere, found)
		case found != "":
			reserved.whole = append(reserved.whole, found)
		}
	}
	return reserved
}

// Pretends reports whether a name can be taken for one of the reserved ones: compared without
// case, width, marks, spaces and punctuation, and with letters that look alike taken for one.
func (r ReservedNames) Pretends(name string) bool {
	found := skeleton(name)
	for _, reserved := range r.anywhere {
		if strings.Contains(found, reserved) {
			return true
		}
	}
	for _, reserved := range r.whole {
		if found == reserved {
			return true
		}
	}
	return false
}

// skeleton is a text as people see it at a glance, in the sense of Unicode Technical Standard 39 section 4, for the
// letters that look like a Latin one or like a digit.
func skeleton(text string) string {
	var made strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if r = alike(unicode.ToLower(r)); unicode.IsLetter(r) || unicode.IsDigit(r) {
			made.WriteRune(r)
		}
	}
	return made.String()
}

// alike returns the letter that stands for all that look like it. Capital letters are lower case already, so that
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

// MixesScripts reports whether a word of a text has letters of two scripts, as a name has that imitates another. Scripts
// that are written together (Han with the Japanese ones, Hangul or Bopomofo, and each of them with Latin) count as one.
func MixesScripts(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) }) {
		found := ""
		for _, r := range word {
			script := scriptOf(r)
			switch {
			case script == "" || script == found:
			case found == "":
				found = script
			case isTogether(script) && isTogether(found):
				found = script
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

// scriptOf returns the name of a letter's script, "" for what belongs to all of them.
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
