package policy_test

import (
	"errors"
	"strings"
	"testing"

	"authly/internal/protocol/policy"
)

func TestFoldUsername(t *testing.T) {
	for name, test := range map[string]struct{ username, want string }{
		"plain":                   {"ada", "ada"},
		"rfc8265-3.3.2 case":      {"AdaLovelace", "adalovelace"},
		"punctuation":             {"ada.l_o-v+1", "ada.l_o-v+1"},
		"a digit first":           {"4da", "4da"},
		"one character":           {"a", "a"},
		"rfc8265-3.3.2 composed":  {"A\u0308rger", "ärger"},
		"rfc8265-3.3.2 width":     {"ａｄａ", "ada"},
		"Cyrillic":                {"Анна", "анна"},
		"right to left":           {"עדה", "עדה"},
		"Turkish capital, no dot": {"ISIK", "isik"},
		"sharp s stays":           {"Straße", "straße"},
		"rfc8265-3.3.2 plain lower case, no final form": {"ΣΑΣ", "σασ"},
		"longest": {strings.Repeat("a", policy.MaxUsernameCodePoints), strings.Repeat("a", policy.MaxUsernameCodePoints)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := policy.FoldUsername(test.username)
			if err != nil || got != test.want {
				t.Fatalf("got %q, %v; want %q", got, err, test.want)
			}
			if again, err := policy.FoldUsername(got); err != nil || again != got {
				t.Errorf("folded again it is %q, %v", again, err)
			}
			if err := policy.ValidateUsername(test.username); err != nil {
				t.Errorf("ValidateUsername: %v", err)
			}
		})
	}
	for name, username := range map[string]string{
		"empty": "", "space": "a b", "leading space": " ada", "trailing space": "ada ", "at sign": "ada@example.com", "only an at sign": "@",
		"full-width at sign": "ada＠example", "small at sign": "ada﹫example", "NUL": "a\x00", "line break": "ada\n", "tab": "a\tb", "slash": "a/b", "backslash": `a\b`,
		"markup": "<b>", "quote": `a"b`, "apostrophe": "a'b", "colon": "a:b", "percent": "a%b", "begins with a dot": ".ada", "begins with a hyphen": "-ada",
		"begins with a mark": "\u0301a", "emoji": "🐈", "right-to-left override": "ada\u202eb", "zero-width space": "ada\u200b", "zero-width joiner": "ad\u200da",
		"soft hyphen": "ad\u00ada", "rfc8265-3.3.2 mixed directions": "aעb", "not UTF-8": "ada\xff", "private use": "ada\ue000", "ligature": "ﬁn",
		"too many": strings.Repeat("a", policy.MaxUsernameCodePoints+1), "too many bytes": strings.Repeat("𐐨", 64), "huge": strings.Repeat("a", 1<<20),
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			if got, err := policy.FoldUsername(username); !errors.Is(err, policy.ErrInvalidUsername) || got != "" {
				t.Errorf("FoldUsername(%.30q) = %q, %v", username, got, err)
			}
			if err := policy.ValidateUsername(username); !errors.Is(err, policy.ErrInvalidUsername) {
				t.Errorf("ValidateUsername(%.30q) = %v", username, err)
			}
		})
	}
}

func TestFoldEmail(t *testing.T) {
	longestDomain := strings.Repeat(strings.Repeat("d", 60)+".", 3) + "de"
	for name, test := range map[string]struct{ email, want string }{
		"plain":                  {"ada@example.com", "ada@example.com"},
		"case":                   {"Ada.Lovelace@EXAMPLE.Com", "ada.lovelace@example.com"},
		"tag":                    {"ada+shop@example.com", "ada+shop@example.com"},
		"rfc5322-3.2.3 atext":    {"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		"rfc6531-3.3 letters":    {"Jörg@Bücher.example", "jörg@bücher.example"},
		"composed":               {"jo\u0308rg@example.com", "jörg@example.com"},
		"punycode":               {"a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		"many labels":            {"a@b.c.d.example", "a@b.c.d.example"},
		"digits":                 {"1@2.3.example", "1@2.3.example"},
		"rfc5321-4.5.3.1.1 long": {strings.Repeat("l", 64) + "@" + longestDomain, strings.Repeat("l", 64) + "@" + longestDomain},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := policy.FoldEmail(test.email)
			if err != nil || got != test.want {
				t.Fatalf("got %q, %v; want %q", got, err, test.want)
			}
			if again, err := policy.FoldEmail(got); err != nil || again != got {
				t.Errorf("folded again it is %q, %v", again, err)
			}
			if err := policy.ValidateEmail(test.email); err != nil {
				t.Errorf("ValidateEmail: %v", err)
			}
			if err := policy.ValidateUsername(test.email); err == nil {
				t.Error("it is a username too")
			}
		})
	}
	for name, email := range map[string]string{
		"empty": "", "no at sign": "ada", "only an at sign": "@", "no local part": "@example.com", "no domain": "ada@", "two at signs": "a@b@example.com",
		"full-width at sign": "a＠b.example", "second at sign by folding": "a＠b@example.com", "one label": "ada@localhost", "address": "a@127.0.0.1",
		"literal": "a@[127.0.0.1]", "quoted": `"a b"@example.com`, "comment": "a(x)@example.com", "name": "Ada <a@example.com>", "space": "a b@example.com",
		"leading space": " a@example.com", "line break": "a@example.com\r\nBcc: b@example.com", "NUL": "a\x00@example.com", "dot first": ".a@example.com",
		"dot last": "a.@example.com", "two dots": "a..b@example.com", "domain dot last": "a@example.com.", "domain dot first": "a@.example.com",
		"domain two dots": "a@b..example", "hyphen first": "a@-b.example", "hyphen last": "a@b-.example", "underscore in domain": "a@b_c.example",
		"comma": "a,b@example.com", "semicolon": "a;b@example.com", "not UTF-8": "\xff@example.com", "bidi override": "a\u202e@example.com", "zero width": "a@exa\u200bmple.com",
		"ideographic full stop": "a@b。example", "local part too long": strings.Repeat("l", 65) + "@example.com", "label too long": "a@" + strings.Repeat("d", 64) + ".example",
		"too long": strings.Repeat("l", 64) + "@" + longestDomain + strings.Repeat("x", 10), "huge": strings.Repeat("a", 1<<20) + "@example.com",
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			if got, err := policy.FoldEmail(email); !errors.Is(err, policy.ErrInvalidEmail) || got != "" {
				t.Errorf("FoldEmail(%.30q) = %q, %v", email, got, err)
			}
			if err := policy.ValidateEmail(email); !errors.Is(err, policy.ErrInvalidEmail) {
				t.Errorf("ValidateEmail(%.30q) = %v", email, err)
			}
		})
	}
}

func FuzzFold(f *testing.F) {
	for _, seed := range []string{"ada", "Ada@Example.com", "Jörg", "ａ＠ｂ", "ΣΑΣ", "İ@İ.example", "\u0345a", "ß@ẞ.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		username, errUsername := policy.FoldUsername(text)
		email, errEmail := policy.FoldEmail(text)
		if errUsername == nil && errEmail == nil {
			t.Fatalf("%q is a username and an e-mail address", text)
		}
		if errUsername == nil {
			if again, err := policy.FoldUsername(username); err != nil || again != username || strings.Contains(username, "@") {
				t.Fatalf("%q folds to %q, that to %q, %v", text, username, again, err)
			}
		}
		if errEmail == nil {
			if again, err := policy.FoldEmail(email); err != nil || again != email || strings.Count(email, "@") != 1 {
				t.Fatalf("%q folds to %q, that to %q, %v", text, email, again, err)
			}
		}
	})
}
