package relyingpartytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// The client and the code of the sign-in.
const (
	ClientID = "cli"
	Code     = "c"
)

// Provider signs in alice, unless a test changes a field.
type Provider struct {
	*httptest.Server
	Metadata  map[string]any
	Claims    map[string]any  // of the ID token
	Key       jose.SigningKey // signs the ID token
	Published jose.SigningKey
	Type      string // of the ID token

	challenge string
}

// New starts a provider, which stops when the test ends.
func New(t testing.TB) *Provider {
	t.Helper()
	private, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.SigningKey{KeyID: "1", Algorithm: jose.ES256, Signer: private}
	p := &Provider{Key: key, Published: key, Type: jose.TypeJWT}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	p.Metadata = map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "revocation_endpoint": p.URL + "/revoke",
		"jwks_uri": p.URL + "/keys", "authorization_response_iss_parameter_supported": true,
	}
	p.Claims = map[string]any{"iss": p.URL, "aud": ClientID, "sub": "s", "exp": Now().Add(time.Hour).Unix(), "preferred_username": "alice"}
	return p
}

// Now is a time at which the ID token of a new provider is valid.
func Now() time.Time { return time.Unix(1_900_000_000, 0) }

// Begin takes an authorization request, as the authorization endpoint does.
func (p *Provider) Begin(query url.Values) {
	p.challenge = query.Get("code_challenge")
	if _, given := p.Claims["nonce"]; !given {
		p.Claims["nonce"] = query.Get("nonce")
	}
}

// Response returns a good response to an authorization request.
func (p *Provider) Response(query url.Values) url.Values {
	return url.Values{"code": {Code}, "state": {query.Get("state")}, "iss": {p.URL}}
}

// ServeHTTP has the metadata, the keys and the token endpoint.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(p.Metadata)
	case "/keys":
		keys, err := jose.JWKS([]jose.VerificationKey{p.Published.Verification()})
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(keys)
	case "/token":
		if oauth.CodeChallengeS256(r.FormValue("code_verifier")) != p.challenge || r.FormValue("code") != Code {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		token, err := jose.Sign(p.Key, p.Type, p.Claims)
		if err != nil {
			panic(err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r", "scope": "x", "id_token": token})
	default:
		http.NotFound(w, r)
	}
}
