package policy

import (
	"testing"
	"unicode/utf8"
)

func TestReservedNames(t *testing.T) {
	t.Parallel()
	reserved := NewReservedNames("Authly", "id.example.com")
	for name, want := range map[string]bool{
		"Authly": true, "AUTHLY": true, "Authly Security": true, "My Authly": true, "A u t h l y": true, "Auth-ly": true, "Author": false,
		"AuthIy": true, "Auth1y": true, "Ａｕｔｈｌｙ": true, "Àuthly": true, "Аuthly": true, "аυтһӏу": true, "@uthly": true,
		"id.example.com": true, "ID Example Com": true, "Sign-in at id.example.com": true, "example.com": false,
		"Administration": true, "administration!": true, "Аdmin": true, "4dmin": true, "Garden administration": false, "Console": true, "Games Console": false,
		"Authly command line": true, "Garden Planner": false, "Яндекс Музыка": false, "庭": false, "": false, "🌱": false,
	} {
		if got := reserved.Pretends(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "app.localhost"} {
		if NewReservedNames("Authly", host).Pretends(host) {
			t.Errorf("the host %s is reserved", host)
		}
	}
	if alike('b') != 'b' || alike('ʏ') != 'y' || alike('ԁ') != 'd' || alike('ш') != 'w' || alike('с') != 'c' || alike('н') != 'h' || alike('ѕ') != 's' || !utf8.ValidRune(alike('m')) {
		t.Error("the table of letters that look alike is out of step")
	}
}

func TestMixedScripts(t *testing.T) {
	ledger.Holds(t, "account: names of mixed scripts")
	t.Parallel()
	for text, want := range map[string]bool{
		"Garden Planner": false, "Gаrden": true, "Яндекс Music": false, "Яндекс": false, "Яндeкс": true, "Ωmega": true, "日本ナビ": false, "日本Navi": false, "한국어Play": false,
		"Ünïcödé 2": false, "3D-Druck": false, "café": false, "сафе": false, "": false, "Αθήνα": false, "שלום": false, "שlום": true, "日本я": true,
	} {
		if got := MixesScripts(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
