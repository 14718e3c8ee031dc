package httpx_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/protocol/oauth"
)

type waiting struct{ wait time.Duration }

func (w waiting) Error() string             { return "wait" }
func (w waiting) RetryAfter() time.Duration { return w.wait }

func TestWriteOAuthError(t *testing.T) {
	for _, test := range []struct {
		name              string
		err               error
		status            int
		code, description string
		challenge, retry  string
	}{
		{"rfc6749-5.2 invalid_request", oauth.Refuse(oauth.InvalidRequest, "twice"), 400, "invalid_request", "twice", "", ""},
		{"rfc6749-5.2 invalid_grant", oauth.Refuse(oauth.InvalidGrant, "code expired"), 400, "invalid_grant", "code expired", "", ""},
		{"rfc6749-5.2 invalid_client", oauth.Refuse(oauth.InvalidClient, "unknown"), 401, "invalid_client", "unknown", `Basic realm="authly", charset="UTF-8"`, ""},
		{"rfc6749-5.2 unsupported_grant_type", oauth.Refuse(oauth.UnsupportedGrantType, ""), 400, "unsupported_grant_type", "", "", ""},
		{"rfc8628-3.5 slow_down", oauth.Refuse("slow_down", ""), 400, "slow_down", "", "", ""},
		{"server_error", oauth.Refuse(oauth.ServerError, "details"), 500, "server_error", "the server failed to answer", "", ""},
		{"temporarily_unavailable", oauth.Refuse(oauth.TemporarilyUnavailable, "soon"), 503, "temporarily_unavailable", "soon", "", "5"},
		{"limited", fault.New(fault.Limited, "x.y"), 429, "temporarily_unavailable", "too many attempts, try again later", "", "5"},
		{"limited with a time", fault.New(fault.Limited, "x.y").Because(waiting{90*time.Second + 1}), 429, "temporarily_unavailable", "too many attempts, try again later", "", "91"},
		{"exhausted", fault.New(fault.Unavailable, "x.y"), 503, "temporarily_unavailable", "the server is busy, try again shortly", "", "5"},
		{"wrapped", fmt.Errorf("redeem: %w", oauth.Refuse(oauth.InvalidGrant, "used")), 400, "invalid_grant", "used", "", ""},
		{"joined", errors.Join(errors.New("private"), oauth.Refuse(oauth.InvalidGrant, "used")), 400, "invalid_grant", "used", "", ""},
		{"a fault that passes", fmt.Errorf("find: %w", waiting{time.Second}), 503, "temporarily_unavailable", "the server is busy, try again shortly", "", "1"},
		{"any other", errors.New("private"), 500, "server_error", "the server failed to answer", "", ""},
		{"a private reason is not shown", oauth.Refuse(oauth.InvalidGrant, "no").Because(errors.New("private")), 400, "invalid_grant", "no", "", ""},
		{"a refusal of the other type as the reason", fault.New(fault.Limited, "x.y").Because(oauth.Refuse(oauth.InvalidClient, "private")), 429, "temporarily_unavailable", "too many attempts, try again later", "", "5"},
		{"what can't be quoted", &oauth.Error{Code: oauth.InvalidRequest, Description: "a\"b\\c\r\nd<é>"}, 400, "invalid_request", "a'b?c??d<?>", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			httpx.WriteOAuthError(w, request("POST", "/oauth/token", ""), test.err)
			if w.Code != test.status || httpx.StatusOf(test.err) != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			var body map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if body["error"] != test.code || body["error_description"] != test.description {
				t.Errorf("body %v", body)
			}
			for name, want := range map[string]string{
				"WWW-Authenticate": test.challenge, "Retry-After": test.retry,
				"Cache-Control": "no-store", "Content-Type": "application/json",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestWriteBearerError(t *testing.T) {
	insufficient := oauth.Refuse(oauth.InsufficientScope, "more is needed")
	insufficient.Scope = "openid email"
	hostile := &oauth.Error{Code: oauth.InvalidToken, Description: "x\", realm=\"evil\r\nSet-Cookie: a=b"}
	for _, test := range []struct {
		name      string
		err       error
		status    int
		challenge string
		hasBody   bool
	}{
		{"rfc6750-3.1 no credentials", httpx.ErrNoCredentials, 401, `Bearer realm="authly"`, false},
		{"rfc6750-3.1 no token in the header", fmt.Errorf("read: %w", oauth.ErrNoBearerToken), 401, `Bearer realm="authly"`, false},
		{"rfc6750-3.1 no code", &oauth.Error{Scope: "openid"}, 401, `Bearer realm="authly", scope="openid"`, false},
		{"rfc6750-3.1 invalid_token", oauth.Refuse(oauth.InvalidToken, "expired"), 401, `Bearer realm="authly", error="invalid_token", error_description="expired"`, true},
		{"rfc6750-3.1 insufficient_scope", insufficient, 403, `Bearer realm="authly", error="insufficient_scope", error_description="more is needed", scope="openid email"`, true},
		{"rfc6750-3.1 invalid_request", oauth.Refuse(oauth.InvalidRequest, "two tokens"), 400, `Bearer realm="authly", error="invalid_request", error_description="two tokens"`, true},
		{"ours", errors.New("private"), 500, "", true},
		{"nothing breaks out of the quotes", hostile, 401, `Bearer realm="authly", error="invalid_token", error_description="x', realm='evil??Set-Cookie: a=b"`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			httpx.WriteBearerError(w, request("GET", "/oidc/userinfo", ""), test.err)
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != test.challenge {
				t.Errorf("got  %s\nwant %s", got, test.challenge)
			}
			if (w.Body.Len() > 0) != test.hasBody || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("body %q, headers %v", w.Body, w.Header())
			}
		})
	}
}

func TestSeeOther(t *testing.T) {
	w := httptest.NewRecorder()
	httpx.SeeOther(w, request("POST", "/login", ""), "https://app.example/callback?code=x")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://app.example/callback?code=x" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
