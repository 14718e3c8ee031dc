package interop_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

const callback = "http://127.0.0.1/callback"

func each(t *testing.T, test func(t *testing.T, engine db.Engine)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// relyingParty makes the other maker's client from the server's discovery document.
func relyingParty(t *testing.T, s *testx.Server, known testx.Client, scopes ...string) rp.RelyingParty {
	t.Helper()
	through := testx.NewHTTPClient(t, nil)
	made, err := rp.NewRelyingPartyOIDC(t.Context(), s.Issuer, known.ClientID, known.Secret, callback, scopes,
		rp.WithHTTPClient(through),
		rp.WithVerifierOpts(rp.WithSupportedSigningAlgorithms(string(known.IDTokenAlgorithm)), rp.WithNonce(nonceOf)))
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	return made
}

type nonceKey struct{}

func nonceOf(ctx context.Context) string {
	nonce, _ := ctx.Value(nonceKey{}).(string)
	return nonce
}

// authorize sends a browser through the pages and returns what the client gets.
func authorize(t *testing.T, s *testx.Server, party rp.RelyingParty, person testx.Person, verifier, nonce string) url.Values {
	t.Helper()
	state := rand.Text()
	address := rp.AuthURL(state, party, rp.WithCodeChallenge(oidc.NewSHACodeChallenge(verifier)),
		rp.AuthURLOpt(rp.WithURLParam("nonce", nonce)))
	browser := s.Browser()
	response := browser.Through(browser.Open(address), person)
	if location := response.Header.Get("Location"); !strings.HasPrefix(location, callback+"?") {
		t.Fatalf("the browser was sent to %s", location)
	}
	got := response.Query()
	if got.Get("state") != state || got.Get("iss") != s.Issuer {
		t.Fatalf("the response has state %q and iss %q", got.Get("state"), got.Get("iss"))
	}
	return got
}

func TestZitadelClient(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		ada := s.Person("ada")
		for _, test := range []struct {
			name   string
			client testx.Client
		}{
			{"confidential RS256", s.Confidential(callback, nil)},
			{"confidential ES256", s.Confidential(callback, func(n *client.Metadata) { n.IDTokenAlgorithm = jose.ES256 })},
			{"confidential PS256", s.Confidential(callback, func(n *client.Metadata) { n.IDTokenAlgorithm = jose.PS256 })},
			{"confidential EdDSA", s.Confidential(callback, func(n *client.Metadata) { n.IDTokenAlgorithm = jose.EdDSA })},
			{"confidential opaque tokens", s.Confidential(callback, func(n *client.Metadata) { n.AccessTokenFormat = client.FormatOpaque })},
			{"confidential client_secret_post", s.Confidential(callback, func(n *client.Metadata) { n.AuthenticationMethod = oauth.ClientSecretPost })},
			{"public", s.Public(callback, nil)},
		} {
			t.Run(test.name, func(t *testing.T) { wholeLife(t, s.In(t), test.client, ada) })
		}
	})
}

// wholeLife is everything that a client does with a sign-in.
func wholeLife(t *testing.T, s *testx.Server, known testx.Client, person testx.Person) {
	party := relyingParty(t, s, known, "openid", "profile", "email", "offline_access")
	verifier, nonce := rand.Text()+rand.Text(), rand.Text()
	ctx := context.WithValue(t.Context(), nonceKey{}, nonce)
	code := authorize(t, s, party, person, verifier, nonce).Get("code")
	tokens, err := rp.CodeExchange[*oidc.IDTokenClaims](ctx, code, party, rp.WithCodeVerifier(verifier))
	if err != nil {
		t.Fatalf("exchange the code: %v", err)
	}
	s.Secret(code, verifier, tokens.AccessToken, tokens.RefreshToken, tokens.IDToken)
	claims := tokens.IDTokenClaims
	if claims.Subject != person.Subject() || claims.Nonce != nonce || !slices.Contains(claims.Audience, known.ClientID) {
		t.Errorf("the ID token is about %s for %v with nonce %q", claims.Subject, claims.Audience, claims.Nonce)
	}
	if err := rp.VerifyAccessToken(tokens.AccessToken, claims.AccessTokenHash, claims.SignatureAlg); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	information, err := rp.Userinfo[*oidc.UserInfo](ctx, tokens.AccessToken, tokens.TokenType, claims.Subject, party)
	if err != nil {
		t.Fatalf("userinfo: %v", err)
	}
	if information.PreferredUsername != person.Username || information.Email != person.Email || !bool(information.EmailVerified) {
		t.Errorf("userinfo says %+v", information)
	}
	// A refreshed ID token has no nonce (OpenID Connect Core 1.0 section 12.2).
	refreshed, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), party, tokens.RefreshToken, "", "")
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	s.Secret(refreshed.AccessToken, refreshed.RefreshToken, refreshed.IDToken)
	if rotated := refreshed.RefreshToken != tokens.RefreshToken; rotated != known.IsPublic() {
		t.Errorf("the refresh token was rotated: %t", rotated)
	}
	if refreshed.IDTokenClaims.Subject != claims.Subject {
		t.Errorf("the refreshed ID token is about %s", refreshed.IDTokenClaims.Subject)
	}
	if err := rp.RevokeToken(ctx, party, refreshed.RefreshToken, "refresh_token"); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	for name, token := range map[string]string{"first": tokens.AccessToken, "refreshed": refreshed.AccessToken} {
		if answer := s.Get("/oidc/userinfo", testx.Bearer(token)); answer.Status != http.StatusUnauthorized {
			t.Errorf("the %s access token after the revocation: %d", name, answer.Status)
		}
	}
	if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), party, refreshed.RefreshToken, "", ""); err == nil {
		t.Error("a revoked refresh token still works")
	}
}

func TestZitadelClientCredentials(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		s := testx.NewServer(t, engine)
		known := s.Confidential(callback, nil)
		token, err := rp.ClientCredentials(t.Context(), relyingParty(t, s, known), nil)
		if err != nil {
			t.Fatalf("client credentials: %v", err)
		}
		s.Secret(token.AccessToken)
		if answer := s.Introspect(known, token.AccessToken); answer.JSON["active"] != true || answer.Text("sub") != known.ClientID {
			t.Errorf("introspection says %s", answer.Body)
		}
	})
}

// A client that checks what it gets refuses an ID token of another request.
func TestZitadelRefusesOtherNonce(t *testing.T) {
	t.Parallel()
	s := testx.NewServer(t, dbtest.Engines(t)[0])
	party, verifier := relyingParty(t, s, s.Public(callback, nil), "openid"), rand.Text()+rand.Text()
	code := authorize(t, s, party, s.Person("ada"), verifier, "the nonce").Get("code")
	ctx := context.WithValue(t.Context(), nonceKey{}, "another nonce")
	if _, err := rp.CodeExchange[*oidc.IDTokenClaims](ctx, code, party, rp.WithCodeVerifier(verifier)); err == nil {
		t.Error("an ID token with another nonce was accepted")
	}
}
