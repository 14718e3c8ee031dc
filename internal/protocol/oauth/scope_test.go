package oauth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"authly/internal/protocol/oauth"
)

func TestParseScope(t *testing.T) {
	numbered := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("s%d", i)
		}
		return strings.Join(names, " ")
	}
	longest := strings.Repeat("x", oauth.MaxScopeNameBytes)
	for _, test := range []struct {
		name, scope string
		want        oauth.ScopeSet
	}{
		{"nothing", "", nil},
		{"one", "openid", oauth.ScopeSet{"openid"}},
		{"order stays", "openid email profile", oauth.ScopeSet{"openid", "email", "profile"}},
		{"duplicates go", "a b a", oauth.ScopeSet{"a", "b"}},
		{"case-sensitive", "a A", oauth.ScopeSet{"a", "A"}},
		{"a URL", "https://api.example.com/read:all", oauth.ScopeSet{"https://api.example.com/read:all"}},
		{"rfc6749-3.3 the bounds of the set", "!#[]~", oauth.ScopeSet{"!#[]~"}},
		{"longest name", longest, oauth.ScopeSet{longest}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := oauth.ParseScope(test.scope)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if set, err := oauth.ParseScope(numbered(oauth.MaxScopes)); err != nil || len(set) != oauth.MaxScopes {
		t.Errorf("%d names: %d, %v", oauth.MaxScopes, len(set), err)
	}
	for name, scope := range map[string]string{
		"only a space":             " ",
		"leading space":            " a",
		"trailing space":           "a ",
		"two spaces":               "a  b",
		"tab":                      "a\tb",
		"line break":               "a\nb",
		"rfc6749-3.3 quote":        `a"b`,
		"rfc6749-3.3 backslash":    `a\b`,
		"NUL":                      "a\x00",
		"DEL":                      "a\x7f",
		"beyond ASCII":             "é",
		"no-break space":           "a\u00a0b",
		"name too long":            longest + "x",
		"too many":                 numbered(oauth.MaxScopes + 1),
		"too many, but duplicates": strings.Repeat("a ", oauth.MaxScopes) + "a",
		"too long":                 strings.Repeat(longest+" ", 40) + "a",
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			if set, err := oauth.ParseScope(scope); oauth.CodeOf(err) != oauth.InvalidScope || set != nil {
				t.Errorf("ParseScope() = %v, %v; want invalid_scope", set, err)
			}
		})
	}
}

func TestScopeSetAlgebra(t *testing.T) {
	names := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), rapid.ID[string])
	rapid.Check(t, func(t *rapid.T) {
		a, b := oauth.ScopeSet(names.Draw(t, "a")), oauth.ScopeSet(names.Draw(t, "b"))
		before := a.String() + "|" + b.String()
		both, onlyA, all := a.Intersect(b), a.Without(b), a.Union(b)
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			inA, inB := slices.Contains(a, name), slices.Contains(b, name)
			if both.Has(name) != (inA && inB) || onlyA.Has(name) != (inA && !inB) || all.Has(name) != (inA || inB) {
				t.Fatalf("%q: intersection %v, difference %v, union %v of %v and %v", name, both, onlyA, all, a, b)
			}
		}
		if !all.ContainsAll(a) || !all.ContainsAll(b) || !a.ContainsAll(both) || !both.Union(onlyA).Equal(a) {
			t.Fatalf("the sets of %v and %v don't fit together", a, b)
		}
		if a.Equal(b) != (a.ContainsAll(b) && len(a) == len(b)) {
			t.Fatalf("Equal(%v, %v) = %v", a, b, a.Equal(b))
		}
		if !slices.Equal(all[:len(a)], a) {
			t.Fatalf("the union %v doesn't begin with %v", all, a)
		}
		if a.String()+"|"+b.String() != before {
			t.Fatal("an operation changed its operands")
		}
	})
}

func TestScopeSetUnionSharesNothing(t *testing.T) {
	a := append(make(oauth.ScopeSet, 0, 8), "x")
	first, second := a.Union(oauth.ScopeSet{"y"}), a.Union(oauth.ScopeSet{"z"})
	if first[1] != "y" || second[1] != "z" {
		t.Errorf("unions share memory: %v %v", first, second)
	}
}

func FuzzParseScope(f *testing.F) {
	for _, seed := range []string{"", "openid", "a b", "a  b", " ", "a\"", `a\`, "a\x00b", "é", "a a a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, scope string) {
		set, err := oauth.ParseScope(scope)
		if err != nil {
			if oauth.CodeOf(err) != oauth.InvalidScope {
				t.Fatalf("code %q", oauth.CodeOf(err))
			}
			return
		}
		if len(set) > oauth.MaxScopes {
			t.Fatalf("%d names", len(set))
		}
		again, err := oauth.ParseScope(set.String())
		if err != nil || !slices.Equal(again, set) {
			t.Fatalf("%q became %q, %v", set, again, err)
		}
		for i, name := range set {
			if !oauth.ValidScopeName(name) || slices.Contains(set[i+1:], name) {
				t.Fatalf("bad or repeated name %q", name)
			}
		}
	})
}
