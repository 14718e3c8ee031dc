package grants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/token"
)

// Codes finds authorization codes and ends what one gave.
type Codes interface {
	FindCode(ctx context.Context, presented secret.Redacted) (token.Code, error)
	RevokeFamily(ctx context.Context, family uuid.UUID, reason token.Reason) error
}

// AuthorizationCode is the grant of RFC 6749 section 4.1.3.
type AuthorizationCode struct {
	codes Codes
	// lifetime is how long an authorization lasts, unless the client says otherwise.
	lifetime time.Duration
}

// NewAuthorizationCode returns the grant.
func NewAuthorizationCode(codes Codes, authorizationLifetime time.Duration) *AuthorizationCode {
	return &AuthorizationCode{codes: codes, lifetime: authorizationLifetime}
}

// Type returns authorization_code.
func (*AuthorizationCode) Type() oauth.GrantType { return oauth.AuthorizationCode }

// refusedCode has one text for everything that is wrong with a code, so that
// somebody who guesses learns nothing.
func refusedCode(reason string) error {
	return oauth.Refuse(oauth.InvalidGrant, "the code is invalid, expired or was issued to another client").Because(errors.New(reason))
}

// Authorize checks the code and everything it is bound to. Only a request that is
// right in everything else counts as a replay: otherwise whoever has seen a code could
// end the tokens of its owner (OAuth 2.1 section 4.1.3).
func (g *AuthorizationCode) Authorize(ctx context.Context, request *token.Request) (*token.Authorization, error) {
	presented := request.Params.Get("code")
	if presented == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "code is missing")
	}
	code, err := g.codes.FindCode(ctx, secret.FromString(presented))
	switch {
	case errors.Is(err, token.ErrUnknown):
		return nil, refusedCode("unknown code")
	case err != nil:
		return nil, fmt.Errorf("find an authorization code: %w", err)
	case code.Client != request.Client.ID:
		return nil, refusedCode("another client's code")
	}
	if err := checkRedirectURI(code, request); err != nil {
		return nil, err
	}
	if err := checkVerifier(code, request.Params); err != nil {
		return nil, err
	}
	if code.UsedAt != nil {
		if err := g.codes.RevokeFamily(ctx, code.ID, token.ReasonCodeReplayed); err != nil {
			return nil, err
		}
		return nil, refusedCode("replayed code")
	}
	if !request.Now.Before(code.ExpiresAt) {
		return nil, refusedCode("expired code")
	}
	return g.authorization(code, request), nil
}

func (g *AuthorizationCode) authorization(code token.Code, request *token.Request) *token.Authorization {
	lifetime := cmp.Or(request.Client.RefreshTokenLifetime.Duration(), g.lifetime)
	offline, sessionExpiresAt := code.Scopes.Has(oauth.ScopeOfflineAccess), code.SessionExpiresAt
	if offline {
		sessionExpiresAt = nil
	}
	return &token.Authorization{
		Family: &token.Family{
			ID: code.ID, Delegation: code.Delegation, Offline: offline, SessionExpiresAt: sessionExpiresAt,
			CreatedAt: request.Now, ExpiresAt: request.Now.Add(lifetime),
		},
		Scopes: code.Scopes, Resources: code.Resources, Nonce: code.Nonce,
		Use: token.Use{Code: &token.CodeUse{ID: code.ID}},
	}
}

// checkRedirectURI: OAuth 2.1 dropped the parameter, so it may be left out where
// PKCE binds the code; where it is sent it must be the same, and without PKCE it is
// required as in RFC 6749 section 4.1.3.
func checkRedirectURI(code token.Code, request *token.Request) error {
	sent := request.Params.Get("redirect_uri")
	if sent == "" && code.CodeChallenge == "" {
		return oauth.Refuse(oauth.InvalidRequest, "redirect_uri is missing")
	}
	if sent != "" && sent != code.RedirectURI {
		return refusedCode("another redirect_uri")
	}
	return nil
}

// checkVerifier holds in both directions, or an attacker could strip the
// challenge from a request (RFC 9700 section 4.8.2).
func checkVerifier(code token.Code, params oauth.Params) error {
	verifier := params.Get("code_verifier")
	switch {
	case code.CodeChallenge == "" && verifier == "":
		return nil
	case code.CodeChallenge == "":
		return oauth.Refuse(oauth.InvalidGrant, "a code_verifier was sent for a request without a code_challenge")
	case verifier == "":
		return oauth.Refuse(oauth.InvalidGrant, "code_verifier is missing")
	default:
		return oauth.VerifyCodeVerifier(code.CodeChallenge, verifier)
	}
}
