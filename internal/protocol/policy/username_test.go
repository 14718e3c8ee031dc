package policy_test

import (
	"errors"
	"strings"
	"testing"

	"authly/internal/protocol/policy"
)

func TestValidateNewUsername(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		username string
		want     error
	}{
		"Latin":                                  {"ada.l_o-v+1", nil},
		"Latin with marks":                       {"Jürgen", nil},
		"Latin with a mark of its own":           {"x\u0323\u0307", nil},
		"Cyrillic":                               {"Анна-1", nil},
		"Greek":                                  {"σωκράτης", nil},
		"Hebrew":                                 {"עדה", nil},
		"Arabic":                                 {"فاطمة", nil},
		"Devanagari":                             {"आदा", nil},
		"Japanese":                               {"山田はなコ", nil},
		"Japanese with the mark of a long vowel": {"スーパー", nil},
		"Japanese with Latin letters":            {"山田taro", nil},
		"Chinese with Bopomofo":                  {"王ㄅ", nil},
		"Korean":                                 {"金철수", nil},
		"digits only":                            {"1234", nil},
		"uts39-5.2 Cyrillic a among Latin":       {"p\u0430ypal", policy.ErrMixedScripts},
		"uts39-5.2 Latin a among Cyrillic":       {"Aнна", policy.ErrMixedScripts},
		"uts39-5.2 Greek omicron":                {"r\u03bfot", policy.ErrMixedScripts},
		"uts39-5.2 Cherokee":                     {"\u13aada", policy.ErrMixedScripts},
		"uts39-5.2 Han with Cyrillic":            {"山анна", policy.ErrMixedScripts},
		"uts39-5.2 Kana with Hangul":             {"はな철수", policy.ErrMixedScripts},
		"mixed in capitals":                      {"R\u041eOT", policy.ErrMixedScripts},
		"UUID":                                   {"018f2b6c-1c7e-7cc0-9df5-2f0d5a4c9e11", policy.ErrLikeIdentifier},
		"UUID in capitals":                       {"018F2B6C-1C7E-7CC0-9DF5-2F0D5A4C9E11", policy.ErrLikeIdentifier},
		"UUID without hyphens":                   {"018f2b6c1c7e7cc09df52f0d5a4c9e11", policy.ErrLikeIdentifier},
		"nearly a UUID":                          {"018f2b6c-1c7e-7cc0-9df5-2f0d5a4c9e1", nil},
		"pairwise subject":                       {"q9" + strings.Repeat("Ab_-3", 8) + "z", policy.ErrLikeIdentifier},
		"one character less":                     {"q9" + strings.Repeat("Ab_-3", 8), nil},
		"client of the server's own":             {"Authly-CLI", policy.ErrLikeIdentifier},
		"the service's name":                     {"authly", nil},
		"e-mail address":                         {"ada@example.com", policy.ErrInvalidUsername},
		"wide at sign":                           {"ada＠example.com", policy.ErrInvalidUsername},
		"nothing":                                {"", policy.ErrInvalidUsername},
	} {
		if got := policy.ValidateNewUsername(test.username); !errors.Is(got, test.want) {
			t.Errorf("%s: %q: got %v, want %v", name, test.username, got, test.want)
		}
		if errors.Is(test.want, policy.ErrInvalidUsername) {
			continue
		}
		if err := policy.ValidateUsername(test.username); err != nil {
			t.Errorf("%s: an account that has %q can't be found any more: %v", name, test.username, err)
		}
	}
}
