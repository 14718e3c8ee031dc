package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/cli/signin"
	"authly/internal/platform/clock"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// hostile is a server of somebody who would be believed: a test changes what it says.
type hostile struct {
	*httptest.Server
	metadata  map[string]any
	claims    map[string]any
	key       jose.SigningKey // signs
	published jose.SigningKey
	typ       string
	challenge string
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	private, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{key: jose.SigningKey{KeyID: "1", Algorithm: jose.ES256, Signer: private}, typ: jose.TypeJWT}
	h.published = h.key
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	h.metadata = map[string]any{
		"issuer": h.URL, "authorization_endpoint": h.URL + "/authorize", "token_endpoint": h.URL + "/token", "revocation_endpoint": h.URL + "/revoke",
		"jwks_uri": h.URL + "/keys", "authorization_response_iss_parameter_supported": true,
	}
	h.claims = map[string]any{"iss": h.URL, "aud": "cli", "sub": "s", "exp": time.Unix(2_000_000_000, 0).Unix(), "preferred_username": "alice"}
	return h
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(h.metadata)
	case "/keys":
		keys, err := jose.JWKS([]jose.VerificationKey{h.published.Verification()})
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(keys)
	case "/token":
		if oauth.CodeChallengeS256(r.FormValue("code_verifier")) != h.challenge || r.FormValue("code") != "c" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		token, err := jose.Sign(h.key, h.typ, h.claims)
		if err != nil {
			panic(err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r", "scope": "x", "id_token": token})
	default:
		http.NotFound(w, r)
	}
}

// comeBack signs in; back makes of the request the address with which the browser comes back.
func (h *hostile) comeBack(t *testing.T, back func(query url.Values) []string) (signin.Tokens, error) {
	t.Helper()
	provider, err := signin.Discover(t.Context(), h.Client(), h.URL)
	if err != nil {
		t.Fatal(err)
	}
	return signin.Browser{
		Provider: provider, ClientID: "cli", Scopes: []string{"openid"}, Resource: h.URL + "/api", Clock: clock.NewFake(time.Unix(1_900_000_000, 0)), Patience: 300 * time.Millisecond,
		Show: func(ctx context.Context, address string) error {
			parsed, err := url.Parse(address)
			if err != nil {
				return err
			}
			query := parsed.Query()
			h.challenge = query.Get("code_challenge")
			if _, given := h.claims["nonce"]; !given {
				h.claims["nonce"] = query.Get("nonce")
			}
			for _, each := range back(query) {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, query.Get("redirect_uri")+each, nil)
				if err != nil {
					return err
				}
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					return err
				}
				body, err := io.ReadAll(response.Body)
				isDarkAtNight := strings.Contains(string(body), `<meta name="color-scheme" content="light dark">`)
				if err != nil || !isDarkAtNight || strings.Contains(string(body), "<script") || response.Header.Get("Content-Security-Policy") == "" {
					t.Errorf("the page is %s, %v", body, err)
				}
				_ = response.Body.Close()
			}
			return nil
		},
	}.SignIn(t.Context())
}

func (h *hostile) good(query url.Values) string {
	return "?" + url.Values{"code": {"c"}, "state": {query.Get("state")}, "iss": {h.URL}}.Encode()
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	got, err := h.comeBack(t, func(query url.Values) []string {
		// What others send is not waited for, and does not end the sign-in.
		return []string{"?code=c&state=wrong&iss=" + h.URL, "", "/../elsewhere", "?error=access_denied", h.good(query), "?error=x&state=" + query.Get("state")}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Access.Reveal() != "a" || got.Refresh.Reveal() != "r" || got.Person.Username != "alice" || got.Lifetime != time.Minute {
		t.Errorf("got %+v", got.Person)
	}
}

func TestResponsesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		back func(h *hostile, state string) string
		want string
	}{
		"another state":      {func(h *hostile, _ string) string { return "?code=c&state=x&iss=" + h.URL }, "nobody signed in"},
		"no state":           {func(h *hostile, _ string) string { return "?code=c&iss=" + h.URL }, "nobody signed in"},
		"two states":         {func(h *hostile, state string) string { return "?code=c&state=" + state + "&state=x&iss=" + h.URL }, "nobody signed in"},
		"another issuer":     {func(_ *hostile, state string) string { return "?code=c&state=" + state + "&iss=https://evil.example" }, "another server"},
		"no issuer":          {func(_ *hostile, state string) string { return "?code=c&state=" + state }, "another server"},
		"no code":            {func(h *hostile, state string) string { return "?state=" + state + "&iss=" + h.URL }, "without a code"},
		"another code":       {func(h *hostile, state string) string { return "?code=d&state=" + state + "&iss=" + h.URL }, "invalid_grant"},
		"an error":           {func(h *hostile, state string) string { return "?error=access_denied&state=" + state + "&iss=" + h.URL }, "access_denied"},
		"an error of others": {func(_ *hostile, state string) string { return "?error=access_denied&state=" + state }, "another server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			_, err := h.comeBack(t, func(query url.Values) []string { return []string{test.back(h, query.Get("state"))} })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestIDTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *hostile){
		"nonce":     func(h *hostile) { h.claims["nonce"] = "another" },
		"no nonce":  func(h *hostile) { h.claims["nonce"] = "" },
		"issuer":    func(h *hostile) { h.claims["iss"] = "https://evil.example" },
		"audience":  func(h *hostile) { h.claims["aud"] = "another" },
		"audiences": func(h *hostile) { h.claims["aud"] = []string{"cli", "another"} },
		"expired":   func(h *hostile) { h.claims["exp"] = 1_800_000_000 },
		"nobody":    func(h *hostile) { h.claims["sub"] = "" },
		"type":      func(h *hostile) { h.typ = "at+jwt" },
		"signature": func(h *hostile) {
			private, err := jose.GenerateKey(jose.ES256)
			if err != nil {
				panic(err)
			}
			h.key.Signer = private
		},
		"no keys": func(h *hostile) {
			h.metadata["jwks_uri"] = h.URL + "/nothing"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			change(h)
			if _, err := h.comeBack(t, func(query url.Values) []string { return []string{h.good(query)} }); err == nil {
				t.Error("it was believed")
			}
		})
	}
}

func TestMetadataThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m map[string]any){
		"another issuer":     func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"no issuer":          func(m map[string]any) { delete(m, "issuer") },
		"plain http":         func(m map[string]any) { m["token_endpoint"] = "http://id.example/token" },
		"no endpoint":        func(m map[string]any) { delete(m, "token_endpoint") },
		"another scheme":     func(m map[string]any) { m["authorization_endpoint"] = "file:///etc/passwd" },
		"a script":           func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		"keys over http":     func(m map[string]any) { m["jwks_uri"] = "http://keys.example/" },
		"revocation missing": func(m map[string]any) { m["revocation_endpoint"] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			change(h.metadata)
			if _, err := signin.Discover(t.Context(), h.Client(), h.URL); !errors.Is(err, signin.ErrNoProvider) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, issuer := range []string{"http://id.example", "https://", "nonsense", "https://id.example?x", ""} {
		if _, err := signin.Discover(t.Context(), http.DefaultClient, issuer); !errors.Is(err, signin.ErrNoProvider) {
			t.Errorf("%q: got %v", issuer, err)
		}
	}
}

func TestNobodyWaitsForever(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	if _, err := h.comeBack(t, func(url.Values) []string { return nil }); !errors.Is(err, signin.ErrNobodyCame) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := signin.Browser{Patience: time.Minute, Show: func(context.Context, string) error { cancel(); return nil }}.SignIn(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
