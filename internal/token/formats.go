package token

import (
	"fmt"

	"authly/internal/client"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oidc"
)

// Signer signs with the server's keys.
type Signer interface {
	Sign(algorithm jose.Algorithm, typ string, claims any) (string, error)
}

// jwtFormat makes JWT access tokens (RFC 9068).
type jwtFormat struct {
	issuer    string
	signer    Signer
	algorithm jose.Algorithm
}

// accessTokenClaims are the claims of RFC 9068 section 2.2.
type accessTokenClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  any      `json:"aud"` // one is a string: some resource servers know only that
	ClientID  string   `json:"client_id"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
	ID        string   `json:"jti"`
	Scope     string   `json:"scope,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
}

func (f jwtFormat) Name() client.AccessTokenFormat { return client.FormatJWT }

func (f jwtFormat) Mint(m Minting) (Minted, error) {
	claims := accessTokenClaims{
		Issuer: f.issuer, Subject: m.Subject, Audience: audience(m.Audience), ClientID: m.Client.ClientID,
		IssuedAt: m.IssuedAt.Unix(), ExpiresAt: m.ExpiresAt.Unix(), ID: m.ID.String(), Scope: m.Scopes.String(),
	}
	if family := m.Authorization.Family; family != nil {
		claims.AuthTime, claims.AMR = family.AuthenticatedAt.Unix(), family.AuthenticationMethods
		claims.ACR = oidc.ContextClass(family.AuthenticationMethods)
	}
	signed, err := f.signer.Sign(f.algorithm, jose.TypeAccessToken, claims)
	if err != nil {
		return Minted{}, fmt.Errorf("sign an access token: %w", err)
	}
	return Minted{Value: secret.FromString(signed)}, nil
}

func audience(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// opaqueFormat makes handles of 256 bits; only introspection tells what they are for.
type opaqueFormat struct{}

func (opaqueFormat) Name() client.AccessTokenFormat { return client.FormatOpaque }

func (opaqueFormat) Mint(Minting) (Minted, error) {
	value := secret.New()
	digest := secret.Hash(value)
	return Minted{Value: value, Digest: &digest}, nil
}
