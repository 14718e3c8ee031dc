package oauth_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
)

func FuzzValidateRedirectURI(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/cb", "http://127.0.0.1:80/cb", "http://[::1]/", "com.example.app:/cb", "com.example.app://x", "javascript:alert(1)",
		"https://example.com/%2e%2e/", "https://a@b/", "https://example.com:65536", `https://a\b`, "https://2130706433", "https://a?b=%3f",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		web, native := oauth.ValidateRedirectURI(uri, oauth.Web) == nil, oauth.ValidateRedirectURI(uri, oauth.Native) == nil
		if web && !native {
			t.Fatalf("%q is allowed for web and not for native applications", uri)
		}
		if !native {
			return
		}
		// A parser of another maker sees the same URI, and nothing dangerous in it.
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q is allowed and can't be parsed: %v", uri, err)
		}
		if parsed.User != nil || parsed.Fragment != "" || strings.Contains(uri, "#") || parsed.String() == "" || len(uri) > oauth.MaxRedirectURIBytes {
			t.Fatalf("%q is allowed", uri)
		}
		if slices.Contains(strings.Split(parsed.Path, "/"), "..") || strings.ContainsAny(parsed.Path, "\\\x00\r\n") {
			t.Fatalf("%q is allowed with the path %q", uri, parsed.Path)
		}
		switch parsed.Scheme {
		case "https":
		case "http":
			if !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, parsed.Hostname()) {
				t.Fatalf("%q is allowed with http", uri)
			}
		default:
			if web || !strings.Contains(parsed.Scheme, ".") {
				t.Fatalf("%q is allowed with its scheme", uri)
			}
		}
		if parsed.Scheme == "https" || parsed.Scheme == "http" {
			if host := oauth.RedirectHost(uri); strings.Trim(host, "[]") != parsed.Hostname() || host == "" {
				t.Fatalf("%q shows the host %q, leads to %q", uri, host, parsed.Hostname())
			}
		}
		if !oauth.MatchRedirectURI([]string{uri}, uri) {
			t.Fatalf("%q doesn't match itself", uri)
		}
		answered, err := url.Parse(oauth.RedirectURIWithParameters(uri, []oauth.Parameter{{Name: "code", Value: "x y"}}))
		if err != nil || answered.Host != parsed.Host || !slices.Equal(answered.Query()["code"], []string{"x y"}) {
			t.Fatalf("%q answers to %v, %v", uri, answered, err)
		}
	})
}

func FuzzMatchRedirectURI(f *testing.F) {
	for _, seed := range [][2]string{
		{"https://example.com/cb", "https://example.com/cb"},
		{"http://127.0.0.1/cb", "http://127.0.0.1:80/cb"},
		{"http://127.0.0.1/cb", "http://127.0.0.1:1@evil/cb"},
		{"http://127.0.0.1/cb", "http://127.0.0.1.evil/cb"},
		{"http://[::1]:1/cb", "http://[::1]:65535/cb"},
		{"http://localhost", "http://localhost:9"},
		{"http://localhost:/", "http://localhost:8/"},
		{"http://localhost/a?b", `http://localhost:80\a?b`},
	} {
		f.Add(seed[0], seed[1])
	}
	loopbackPort := regexp.MustCompile(`\A(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::[1-9][0-9]{0,4})?((?:[/?](?s:.*))?)\z`)
	f.Fuzz(func(t *testing.T, registered, requested string) {
		if !oauth.MatchRedirectURI([]string{registered}, requested) || registered == requested {
			return
		}
		// The port must be all that differs, and the host a loopback one.
		a, b := loopbackPort.FindStringSubmatch(registered), loopbackPort.FindStringSubmatch(requested)
		if a == nil || b == nil || a[1] != b[1] || a[2] != b[2] {
			t.Fatalf("%q matches %q", requested, registered)
		}
	})
}
