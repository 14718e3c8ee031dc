package userinfo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/token"
)

// Tokens validates the access tokens of requests.
type Tokens interface {
	Authorize(ctx context.Context, presented httpx.Presentation) (token.Live, error)
}

// People returns the claims about users.
type People interface {
	Claims(ctx context.Context, userID uuid.UUID) (oidc.StandardClaims, error)
}

// Subjects returns the identifier by which a client knows a user.
type Subjects interface {
	Of(cl client.Client, userID uuid.UUID) string
}

// Signer signs with the server's keys.
type Signer interface {
	Sign(algorithm jose.Algorithm, typ string, claims any) (string, error)
}

// ClientKeys encrypts to a client.
type ClientKeys interface {
	// Encrypt returns a signed token as a nested JWT for the client's key.
	Encrypt(ctx context.Context, cl client.Client, how client.Encryption, signed string) (string, error)
	// EncryptClaims returns claims as an encrypted JWT without a signature.
	EncryptClaims(ctx context.Context, cl client.Client, how client.Encryption, claims any) (string, error)
}

// Deps are the dependencies of the service.
type Deps struct {
	Issuer     string
	Clock      clock.Clock
	Tokens     Tokens
	People     People
	Subjects   Subjects
	Signer     Signer
	ClientKeys ClientKeys
}

// Service answers UserInfo requests.
type Service struct{ Deps }

// New returns the service.
func New(deps Deps) *Service { return &Service{deps} }

// Response is either claims, or a JWT with the claims for a client that
// registered for that (OpenID Connect Core 1.0 section 5.3.2).
type Response struct {
	Claims map[string]any
	JWT    string
}

// lifetime is how long a response in the form of a JWT is valid.
const lifetime = 5 * time.Minute

// errInvalid has one text for every refused token.
func errInvalid(reason error) error {
	return oauth.Refuse(oauth.InvalidToken, "the access token is invalid, expired or revoked").Because(reason)
}

// UserInfo returns the claims that the token gives access to. Errors are
// invalid_token and insufficient_scope (RFC 6750 section 3.1), or internal errors.
func (s *Service) UserInfo(ctx context.Context, presented httpx.Presentation) (Response, error) {
	live, err := s.Tokens.Authorize(ctx, presented)
	if errors.Is(err, token.ErrUnknown) {
		return Response{}, errInvalid(err)
	}
	if err != nil {
		return Response{}, fmt.Errorf("find an access token: %w", err)
	}
	if !live.ForServer {
		// A resource server that received the token must not be able to read its user's claims here.
		return Response{}, errInvalid(errors.New("a token for another resource"))
	}
	if live.Family == nil || !live.Scopes.Has(oauth.ScopeOpenID) {
		return Response{}, oauth.Refuse(oauth.InsufficientScope, "the access token lacks the scope openid").
			RequiringScope(oauth.ScopeSet{oauth.ScopeOpenID})
	}
	cl := live.Owner
	person, err := s.People.Claims(ctx, live.Family.UserID)
	if err != nil {
		return Response{}, gone(err, "find the user of a token")
	}
	claims := person.ClaimsForScopes(s.Subjects.Of(cl, live.Family.UserID), live.Scopes)
	// Claims requested by name are part of the authorization, whatever scopes this token was
	// narrowed to (section 5.5), while the client may have a scope that includes them.
	maps.Copy(claims, person.ClaimsByName(oidc.Names(live.Family.Claims.UserInfo)))
	return s.formed(ctx, cl, claims)
}

// gone says that a token's client or user was deleted meanwhile, or wraps an internal error.
func gone(err error, attempt string) error {
	if fault.KindOf(err) == fault.NotFound {
		return errInvalid(err)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

// formed returns the claims in the form that the client registered for. A signed response
// names issuer and audience, so that it can't be taken for another client's. It
// expires, which the specification leaves open, and has no nonce.
func (s *Service) formed(ctx context.Context, cl client.Client, claims map[string]any) (Response, error) {
	isSigned, isEncrypted := cl.UserInfoAlgorithm != "", cl.UserInfoEncryption() != (client.Encryption{})
	if !isSigned && !isEncrypted {
		return Response{Claims: claims}, nil
	}
	now := s.Clock.Now()
	claims["iss"], claims["aud"] = s.Issuer, cl.ClientID
	claims["iat"], claims["exp"] = now.Unix(), now.Add(lifetime).Unix()
	if !isSigned {
		encrypted, err := s.ClientKeys.EncryptClaims(ctx, cl, cl.UserInfoEncryption(), claims)
		if err != nil {
			return Response{}, fmt.Errorf("encrypt a UserInfo response: %w", err)
		}
		return Response{JWT: encrypted}, nil
	}
	signed, err := s.Signer.Sign(cl.UserInfoAlgorithm, jose.TypeJWT, claims)
	if err != nil {
		return Response{}, fmt.Errorf("sign a UserInfo response: %w", err)
	}
	if !isEncrypted {
		return Response{JWT: signed}, nil
	}
	encrypted, err := s.ClientKeys.Encrypt(ctx, cl, cl.UserInfoEncryption(), signed)
	if err != nil {
		return Response{}, fmt.Errorf("encrypt a UserInfo response: %w", err)
	}
	return Response{JWT: encrypted}, nil
}
