package oauth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
)

func TestParseResources(t *testing.T) {
	numbered := func(n int) []string {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprintf("https://api%d.example", i)
		}
		return values
	}
	for name, test := range map[string]struct{ values, want []string }{
		"nothing":                          {nil, nil},
		"empty":                            {[]string{""}, nil},
		"rfc8707-2 several":                {[]string{"https://cal.example.com/", "https://contacts.example.com/"}, []string{"https://cal.example.com/", "https://contacts.example.com/"}},
		"rfc8707-2 with a query":           {[]string{"https://a.example/x?y=z"}, []string{"https://a.example/x?y=z"}},
		"a URN":                            {[]string{"urn:example:api"}, []string{"urn:example:api"}},
		"port":                             {[]string{"http://a.example:8080/mcp"}, []string{"http://a.example:8080/mcp"}},
		"duplicates go":                    {[]string{"https://a.example", "https://a.example"}, []string{"https://a.example"}},
		"same with a slash: the first one": {[]string{"https://a.example", "https://A.example/"}, []string{"https://a.example"}},
		"spelling is kept":                 {[]string{"HTTPS://A.example/X"}, []string{"HTTPS://A.example/X"}},
		"most":                             {numbered(oauth.MaxResources), numbered(oauth.MaxResources)},
		"as many, and duplicates":          {append(numbered(oauth.MaxResources), numbered(3)...), numbered(oauth.MaxResources)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := oauth.ParseResources(test.values)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	for name, value := range map[string]string{
		"rfc8707-2 relative":       "/api",
		"rfc8707-2 no scheme":      "api.example.com",
		"rfc8707-2 fragment":       "https://a.example/#x",
		"rfc8707-2 empty fragment": "https://a.example/#",
		"scheme only":              "https:",
		"no host":                  "https:///x",
		"no authority":             "https:a.example",
		"userinfo":                 "https://a@b.example",
		"space":                    "https://a.example/ x",
		"line break":               "https://a.example/\n",
		"not ASCII":                "https://ä.example",
		"broken escape":            "https://a.example/%",
		"bad scheme":               "1a://x",
		"too long":                 "https://a.example/" + strings.Repeat("x", oauth.MaxResourceBytes),
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			if got, err := oauth.ParseResources([]string{"https://fine.example", value}); oauth.CodeOf(err) != oauth.InvalidTarget || got != nil {
				t.Errorf("got %q, %v; want invalid_target", got, err)
			}
		})
	}
	if _, err := oauth.ParseResources(numbered(oauth.MaxResources + 1)); oauth.CodeOf(err) != oauth.InvalidTarget {
		t.Errorf("too many: %v", err)
	}
}

func TestSameResource(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://a.example", "https://a.example", true},
		{"https://a.example", "https://a.example/", true},
		{"https://a.example", "HTTPS://A.EXAMPLE/", true},
		{"https://a.example:8080", "https://a.example:8080/", true},
		{"https://a.example?x", "https://a.example/?x", true},
		{"urn:example:a", "URN:example:a", true},

		{"https://a.example/x", "https://a.example/x/", false},
		{"https://a.example/x", "https://a.example/X", false},
		{"https://a.example", "http://a.example", false},
		{"https://a.example", "https://a.example:443", false},
		{"https://a.example", "https://a.example//", false},
		{"https://a.example", "https://b.example", false},
		{"https://a.example", "https://a.example?x", false},
		{"https://a.example/%7e", "https://a.example/~", false},
		{"https://A@b.example", "https://a@b.example", false},
		{"urn:example:a", "urn:example:A", false},
		{"", "https://a.example", false},
		{"\u212a://x", "k://x", false},
	} {
		if got := oauth.SameResource(test.a, test.b); got != test.want {
			t.Errorf("SameResource(%q, %q) = %v", test.a, test.b, got)
		}
		if oauth.SameResource(test.b, test.a) != test.want {
			t.Errorf("SameResource(%q, %q) isn't symmetric", test.a, test.b)
		}
	}
}

func TestResourceHost(t *testing.T) {
	for resource, want := range map[string]string{
		"https://weather.example/v1": "weather.example", "https://weather.example:8443?a=b": "weather.example:8443", "https://[2001:db8::1]/": "[2001:db8::1]",
		"urn:example:soil": "", "com.example.app:/api": "",
	} {
		if got := oauth.ResourceHost(resource); got != want {
			t.Errorf("the host of %s is %q, want %q", resource, got, want)
		}
	}
}

// Each resource comes in the spelling that it was found in, once; one that is not found refuses them all.
func TestSelectResources(t *testing.T) {
	registered := []string{"https://a.example", "https://b.example/x"}
	find := func(requested string) (string, bool) { return oauth.FindResource(registered, requested) }
	for name, test := range map[string]struct{ values, want []string }{
		"nothing":         {nil, nil},
		"empty":           {[]string{""}, nil},
		"as registered":   {[]string{"https://b.example/x", "https://a.example"}, []string{"https://b.example/x", "https://a.example"}},
		"other spellings": {[]string{"HTTPS://A.example/", "https://a.example"}, []string{"https://a.example"}},
	} {
		if got, err := oauth.SelectResources(test.values, find, "none"); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, values := range [][]string{{"https://c.example"}, {"https://a.example", "https://c.example"}, {"no resource"}} {
		got, err := oauth.SelectResources(values, find, "none")
		var refusal *oauth.Error
		if got != nil || !errors.As(err, &refusal) || refusal.Code != oauth.InvalidTarget {
			t.Errorf("%v: %v, %v", values, got, err)
		}
	}
	two := func(string) (string, bool) { return "https://a.example", true }
	if got, err := oauth.SelectResources([]string{"https://b.example", "https://c.example"}, two, "none"); err != nil || len(got) != 1 {
		t.Errorf("two that are found as one: %v, %v", got, err)
	}
}
