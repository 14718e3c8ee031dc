package oauth_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
)

func basic(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

func TestParseBasicCredentials(t *testing.T) {
	for _, test := range []struct{ name, header, wantID, wantSecret string }{
		{"rfc6749-2.3.1 example", "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3", "s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"},
		{"rfc9110-11.1 scheme in any case", "bAsIc czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3", "s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"},
		{"rfc9110-11.4 several spaces", "Basic   YTpi", "a", "b"},
		{"rfc6749-2.3.1 form-urldecoded", basic("a%3Ab+c:p%25%C3%A9+q"), "a:b c", "p%é q"},
		{"first colon splits", basic("a:b:c"), "a", "b:c"},
		{"empty secret", basic("a:"), "a", ""},
		{"a URL as identifier", basic("https%3A%2F%2Fapp.example%2Fclient:x"), "https://app.example/client", "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			id, secret, err := oauth.ParseBasicCredentials(test.header)
			if err != nil || id != test.wantID || secret != test.wantSecret {
				t.Errorf("got %q, %q, %v; want %q, %q", id, secret, err, test.wantID, test.wantSecret)
			}
		})
	}
	for name, header := range map[string]string{
		"empty":                     "",
		"scheme only":               "Basic",
		"scheme and space":          "Basic ",
		"other scheme":              "Bearer YTpi",
		"no space":                  "BasicYTpi",
		"tab for a space":           "Basic\tYTpi",
		"padding missing":           "Basic YTpiYw",
		"padding too much":          "Basic YTpi====",
		"not canonical":             "Basic YTpiYx==",
		"base64url alphabet":        "Basic Pj4-Oj8_",
		"line break inside":         "Basic YT\npi",
		"carriage return at end":    "Basic YTpi\r",
		"space inside":              "Basic YT pi",
		"space at end":              "Basic YTpi ",
		"two credentials":           "Basic YTpi, Basic YTpi",
		"no colon":                  basic("abc"),
		"no identifier":             basic(":secret"),
		"broken escape in id":       basic("a%zz:b"),
		"broken escape in secret":   basic("a:%"),
		"NUL":                       basic("a\x00:b"),
		"escaped NUL in the secret": basic("a:b%00"),
		"line break":                basic("a:b\n"),
		"not UTF-8":                 basic("a:\xff"),
		"identifier too long":       basic(strings.Repeat("x", oauth.MaxClientIDBytes+1) + ":y"),
		"secret too long":           basic("x:" + strings.Repeat("y", oauth.MaxClientSecretBytes+1)),
		"far too long":              "Basic " + strings.Repeat("A", 1<<20),
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			id, secret, err := oauth.ParseBasicCredentials(header)
			if oauth.CodeOf(err) != oauth.InvalidClient || id != "" || secret != "" {
				t.Errorf("got %q, %q, %v; want invalid_client", id, secret, err)
			}
		})
	}
}

func TestParseBearer(t *testing.T) {
	longest := strings.Repeat("x", oauth.MaxBearerTokenBytes)
	for header, want := range map[string]string{
		"Bearer mF_9.B5f-4.1JqM":   "mF_9.B5f-4.1JqM", // RFC 6750 section 2.1
		"bearer mF_9.B5f-4.1JqM":   "mF_9.B5f-4.1JqM",
		"BEARER  a":                "a",
		"Bearer aA0-._~+/==":       "aA0-._~+/==",
		"Bearer " + longest:        longest,
		"Bearer eyJ.eyJ.sig-natur": "eyJ.eyJ.sig-natur",
	} {
		if got, err := oauth.ParseBearer(header); err != nil || got != want {
			t.Errorf("ParseBearer(%.40q) = %.40q, %v", header, got, err)
		}
	}
	for _, header := range []string{
		"Bearer", "Bearer ", "Bearer =", "Bearer a=b", "Bearer a b", "Bearer a,b", "Bearer a\n", "Bearer é", `Bearer "a"`, "Bearer a\x00",
		"Bearer a ", "Bearer a, Basic YTpi", "Bearer x" + longest,
	} {
		if got, err := oauth.ParseBearer(header); oauth.CodeOf(err) != oauth.InvalidRequest || got != "" {
			t.Errorf("ParseBearer(%.40q) = %q, %v; want invalid_request", header, got, err)
		}
	}
	for _, header := range []string{"", "Basic YTpi", "DPoP a", "Bearera", "Bearer\ta"} {
		if got, err := oauth.ParseBearer(header); !errors.Is(err, oauth.ErrNoBearerToken) || got != "" {
			t.Errorf("ParseBearer(%q) = %q, %v; want ErrNoBearerToken", header, got, err)
		}
	}
}

func TestAuthorizationScheme(t *testing.T) {
	for header, want := range map[string]string{"": "", "Basic x": "basic", "BEARER x": "bearer", "Basic": "basic", " Basic x": "", "\u212a x": "\u212a"} {
		if got := oauth.AuthorizationScheme(header); got != want {
			t.Errorf("AuthorizationScheme(%q) = %q, want %q", header, got, want)
		}
	}
}

func FuzzParseBasicCredentials(f *testing.F) {
	for _, seed := range []string{
		"Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3", "basic YTpi", "Basic YTpi\n", "Basic YTpiYw", "Basic", "", basic("a%3Ab:%25"), basic(":"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, err := oauth.ParseBasicCredentials(header)
		if err != nil {
			if oauth.CodeOf(err) != oauth.InvalidClient || id != "" || secret != "" {
				t.Fatalf("got %q, %q, %v", id, secret, err)
			}
			return
		}
		// Decoding was strict, so the header has one spelling after the scheme.
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimLeft(header[len("Basic"):], " "))
		if err != nil || !strings.EqualFold(header[:5], "Basic") || !strings.HasSuffix(header, base64.StdEncoding.EncodeToString(decoded)) {
			t.Fatalf("%q was accepted", header)
		}
		again := basic(url.QueryEscape(id) + ":" + url.QueryEscape(secret))
		if len(again) > 8<<10 {
			return
		}
		id2, secret2, err := oauth.ParseBasicCredentials(again)
		if err != nil || id2 != id || secret2 != secret {
			t.Fatalf("%q, %q became %q, %q, %v", id, secret, id2, secret2, err)
		}
	})
}
