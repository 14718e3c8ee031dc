package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"authly/internal/protocol/policy"
)

func TestPasswordRules(t *testing.T) {
	context := []string{"ada.lovelace@example.com", "alovelace", "Example Identity", "al", ""}
	for name, test := range map[string]struct {
		rules    policy.PasswordRules
		password string
		want     []policy.PasswordReason
	}{
		"passphrase":                           {policy.PasswordRules{}, "correct horse battery staple", nil},
		"random":                               {policy.PasswordRules{}, "kq7#vLw0!xR2pZ9d", nil},
		"random, lower case only (PW-03)":      {policy.PasswordRules{}, "vkqxwzrhbtnlpmd", nil},
		"fifteen code points of Cyrillic":      {policy.PasswordRules{}, "жёлтыйдомуморян", nil},
		"fifteen code points of Chinese":       {policy.PasswordRules{}, "春眠不觉晓处处闻啼鸟夜来风雨声", nil},
		"long, and a context word within":      {policy.PasswordRules{}, "lovelace drinks cold tea at noon", nil},
		"a strong one, again and again":        {policy.PasswordRules{}, strings.Repeat("kq7#vLw0!xR2pZ9d", 16), nil},
		"longest in code points":               {policy.PasswordRules{}, longText(policy.MaxPasswordCodePoints), nil},
		"longest of four bytes each":           {policy.PasswordRules{}, longRunes(policy.MaxPasswordCodePoints), nil},
		"a short minimum (with other factors)": {policy.PasswordRules{MinimumCodePoints: 8}, "vkqxwzrh", nil},

		"empty":                              {policy.PasswordRules{}, "", []policy.PasswordReason{policy.PasswordTooShort}},
		"fourteen":                           {policy.PasswordRules{}, "vkqxwzrhbtnlpm", []policy.PasswordReason{policy.PasswordTooShort}},
		"fourteen code points, many bytes":   {policy.PasswordRules{}, "жёлтыйдомуморя", []policy.PasswordReason{policy.PasswordTooShort}},
		"seven of eight":                     {policy.PasswordRules{MinimumCodePoints: 8}, "vkqxwzr", []policy.PasswordReason{policy.PasswordTooShort, policy.PasswordTooCommon}},
		"short and common":                   {policy.PasswordRules{}, "password", []policy.PasswordReason{policy.PasswordTooShort, policy.PasswordTooCommon}},
		"too many code points":               {policy.PasswordRules{}, longText(policy.MaxPasswordCodePoints + 1), []policy.PasswordReason{policy.PasswordTooLong}},
		"too many bytes":                     {policy.PasswordRules{}, strings.Repeat("x", policy.MaxPasswordBytes+1), []policy.PasswordReason{policy.PasswordTooLong}},
		"control character":                  {policy.PasswordRules{}, "vkqxwzrh\x00btnlpmd", []policy.PasswordReason{policy.PasswordNotAllowed}},
		"line break":                         {policy.PasswordRules{}, "vkqxwzrhbtnlpmd\n", []policy.PasswordReason{policy.PasswordNotAllowed}},
		"not UTF-8":                          {policy.PasswordRules{}, "vkqxwzrhbtnlpmd\xff", []policy.PasswordReason{policy.PasswordNotAllowed}},
		"unassigned":                         {policy.PasswordRules{}, "vkqxwzrhbtnlpmd\U000e0fff", []policy.PasswordReason{policy.PasswordNotAllowed}},
		"the e-mail address":                 {policy.PasswordRules{}, "ada.lovelace@example.com", []policy.PasswordReason{policy.PasswordContextWord}},
		"the e-mail address in another case": {policy.PasswordRules{}, "Ada.Lovelace@Example.COM", []policy.PasswordReason{policy.PasswordContextWord}},
		"the e-mail address backward":        {policy.PasswordRules{}, "moc.elpmaxe@ecalevol.ada", []policy.PasswordReason{policy.PasswordContextWord}},
		"names and digits":                   {policy.PasswordRules{}, "AdaLovelace1815!", []policy.PasswordReason{policy.PasswordContextWord}},
		"the name of the service":            {policy.PasswordRules{}, "Example Identity 1", []policy.PasswordReason{policy.PasswordContextWord}},
		"the username twice":                 {policy.PasswordRules{}, "alovelacealovelace", []policy.PasswordReason{policy.PasswordContextWord}},
		"one character":                      {policy.PasswordRules{}, "aaaaaaaaaaaaaaaaaaaa", []policy.PasswordReason{policy.PasswordTooCommon}},
		"one emoji":                          {policy.PasswordRules{}, strings.Repeat("🐈", 20), []policy.PasswordReason{policy.PasswordTooCommon}},
		"two characters in turn":             {policy.PasswordRules{}, strings.Repeat("密码", 10), []policy.PasswordReason{policy.PasswordTooCommon}},
		"digits in sequence":                 {policy.PasswordRules{}, "12345678901234567890", []policy.PasswordReason{policy.PasswordTooCommon}},
		"the alphabet":                       {policy.PasswordRules{}, "abcdefghijklmnopqrstuvwxyz", []policy.PasswordReason{policy.PasswordTooCommon}},
		"the Greek alphabet":                 {policy.PasswordRules{}, "αβγδεζηθικλμνξοπ", []policy.PasswordReason{policy.PasswordTooCommon}},
		"the keyboard":                       {policy.PasswordRules{}, "qwertyuiopasdfgh", []policy.PasswordReason{policy.PasswordTooCommon}},
		"common, twice":                      {policy.PasswordRules{}, "passwordpassword", []policy.PasswordReason{policy.PasswordTooCommon}},
		"common with digits":                 {policy.PasswordRules{}, "Password1234567", []policy.PasswordReason{policy.PasswordTooCommon}},
		"common with substitutions":          {policy.PasswordRules{}, "P4$$w0rdP@55w0rd", []policy.PasswordReason{policy.PasswordTooCommon}},
		"short unit repeated":                {policy.PasswordRules{}, "xkqdxkqdxkqdxkqdxkqd", []policy.PasswordReason{policy.PasswordTooCommon}},
		"common words in a row":              {policy.PasswordRules{}, "monkeydragonfootball", []policy.PasswordReason{policy.PasswordTooCommon}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.rules.Check(test.password, context...); !slices.Equal(got, test.want) {
				t.Errorf("Check(%q) = %v, want %v", test.password, got, test.want)
			}
		})
	}
}

// longText returns n code points of ASCII without a pattern.
func longText(n int) string {
	text, state := make([]byte, n), uint32(7)
	for i := range text {
		state = state*1664525 + 1013904223
		text[i] = 'a' + byte(state>>24)%26
	}
	return string(text)
}

// longRunes returns n code points of four bytes each without a pattern.
func longRunes(n int) string {
	return strings.Map(func(r rune) rune { return r - 'a' + '🐀' }, longText(n))
}

func TestPasswordWithoutContext(t *testing.T) {
	if got := (policy.PasswordRules{}).Check("correct horse battery staple"); got != nil {
		t.Errorf("Check() = %v", got)
	}
	// Words too short to mean anything don't count, nor does a flood of them.
	if got := (policy.PasswordRules{}).Check("al li al vkqxwzrhbtn", "al", "li"); got != nil {
		t.Errorf("Check() = %v", got)
	}
	flood := slices.Repeat([]string{strings.Repeat("x", 1<<16)}, 1000)
	if got := (policy.PasswordRules{}).Check("correct horse battery staple", flood...); got != nil {
		t.Errorf("Check() = %v", got)
	}
}

func TestPreparePassword(t *testing.T) {
	for name, test := range map[string]struct{ password, want string }{
		"ASCII is kept":                           {"Corr3ct Horse!", "Corr3ct Horse!"},
		"rfc8265-4.2.1 case is kept":              {"ÄÖÜ", "ÄÖÜ"},
		"rfc8265-4.2.1 composed":                  {"a\u0308", "ä"},
		"rfc8265-4.2.1 other spaces become plain": {"a\u00a0b\u3000c", "a b c"},
		"rfc8265-4.2.1 width is kept":             {"ａ", "ａ"},
		"spaces around are kept":                  {"  a  ", "  a  "},
		"rfc8265-4.3 example":                     {"\u03c0\u00df\u00e5", "πßå"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := policy.PreparePassword(test.password)
			if err != nil || got != test.want {
				t.Fatalf("got %q, %v; want %q", got, err, test.want)
			}
			if again, err := policy.PreparePassword(got); err != nil || again != got {
				t.Errorf("prepared again it is %q, %v", again, err)
			}
		})
	}
	for _, password := range []string{"", "\x00", "a\tb", "a\nb", "a\x7f", "\xff", "\ufdd0", strings.Repeat("x", policy.MaxPasswordBytes+1)} {
		if got, err := policy.PreparePassword(password); !errors.Is(err, policy.ErrInvalidPassword) || got != "" {
			t.Errorf("PreparePassword(%.20q) = %q, %v", password, got, err)
		}
	}
}

func FuzzPasswordRules(f *testing.F) {
	for _, seed := range [][2]string{
		{"correct horse battery staple", "ada@example.com"}, {"", ""}, {"P4$$w0rd", "p"}, {"🐈🐈", "🐈🐈🐈"}, {"\xff", "\xff"}, {"İİİİ", "i̇i̇"}, {"1/1/2001 1.1.1", "1"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, password, word string) {
		reasons := policy.PasswordRules{}.Check(password, word)
		if len(reasons) > 0 {
			return
		}
		if count := utf8.RuneCountInString(password); count > policy.MaxPasswordCodePoints || len(password) > policy.MaxPasswordBytes {
			t.Fatalf("a password of %d code points is accepted", count)
		}
		prepared, err := policy.PreparePassword(password)
		if err != nil || utf8.RuneCountInString(prepared) < policy.DefaultMinimumPasswordCodePoints {
			t.Fatalf("%q is accepted: %v", password, err)
		}
	})
}

func BenchmarkPasswordRules(b *testing.B) {
	password := strings.Repeat("4@8({[<369|1!0$5+7%2", 5)[:100] // what is most costly for zxcvbn
	for b.Loop() {
		policy.PasswordRules{}.Check(password, "ada.lovelace@example.com")
	}
}
