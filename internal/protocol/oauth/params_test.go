package oauth_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/protocol/oauth"
)

func TestParseQuery(t *testing.T) {
	manyParameters := func(n int) string {
		var pairs []string
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("p%d=v", i))
		}
		return strings.Join(pairs, "&")
	}
	for _, test := range []struct {
		name string
		raw  string
		want map[string][]string // nil: refused
	}{
		{"rfc6749-4.1.1 example", "response_type=code&client_id=s6BhdRkqt3&state=xyz&redirect_uri=https%3A%2F%2Fclient%2Eexample%2Ecom%2Fcb", map[string][]string{
			"response_type": {"code"}, "client_id": {"s6BhdRkqt3"}, "state": {"xyz"}, "redirect_uri": {"https://client.example.com/cb"},
		}},
		{"nothing", "", map[string][]string{}},
		{"empty pairs", "&&a=b&", map[string][]string{"a": {"b"}}},
		{"plus and %20 are spaces", "scope=a+b%20c", map[string][]string{"scope": {"a b c"}}},
		{"a literal space, as curl -d sends it", "scope=a b", map[string][]string{"scope": {"a b"}}},
		{"rfc6749-3.1 no value is not sent", "a=&b&c=1", map[string][]string{"c": {"1"}}},
		{"rfc6749-3.1 no value doesn't count as a repetition", "a=&a=1&a", map[string][]string{"a": {"1"}}},
		{"rfc6749-3.1 unknown parameters are kept", "foo=bar", map[string][]string{"foo": {"bar"}}},
		{"no name", "=x&a=1", map[string][]string{"a": {"1"}}},
		{"names are case-sensitive", "a=1&A=2", map[string][]string{"a": {"1"}, "A": {"2"}}},
		{"rfc8707-2 repeatable", "resource=https://a&resource=https://b", map[string][]string{"resource": {"https://a", "https://b"}}},
		{"line breaks in a value", "claims=%7B%0A%09%7D", map[string][]string{"claims": {"{\n\t}"}}},
		{"unicode", "login_hint=%C3%A9", map[string][]string{"login_hint": {"é"}}},
		{"longest value", "a=" + strings.Repeat("x", oauth.MaxParameterBytes), map[string][]string{"a": {strings.Repeat("x", oauth.MaxParameterBytes)}}},

		{"rfc6749-3.1 repeated with different values", "client_id=a&client_id=b", nil},
		{"rfc6749-3.1 repeated with the same value", "client_id=a&client_id=a", nil},
		{"repeated under another spelling of the name", "client_id=a&%63lient_id=b", nil},
		{"unknown parameter repeated", "foo=1&foo=2", nil},
		{"broken percent-encoding", "a=%zz", nil},
		{"cut percent-encoding", "a=%4", nil},
		{"broken percent-encoding of a name", "%=1", nil},
		{"semicolon", "a=1;b=2", nil},
		{"not UTF-8", "a=%ff", nil},
		{"name is not UTF-8", "%ff=a", nil},
		{"overlong UTF-8", "a=%c0%af", nil},
		{"NUL in a value", "a=%00", nil},
		{"escape in a value", "a=%1b", nil},
		{"DEL in a value", "a=%7f", nil},
		{"C1 control in a value", "a=%c2%85", nil},
		{"NUL in a name", "a%00=1", nil},
		{"line break in a name", "a%0a=1", nil},
		{"value too long", "a=" + strings.Repeat("x", oauth.MaxParameterBytes+1), nil},
		{"name too long", strings.Repeat("x", oauth.MaxParameterNameBytes+1) + "=1", nil},
		{"too many", manyParameters(oauth.MaxParameters + 1), nil},
		{"too many without a value", strings.Repeat("a=&", oauth.MaxParameters) + "b=1", nil},
		{"too many repeatable ones", strings.Repeat("resource=x&", oauth.MaxParameters+1), nil},
		{"too many separators", strings.Repeat("&", 1000), nil},
		{"too large", strings.Repeat("x", oauth.MaxQueryBytes+1), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			params, err := oauth.ParseQuery(test.raw, "resource")
			if test.want == nil {
				if oauth.CodeOf(err) != oauth.InvalidRequest {
					t.Fatalf("ParseQuery() = %v, %v; want invalid_request", params, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("ParseQuery() fails: %v", err)
			}
			got := map[string][]string{}
			for _, name := range params.Names() {
				got[name] = params.All(name)
				if params.Get(name) != got[name][0] || !params.Has(name) {
					t.Errorf("Get(%q) = %q, Has = %v", name, params.Get(name), params.Has(name))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if params.Get("absent") != "" || params.Has("absent") || params.All("absent") != nil {
				t.Error("an absent parameter is there")
			}
		})
	}
	if _, err := oauth.ParseQuery(manyParameters(oauth.MaxParameters)); err != nil {
		t.Errorf("%d parameters are refused: %v", oauth.MaxParameters, err)
	}
}

// OA-07: an error may go to the client if the client and the redirect URI are
// established, so those must survive a repetition of something else.
func TestParseParamsRepetitionKeepsTheRest(t *testing.T) {
	params, err := oauth.ParseQuery("client_id=a&redirect_uri=https://c/cb&scope=x&scope=y&state=s")
	if oauth.CodeOf(err) != oauth.InvalidRequest {
		t.Fatalf("error is %v", err)
	}
	if want := []string{"client_id", "redirect_uri", "state"}; !slices.Equal(params.Names(), want) {
		t.Errorf("Names() = %v, want %v", params.Names(), want)
	}
	for _, raw := range []string{"client_id=a&x=%00", "client_id=a&%00=x", "client_id=a&b=%zz"} {
		if params, _ := oauth.ParseQuery(raw); len(params.Names()) != 0 {
			t.Errorf("ParseQuery(%q) has parameters beside its error", raw)
		}
	}
}

func TestParamsDontChange(t *testing.T) {
	values := url.Values{"resource": {"a", "b"}}
	params, err := oauth.ParseParams(values, "resource")
	if err != nil {
		t.Fatal(err)
	}
	values["resource"][0] = "changed"
	params.All("resource")[1] = "changed"
	if got := params.All("resource"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("All() = %v", got)
	}
}

func TestParamsPrintNoValues(t *testing.T) {
	params, err := oauth.ParseQuery("client_secret=hush&password=hush")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format, params); strings.Contains(text, "hush") || strings.Contains(text, "68757368") {
			t.Errorf("%s prints %s", format, text)
		}
	}
	if _, err := oauth.ParseQuery("client_secret=hush%zz"); strings.Contains(err.Error(), "hush") {
		t.Errorf("the error has the value: %v", err)
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{
		"", "a=b", "a=b&a=c", "resource=x&resource=y", "a=%", "a=%00", "%61=1&a=2", "&&&", "a;b", "a=\xff", "=x", "a=&a=1", "a=%F0%9F%98%80",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		params, err := oauth.ParseQuery(raw, "resource")
		if err != nil {
			if oauth.CodeOf(err) != oauth.InvalidRequest {
				t.Fatalf("code %q", oauth.CodeOf(err))
			}
			return
		}
		rebuilt := url.Values{}
		for _, name := range params.Names() {
			all := params.All(name)
			if len(all) == 0 || slices.Contains(all, "") || name != "resource" && len(all) != 1 {
				t.Fatalf("%q has the values %q", name, all)
			}
			rebuilt[name] = all
		}
		again, err := oauth.ParseQuery(rebuilt.Encode(), "resource")
		if err != nil && len(rebuilt.Encode()) <= oauth.MaxQueryBytes {
			t.Fatalf("what was parsed is refused when encoded again: %v", err)
		}
		if err == nil && !slices.Equal(again.Names(), params.Names()) {
			t.Fatalf("names %q became %q", params.Names(), again.Names())
		}
	})
}
