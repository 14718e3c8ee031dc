package oauth_test

import (
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
)

func TestValidateRedirectURI(t *testing.T) {
	const webAndNative, nativeOnly, nobody = "both", "native", "nobody"
	long := "https://example.com/" + strings.Repeat("x", oauth.MaxRedirectURIBytes-len("https://example.com/"))
	for _, test := range []struct{ name, uri, who string }{
		{"https", "https://example.com/cb", webAndNative},
		{"https without a path", "https://example.com", webAndNative},
		{"https with a port", "https://example.com:8443/cb", webAndNative},
		{"https with a query", "https://example.com/cb?tenant=a&x=%20y", webAndNative},
		{"https on an IPv4 address", "https://192.0.2.1/cb", webAndNative},
		{"https on an IPv6 address", "https://[2001:db8::1]:8443/cb", webAndNative},
		{"https on localhost", "https://localhost:8443/cb", webAndNative},
		{"punycode", "https://xn--bcher-kva.example/cb", webAndNative},
		{"escapes of UTF-8 in the path", "https://example.com/r%C3%BCck", webAndNative},
		{"dots within segments", "https://example.com/a..b/.well-known/...", webAndNative},
		{"parameters of a segment", "https://example.com/a;v=1/b", webAndNative},
		{"longest", long, webAndNative},
		{"rfc8252-7.3 127.0.0.1", "http://127.0.0.1/cb", webAndNative},
		{"rfc8252-7.3 with a port", "http://127.0.0.1:3000/cb", webAndNative},
		{"rfc8252-7.3 ::1", "http://[::1]:3000/cb", webAndNative},
		{"localhost", "http://localhost:3000/cb", webAndNative},
		{"rfc8252-7.1", "com.example.app:/oauth2redirect/example-provider", nativeOnly},
		{"private use with an authority", "com.example.app://callback", nativeOnly},
		{"private use with an empty authority", "com.example.app:///callback", nativeOnly},
		{"private use with a query", "com.example.app:/cb?x=1", nativeOnly},

		{"empty", "", nobody},
		{"too long", long + "x", nobody},
		{"relative", "/cb", nobody},
		{"scheme-relative", "//example.com/cb", nobody},
		{"no scheme", "example.com/cb", nobody},
		{"empty scheme", "://example.com", nobody},
		{"scheme begins with a digit", "1a.b:/cb", nobody},
		{"http on another host", "http://example.com/cb", nobody},
		{"http on another loopback address", "http://127.0.0.2/cb", nobody},
		{"http on all addresses", "http://0.0.0.0/cb", nobody},
		{"http on a longer name", "http://localhost.example.com/cb", nobody},
		{"http on a name that begins like an address", "http://127.0.0.1.example.com/cb", nobody},
		{"rfc6749-3.1.2 fragment", "https://example.com/cb#x", nobody},
		{"rfc6749-3.1.2 empty fragment", "https://example.com/cb#", nobody},
		{"userinfo", "https://user@example.com/cb", nobody},
		{"userinfo with password", "https://a:b@example.com/cb", nobody},
		{"empty userinfo", "https://@example.com/cb", nobody},
		{"userinfo before the loopback", "http://127.0.0.1:80@example.com/cb", nobody},
		{"wildcard host", "https://*.example.com/cb", nobody},
		{"wildcard alone", "https://*/cb", nobody},
		{"wildcard scheme host", "com.example.app://*/cb", nobody},
		{"backslash", `https://example.com\cb`, nobody},
		{"backslash before another host", `https://example.com\@evil.example/cb`, nobody},
		{"space", "https://example.com/a b", nobody},
		{"leading space", " https://example.com/", nobody},
		{"tab", "https://example.com/\tcb", nobody},
		{"line break", "https://example.com/\r\ncb", nobody},
		{"NUL", "https://example.com/\x00", nobody},
		{"not ASCII", "https://exämple.com/cb", nobody},
		{"not UTF-8", "https://example.com/\xff", nobody},
		{"quote", `https://example.com/"`, nobody},
		{"angle bracket", "https://example.com/<script>", nobody},
		{"braces", "https://example.com/{a}", nobody},
		{"caret", "https://example.com/^", nobody},
		{"empty host", "https:///cb", nobody},
		{"empty host with port", "https://:443/cb", nobody},
		{"no slashes", "https:example.com/cb", nobody},
		{"one slash", "https:/example.com/cb", nobody},
		{"upper-case scheme", "HTTPS://example.com/cb", nobody},
		{"upper-case host", "https://Example.com/cb", nobody},
		{"escaped host", "https://ex%61mple.com/cb", nobody},
		{"empty port", "https://example.com:/cb", nobody},
		{"port zero", "https://example.com:0/cb", nobody},
		{"port too great", "https://example.com:65536/cb", nobody},
		{"port with a zero before it", "https://example.com:0443/cb", nobody},
		{"port with a sign", "https://example.com:+443/cb", nobody},
		{"port in hexadecimal", "https://example.com:0x50/cb", nobody},
		{"port with an underscore", "https://example.com:8_0/cb", nobody},
		{"label with an underscore", "https://a_b.example/cb", nobody},
		{"label begins with a hyphen", "https://-a.example/cb", nobody},
		{"empty label", "https://a..example/cb", nobody},
		{"dot at the end of the host", "https://example.com./cb", nobody},
		{"label too long", "https://" + strings.Repeat("a", 64) + ".example/cb", nobody},
		{"host too long", "https://" + strings.Repeat("a.", 127) + "aa/cb", nobody},
		{"address in decimal", "https://2130706433/cb", nobody},
		{"address in hexadecimal", "https://0x7f.1/cb", nobody},
		{"short address", "http://127.1/cb", nobody},
		{"address with zeros", "http://127.0.0.01/cb", nobody},
		{"IPv6 written out", "https://[0:0:0:0:0:0:0:1]/cb", nobody},
		{"IPv6 in upper case", "https://[2001:DB8::1]/cb", nobody},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/cb", nobody},
		{"IPv4 in IPv6", "http://[::ffff:127.0.0.1]/cb", nobody},
		{"IPv6 without brackets", "http://::1/cb", nobody},
		{"IPv6 bracket open", "http://[::1/cb", nobody},
		{"IPv6 with text behind", "http://[::1]x/cb", nobody},
		{"IPv4 in brackets", "http://[127.0.0.1]/cb", nobody},
		{"broken escape", "https://example.com/%zz", nobody},
		{"cut escape", "https://example.com/%4", nobody},
		{"dot segment", "https://example.com/./cb", nobody},
		{"dot-dot segment", "https://example.com/a/../cb", nobody},
		{"dot-dot at the end", "https://example.com/cb/..", nobody},
		{"escaped dots", "https://example.com/%2e%2E/cb", nobody},
		{"half-escaped dots", "https://example.com/.%2e/cb", nobody},
		{"dot-dot with parameter", "https://example.com/..;/cb", nobody},
		{"dot-dot with escaped semicolon", "https://example.com/..%3Bx/cb", nobody},
		{"doubly escaped dots", "https://example.com/%252e%252e/cb", nobody},
		{"escaped slash", "https://example.com/a%2fb", nobody},
		{"escaped backslash", "https://example.com/a%5Cb", nobody},
		{"escaped NUL", "https://example.com/%00", nobody},
		{"escaped DEL", "https://example.com/%7F", nobody},
		{"escaped line break", "https://example.com/%0d%0a", nobody},
		{"query has code", "https://example.com/cb?code=x", nobody},
		{"query has state, escaped", "https://example.com/cb?a=1&st%61te=x", nobody},
		{"query has iss without value", "https://example.com/cb?iss", nobody},
		{"javascript", "javascript:alert(1)", nobody},
		{"javascript as a URL", "javascript://example.com/%0aalert(1)", nobody},
		{"javascript in mixed case", "JavaScript:alert(1)", nobody},
		{"data", "data:text/html,x", nobody},
		{"file", "file:///etc/passwd", nobody},
		{"vbscript", "vbscript:x", nobody},
		{"about", "about:blank", nobody},
		{"blob", "blob:https://example.com/x", nobody},
		{"intent", "intent://scan/", nobody},
		{"ftp", "ftp://example.com/cb", nobody},
		{"rfc8252-7.1 scheme without a dot", "myapp:/cb", nobody},
		{"out of band", "urn:ietf:wg:oauth:2.0:oob", nobody},
		{"private use in upper case", "com.Example.app:/cb", nobody},
		{"private use with an empty label", "com..app:/cb", nobody},
		{"private use with a dot at the end", "com.app.:/cb", nobody},
		{"private use without a path", "com.example.app:", nobody},
		{"private use with slashes only", "com.example.app://", nobody},
		{"private use with opaque part", "com.example.app:callback", nobody},
		{"private use with userinfo", "com.example.app://a@b/cb", nobody},
		{"private use with a port", "com.example.app://a:80/cb", nobody},
		{"private use with brackets", "com.example.app://[a/cb", nobody},
		{"private use with an escaped authority", "com.example.app://%61/cb", nobody},
		{"private use with dot segments", "com.example.app:/../cb", nobody},
		{"private use with fragment", "com.example.app:/cb#x", nobody},
	} {
		t.Run(test.name, func(t *testing.T) {
			for application, want := range map[oauth.ApplicationType]bool{
				oauth.Web: test.who == webAndNative, oauth.Native: test.who != nobody, "": false, "other": false,
			} {
				err := oauth.ValidateRedirectURI(test.uri, application)
				if (err == nil) != want {
					t.Errorf("%s: ValidateRedirectURI(%q) = %v, want allowed = %v", application, test.uri, err, want)
				}
				if err != nil && oauth.CodeOf(err) != oauth.InvalidRedirectURI {
					t.Errorf("code %q", oauth.CodeOf(err))
				}
			}
		})
	}
}

// The rule that a scheme has a dot refuses these too; the list must do so by itself.
func TestValidateRedirectURIDangerousSchemes(t *testing.T) {
	ledger.Holds(t, "redirect: dangerous schemes by their names")
	for _, scheme := range []string{"javascript", "JAVASCRIPT", "data", "file", "vbscript", "about", "blob", "view-source"} {
		err := oauth.ValidateRedirectURI(scheme+":/x", oauth.Native)
		if err == nil || !strings.Contains(err.Error(), "never allowed") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestMatchRedirectURI(t *testing.T) {
	registered := []string{
		"https://client.example/cb",
		"https://client.example/other?a=1&b=2",
		"http://127.0.0.1/callback",
		"http://[::1]:1234/callback",
		"http://localhost:8080/callback?x=1",
		"http://localhost",
		"com.example.app:/cb",
	}
	for _, test := range []struct {
		name, requested string
		want            bool
	}{
		{"rfc9700-4.1.3 exact", "https://client.example/cb", true},
		{"exact with a query", "https://client.example/other?a=1&b=2", true},
		{"exact private use", "com.example.app:/cb", true},
		{"rfc8252-7.3 no port as registered", "http://127.0.0.1/callback", true},
		{"rfc8252-7.3 any port", "http://127.0.0.1:51004/callback", true},
		{"rfc8252-7.3 lowest port", "http://127.0.0.1:1/callback", true},
		{"rfc8252-7.3 highest port", "http://127.0.0.1:65535/callback", true},
		{"rfc8252-7.3 IPv6, other port", "http://[::1]:61023/callback", true},
		{"rfc8252-7.3 IPv6, no port", "http://[::1]/callback", true},
		{"localhost, other port", "http://localhost:9/callback?x=1", true},
		{"localhost without a path", "http://localhost:9", true},

		{"empty", "", false},
		{"other scheme", "http://client.example/cb", false},
		{"trailing slash", "https://client.example/cb/", false},
		{"longer path", "https://client.example/cb2", false},
		{"shorter path", "https://client.example/c", false},
		{"case of the path", "https://client.example/CB", false},
		{"case of the host", "https://CLIENT.example/cb", false},
		{"case of the scheme", "HTTPS://client.example/cb", false},
		{"default port", "https://client.example:443/cb", false},
		{"any port on a host that isn't loopback", "https://client.example:8443/cb", false},
		{"query added", "https://client.example/cb?x=1", false},
		{"empty query added", "https://client.example/cb?", false},
		{"fragment added", "https://client.example/cb#x", false},
		{"query in another order", "https://client.example/other?b=2&a=1", false},
		{"query left out", "https://client.example/other", false},
		{"dot segment", "https://client.example/x/../cb", false},
		{"escaped letter", "https://client.example/c%62", false},
		{"userinfo", "https://client.example@evil.example/cb", false},
		{"subdomain", "https://evil.client.example/cb", false},
		{"longer host", "https://client.example.evil/cb", false},
		{"leading space", " https://client.example/cb", false},
		{"trailing NUL", "https://client.example/cb\x00", false},
		{"private use in upper case", "COM.example.app:/cb", false},

		{"loopback: userinfo after a port", "http://127.0.0.1:1@evil.example/callback", false},
		{"loopback: userinfo", "http://127.0.0.1@evil.example/callback", false},
		{"loopback: userinfo before", "http://a@127.0.0.1/callback", false},
		{"loopback: longer host", "http://127.0.0.1.evil.example/callback", false},
		{"loopback: longer name", "http://localhost.evil.example:80/callback", false},
		{"loopback: backslash", `http://127.0.0.1:80\@evil.example/callback`, false},
		{"loopback: backslash for the path", `http://127.0.0.1\callback`, false},
		{"loopback: tab in the port", "http://127.0.0.1:8\t0/callback", false},
		{"loopback: tab in the host", "http://127.0.0.1\t/callback", false},
		{"loopback: line break", "http://127.0.0.1:80\n/callback", false},
		{"loopback: full-width digits", "http://127.0.0.1:８０/callback", false},
		{"loopback: full-width colon", "http://127.0.0.1：80/callback", false},
		{"loopback: ideographic dot", "http://127。0.0.1/callback", false},
		{"loopback: port in hexadecimal", "http://127.0.0.1:0x50/callback", false},
		{"loopback: port with a plus", "http://127.0.0.1:+80/callback", false},
		{"loopback: port with a minus", "http://127.0.0.1:-1/callback", false},
		{"loopback: empty port", "http://127.0.0.1:/callback", false},
		{"loopback: port zero", "http://127.0.0.1:0/callback", false},
		{"loopback: zero before the port", "http://127.0.0.1:080/callback", false},
		{"loopback: port too great", "http://127.0.0.1:65536/callback", false},
		{"loopback: port much too great", "http://127.0.0.1:18446744073709551696/callback", false},
		{"loopback: underscore in the port", "http://127.0.0.1:8_0/callback", false},
		{"loopback: two ports", "http://127.0.0.1:80:90/callback", false},
		{"loopback: space in the port", "http://127.0.0.1: 80/callback", false},
		{"loopback: https", "https://127.0.0.1:80/callback", false},
		{"loopback: scheme in upper case", "HTTP://127.0.0.1:80/callback", false},
		{"loopback: other path", "http://127.0.0.1:80/callback/x", false},
		{"loopback: no path", "http://127.0.0.1:80", false},
		{"loopback: dot segment", "http://127.0.0.1:80/./callback", false},
		{"loopback: doubled slash", "http://127.0.0.1:80//callback", false},
		{"loopback: query added", "http://127.0.0.1:80/callback?x=1", false},
		{"loopback: fragment added", "http://127.0.0.1:80/callback#x", false},
		{"loopback: fragment for the path", "http://localhost:80#", false},
		{"loopback: other query", "http://localhost:80/callback?x=2", false},
		{"loopback: other loopback host", "http://localhost:80/callback", false},
		{"loopback: other address", "http://127.0.0.2:80/callback", false},
		{"loopback: short address", "http://127.1:80/callback", false},
		{"loopback: decimal address", "http://2130706433:80/callback", false},
		{"loopback: name in upper case", "http://LOCALHOST:80/callback?x=1", false},
		{"loopback: dot at the end", "http://localhost.:80/callback?x=1", false},
		{"loopback: IPv6 written out", "http://[0:0:0:0:0:0:0:1]:80/callback", false},
		{"loopback: IPv6 without brackets", "http://::1:80/callback", false},
		{"loopback: IPv6 with a zone", "http://[::1%25lo]:80/callback", false},
		{"loopback: text behind the bracket", "http://[::1]x:80/callback", false},
		{"loopback: second bracket", "http://[::1]]:80/callback", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := oauth.MatchRedirectURI(registered, test.requested); got != test.want {
				t.Errorf("MatchRedirectURI(%q) = %v", test.requested, got)
			}
		})
	}
	if oauth.MatchRedirectURI([]string{""}, "") || oauth.MatchRedirectURI(nil, "https://a.example") {
		t.Error("an empty registration matches")
	}
}

func TestRedirectHost(t *testing.T) {
	for uri, want := range map[string]string{
		"https://client.example/cb":      "client.example",
		"https://client.example:8443/cb": "client.example",
		"https://client.example?x=1":     "client.example",
		"http://127.0.0.1:3000/cb":       "127.0.0.1",
		"http://[::1]:3000/cb":           "[::1]",
		"http://localhost:3000/cb":       "localhost",
		"com.example.app:/cb":            "com.example.app",
		"com.example.app://cb.example/":  "com.example.app",
		"":                               "",
		"javascript:alert(1)":            "",
		"https://a@b.example/":           "",
		"nonsense":                       "",
	} {
		if got := oauth.RedirectHost(uri); got != want {
			t.Errorf("RedirectHost(%q) = %q, want %q", uri, got, want)
		}
	}
}

func TestIsLoopbackRedirectURI(t *testing.T) {
	for uri, want := range map[string]bool{
		"http://127.0.0.1/cb": true, "http://[::1]:80/cb": true, "http://localhost": true,
		"https://localhost/cb": false, "http://127.0.0.1.evil.example/": false, "com.example.app:/cb": false, "": false,
	} {
		if got := oauth.IsLoopbackRedirectURI(uri); got != want {
			t.Errorf("IsLoopbackRedirectURI(%q) = %v", uri, got)
		}
	}
}

func TestRedirectURIWithParameters(t *testing.T) {
	response := []oauth.Parameter{{Name: "code", Value: "a b&c=d/é"}, {Name: "state", Value: ""}, {Name: "iss", Value: "https://id.example"}}
	const encoded = "code=a+b%26c%3Dd%2F%C3%A9&iss=https%3A%2F%2Fid.example"
	for uri, want := range map[string]string{
		"https://c.example/cb":           "https://c.example/cb?" + encoded,
		"https://c.example":              "https://c.example?" + encoded,
		"https://c.example/cb?":          "https://c.example/cb?" + encoded,
		"https://c.example/cb?a=%7e&b+c": "https://c.example/cb?a=%7e&b+c&" + encoded,
		"https://c.example/cb?a?":        "https://c.example/cb?a?&" + encoded,
		"https://c.example/cb&":          "https://c.example/cb&?" + encoded,
		"https://c.example/cb?a=1&":      "https://c.example/cb?a=1&" + encoded,
		"com.example.app:/cb":            "com.example.app:/cb?" + encoded,
	} {
		if got := oauth.RedirectURIWithParameters(uri, response); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := oauth.RedirectURIWithParameters(uri, nil); got != uri {
			t.Errorf("without parameters %q became %q", uri, got)
		}
	}
}
