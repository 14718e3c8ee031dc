package token_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// OpenID Connect Core 1.0 section 3.1.3.6: the ID token names the access token that came with it.
func TestIDTokenHasTheHashOfItsAccessToken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		for _, format := range []client.AccessTokenFormat{client.FormatJWT, client.FormatOpaque} {
			known := e.register(func(n *client.Metadata) { n.AccessTokenFormat = format })
			got, err := e.redeem(known, e.code(known, nil))
			e.must(err)
			payload, err := e.keys.Verify(got.IDToken, jose.TypeJWT, jose.RS256)
			e.must(err)
			var claims map[string]any
			e.must(json.Unmarshal(payload, &claims))
			if want := jose.RS256.LeftHalfHash(got.AccessToken); claims["at_hash"] != want {
				t.Errorf("%s: at_hash is %v, want %s", format, claims["at_hash"], want)
			}
		}
	})
}

// A token that another issuer signed with the same keys, as before the issuer was renamed,
// is not one of ours, although it names a record that counts.
func TestAccessTokenOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		got, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		payload, err := e.keys.Verify(got.AccessToken, jose.TypeAccessToken, jose.ES256)
		e.must(err)
		claims := map[string]any{}
		e.must(json.Unmarshal(payload, &claims))
		for name, want := range map[string]error{issuer: nil, "https://other.example": token.ErrUnknown, issuer + "/": token.ErrUnknown} {
			claims["iss"] = name
			signed, err := e.keys.Sign(jose.ES256, jose.TypeAccessToken, claims)
			e.must(err)
			if _, err := e.tokens.Lookup(t.Context(), secret.FromString(signed)); !errors.Is(err, want) {
				t.Errorf("iss %s: %v", name, err)
			}
		}
	})
}

// RFC 6749 section 5.2: a grant type that the client's record does not have.
func TestGrantTypesOfTheClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		known := e.register(nil)
		first, err := e.redeem(known, e.code(known, nil))
		e.must(err)
		for grant, parameters := range map[oauth.GrantType]url.Values{
			oauth.AuthorizationCode: codeRequest(e.code(known, nil)),
			oauth.RefreshToken:      {"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}},
			oauth.ClientCredentials: {"grant_type": {"client_credentials"}},
		} {
			without := known
			without.GrantTypes = nil
			for _, each := range []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials} {
				if each != grant {
					without.GrantTypes = append(without.GrantTypes, each)
				}
			}
			_, err := e.exchange(e.tokens, without, parameters)
			e.wantCode(err, oauth.UnauthorizedClient)
		}
		if _, err := e.refresh(known, first.RefreshToken); err != nil {
			t.Errorf("the refusals used up the token: %v", err)
		}
	})
}

// No access token outlives the authorization that it comes from.
func TestAccessTokenEndsWithItsAuthorization(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		e := newEnvironment(t, database)
		short := lifetimes
		short.RefreshToken = 5 * time.Minute
		service, known := e.serviceWith(short), e.register(nil)
		got, err := e.exchange(service, known, codeRequest(e.code(known, nil)))
		e.must(err)
		if got.ExpiresIn != 300 {
			t.Errorf("it lives for %d seconds", got.ExpiresIn)
		}
		e.clock.Advance(4 * time.Minute)
		if got, err = e.exchange(service, known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.RefreshToken}}); err != nil || got.ExpiresIn != 60 {
			t.Errorf("a minute before the end: %d seconds, %v", got.ExpiresIn, err)
		}
	})
}
