package oauth_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"authly/internal/protocol/oauth"
)

func TestRefuseSanitises(t *testing.T) {
	for _, test := range []struct{ name, description, want string }{
		{"plain", "the code has expired", "the code has expired"},
		{"rfc6749-5.2 quote and backslash", `say "hi" \o/`, "say hi o/"},
		{"line breaks", "a\r\nSet-Cookie: x", "aSet-Cookie: x"},
		{"NUL, DEL, tab", "a\x00b\x7fc\td", "abcd"},
		{"beyond ASCII", "naïve 🐈", "nave "},
		{"not UTF-8", "a\xffb", "ab"},
		{"the bounds of the set", " !#[]~", " !#[]~"},
		{"long", strings.Repeat("x", 2000), strings.Repeat("x", oauth.MaxDescriptionBytes)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := oauth.Refuse(oauth.InvalidRequest, test.description).Description; got != test.want {
				t.Errorf("Description = %q, want %q", got, test.want)
			}
		})
	}
}

func TestErrorCause(t *testing.T) {
	original := oauth.Refuse(oauth.InvalidGrant, "expired")
	caused := original.Because(io.ErrUnexpectedEOF)
	if !errors.Is(caused, io.ErrUnexpectedEOF) || caused.Code != oauth.InvalidGrant || caused.Description != "expired" {
		t.Errorf("Because gives %v", caused)
	}
	if original.Unwrap() != nil {
		t.Error("Because changed the original")
	}
	if got, want := caused.Error(), "invalid_grant: expired: unexpected EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got := oauth.Refuse(oauth.AccessDenied, "").Error(); got != "access_denied" {
		t.Errorf("Error() = %q", got)
	}
}

func TestRequiringScope(t *testing.T) {
	original := oauth.Refuse(oauth.InsufficientScope, "x")
	if got := original.RequiringScope(oauth.ScopeSet{"openid", "email"}).Scope; got != "openid email" {
		t.Errorf("Scope = %q", got)
	}
	if original.Scope != "" {
		t.Error("RequiringScope changed the original")
	}
}

func TestCodeOf(t *testing.T) {
	wrapped := fmt.Errorf("redeem code: %w", oauth.Refuse(oauth.InvalidGrant, "x"))
	for _, test := range []struct {
		err  error
		want oauth.ErrorCode
	}{
		{nil, ""},
		{io.EOF, ""},
		{wrapped, oauth.InvalidGrant},
		{oauth.Refuse(oauth.InvalidTarget, "x").Because(wrapped), oauth.InvalidTarget},
	} {
		if got := oauth.CodeOf(test.err); got != test.want {
			t.Errorf("CodeOf(%v) = %q, want %q", test.err, got, test.want)
		}
	}
}
