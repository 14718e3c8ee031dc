package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/entitlement"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/protocol/policy"
)

// Response is a successful token response (RFC 6749 section 5.1, OpenID Connect Core 1.0 section 3.1.3.3).
type Response struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// Authenticate tells which client a request comes from.
type Authenticate func(ctx context.Context) (client.Client, error)

// maxJudgements bounds how often a request is judged whose client is changed while it is answered.
const maxJudgements = 3

// Exchange is the pipeline of the token endpoint. Parsing is before it and
// writing after it (see token_http.go); errors are [*oauth.Error], or faults of our own.
// A request whose client was changed after it was judged is judged again, from the
// authentication on: nothing was consumed by then but an assertion, which authenticate takes again from the same request.
func (s *Service) Exchange(ctx context.Context, params oauth.Params, authenticate Authenticate) (response Response, err error) {
	for range maxJudgements {
		if response, err = s.exchange(ctx, params, authenticate); !errors.Is(err, ErrClientChanged) {
			return response, err
		}
	}
	return Response{}, oauth.Refuse(oauth.InvalidClient, "the client was changed during the request").Because(err)
}

func (s *Service) exchange(ctx context.Context, params oauth.Params, authenticate Authenticate) (Response, error) {
	// 1 Find the grant. A missing grant_type is never taken for a default.
	if !params.Has("grant_type") {
		return Response{}, oauth.Refuse(oauth.InvalidRequest, "grant_type is missing")
	}
	grant, ok := s.grants[oauth.GrantType(params.Get("grant_type"))]
	if !ok {
		return Response{}, oauth.Refuse(oauth.UnsupportedGrantType, "this grant_type is not supported")
	}
	// 2 Authenticate the client.
	caller, err := authenticate(ctx)
	if err != nil {
		return Response{}, err
	}
	// 3 May this client use the grant?
	if !caller.MayUse(grant.Type()) {
		return Response{}, oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this grant_type")
	}
	// 4 Let the grant prove an authorization.
	request := &Request{Client: caller, Params: params, Now: s.clock.Now(), Administration: s.administration}
	authorization, err := grant.Authorize(ctx, request)
	if err != nil {
		return Response{}, err
	}
	// 5 Narrow it to what is asked for now.
	minting, err := s.narrow(ctx, request, authorization)
	if err != nil {
		return Response{}, err
	}
	// 6 Mint. Signing comes before consuming: when it fails, nothing is spent.
	access, err := s.formats[caller.AccessTokenFormat].Mint(minting)
	if err != nil {
		return Response{}, err
	}
	refresh := s.refreshToken(request, authorization)
	idToken, err := s.idToken(ctx, minting, access)
	if err != nil {
		return Response{}, err
	}
	// 7 Consume and store, durably, in one step.
	if err := s.record(ctx, minting, access, refresh); err != nil {
		return Response{}, err
	}
	// 8 Answer.
	return Response{
		AccessToken: access.Value.Reveal(), TokenType: "Bearer", ExpiresIn: int64(minting.ExpiresAt.Sub(minting.IssuedAt).Seconds()),
		RefreshToken: refresh.value.Reveal(), Scope: minting.Scopes.String(), IDToken: idToken,
	}, nil
}

// narrow applies the scope and resource parameters of the token request (RFC
// 6749 section 6, RFC 8707 section 2.2) to what was authorized.
func (s *Service) narrow(ctx context.Context, request *Request, authorization *Authorization) (Minting, error) {
	minting := Minting{
		ID: id.New(), Client: request.Client, Authorization: authorization, Subject: request.Client.ClientID, IssuedAt: request.Now,
	}
	if family := authorization.Family; family != nil {
		minting.Subject = s.subjects.Of(request.Client, family.UserID)
	}
	left, err := s.left(ctx, request.Client, authorization)
	if err != nil {
		return Minting{}, err
	}
	minting.Scopes, minting.Claims = left.Scopes, left.Claims
	if authorization.Use.Refresh != nil && request.Params.Has("scope") {
		wanted, err := oauth.ParseScope(request.Params.Get("scope"))
		if err != nil {
			return Minting{}, err
		}
		if !authorization.Scopes.ContainsAll(wanted) {
			return Minting{}, oauth.Refuse(oauth.InvalidScope, "the scope is wider than what was granted")
		}
		if minting.Scopes = wanted.Intersect(left.Scopes); len(minting.Scopes) == 0 && len(wanted) > 0 {
			return Minting{}, oauth.Refuse(oauth.InvalidScope, "the client may have none of these scopes any more")
		}
	}
	resources, err := narrowResources(request, left.Resources)
	if err != nil {
		return Minting{}, err
	}
	minting.Audience = resources
	if len(authorization.Resources) == 0 {
		minting.Audience = []string{s.issuer} // the documented default (RFC 9068 section 3)
	}
	lifetime := cmp.Or(request.Client.AccessTokenLifetime.Duration(), s.lifetimes.AccessToken)
	minting.ExpiresAt = minting.IssuedAt.Add(lifetime)
	if family := authorization.Family; family != nil {
		minting.ExpiresAt = family.atMost(minting.ExpiresAt)
	}
	return minting, nil
}

// left returns what is left of an authorization, and refuses if nothing is: a token without any scope or resource would
// be another one than was authorized, perhaps a wider one.
func (s *Service) left(ctx context.Context, owner client.Client, authorization *Authorization) (entitlement.Authorization, error) {
	authorized := entitlement.Authorization{Scopes: authorization.Scopes, Resources: authorization.Resources}
	var userID *uuid.UUID
	if family := authorization.Family; family != nil {
		authorized.Claims, userID = family.Claims, &family.UserID
	}
	limits, err := s.limits(ctx, owner, userID, authorized.Scopes)
	if err != nil {
		return entitlement.Authorization{}, err
	}
	left := authorized.Within(limits)
	noScopes, noResources := authorized.HasLost(left)
	switch {
	case noScopes && authorized.Scopes.OnlyAdministration():
		return left, oauth.Refuse(oauth.InvalidScope, "only an administrator may have these scopes")
	case noScopes:
		return left, oauth.Refuse(oauth.InvalidScope, "the client may have none of these scopes any more")
	case noResources:
		return left, oauth.Refuse(oauth.InvalidTarget, "the client may have tokens for none of these resources any more")
	}
	if authorization.Family == nil {
		return left, nil
	}
	family, counts := authorization.Family.within(limits)
	switch {
	case authorization.Use.Code != nil: // what begins now doesn't outlive its session if it may not
		begun := *authorization.Family
		begun.Offline = family.Offline
		authorization.Family = &begun
	case !counts:
		return left, oauth.Refuse(oauth.InvalidGrant, "the session has ended, and the client may not have offline access any more")
	}
	return left, nil
}

// narrowResources returns the resources that a request names among those that are left, or all of these.
func narrowResources(request *Request, left []string) ([]string, error) {
	find := func(requested string) (string, bool) { return oauth.FindResource(left, requested) }
	narrowed, err := oauth.SelectResources(request.Params.All("resource"), find, "the resource was not granted")
	if err != nil || len(narrowed) > 0 {
		return narrowed, err
	}
	return left, nil
}

// refreshing is the refresh token of a response.
type refreshing struct {
	value  secret.Redacted // zero: none
	rotate bool
	stored *RefreshToken // nil: none to store
	extend RefreshToken  // with a time of expiry: the one that is kept
}

// refreshToken decides about the refresh token of a response (OAuth 2.1 section 4.3).
func (s *Service) refreshToken(request *Request, authorization *Authorization) refreshing {
	family := authorization.Family
	if family == nil || !request.Client.MayUse(oauth.RefreshToken) {
		return refreshing{}
	}
	expiresAt := policy.RefreshExpiry(request.Now, s.lifetimes.RefreshTokenIdle, family.ExpiresAt)
	value := secret.Redacted{}
	switch use := authorization.Use.Refresh; {
	case use == nil:
		value = secret.New()
	case request.Client.RotatesRefreshTokens():
		value = secret.Derive(s.successorKey, "authly refresh token successor", use.Presented)
	default:
		return refreshing{value: use.Presented, extend: RefreshToken{ExpiresAt: expiresAt}}
	}
	return refreshing{value: value, rotate: authorization.Use.Refresh != nil, stored: &RefreshToken{
		ID: id.New(), Digest: secret.Hash(value), FamilyID: family.ID, CreatedAt: request.Now, ExpiresAt: expiresAt,
	}}
}

// idToken returns the ID token of a response, or "" if openid was not granted.
func (s *Service) idToken(ctx context.Context, minting Minting, access Minted) (string, error) {
	family := minting.Authorization.Family
	if family == nil || !minting.Scopes.Has(oauth.ScopeOpenID) {
		return "", nil
	}
	requested, err := s.requestedClaims(ctx, family.UserID, minting.Claims)
	if err != nil {
		return "", err
	}
	token := oidc.IDToken{
		Issuer: s.issuer, Subject: minting.Subject, ClientID: minting.Client.ClientID, Nonce: minting.Authorization.Nonce,
		AuthenticationTime: family.AuthenticatedAt, AuthenticationMethods: family.AuthenticationMethods,
		AuthenticationContextClass: oidc.ContextClass(family.AuthenticationMethods), Requested: requested,
		AccessToken: access.Value.Reveal(), Algorithm: minting.Client.IDTokenAlgorithm, IssuedAt: minting.IssuedAt, Lifetime: s.lifetimes.IDToken,
	}
	if family.SessionID != nil {
		token.SessionID = s.subjects.SessionOf(minting.Client, *family.SessionID)
	}
	signed, err := s.keys.Sign(minting.Client.IDTokenAlgorithm, jose.TypeJWT, token.Claims())
	if err != nil {
		return "", fmt.Errorf("sign an ID token: %w", err)
	}
	if minting.Client.IDTokenEncryption() == (client.Encryption{}) {
		return signed, nil
	}
	encrypted, err := s.clientKeys.Encrypt(ctx, minting.Client, minting.Client.IDTokenEncryption(), signed)
	if err != nil {
		return "", fmt.Errorf("encrypt an ID token: %w", err)
	}
	return encrypted, nil
}

// requestedClaims returns the claims about the person that the ID token was asked
// for by name (OpenID Connect Core 1.0 section 5.5).
func (s *Service) requestedClaims(ctx context.Context, userID uuid.UUID, requested oidc.ClaimsRequest) (map[string]any, error) {
	names := oidc.Names(requested.IDToken)
	if len(names) == 0 {
		return nil, nil
	}
	known, err := s.people.Claims(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("find the claims for an ID token: %w", err)
	}
	return known.ClaimsByName(names), nil
}

// record stores what the response promises. A code or refresh token that turns
// out to have been used ends its family (OAuth 2.1 sections 4.1.3 and 4.3.1).
func (s *Service) record(ctx context.Context, minting Minting, access Minted, refresh refreshing) error {
	use := minting.Authorization.Use
	record := Record{
		Now: minting.IssuedAt, Use: use, Rotate: refresh.rotate, NewRefresh: refresh.stored, IdleExpiry: refresh.extend.ExpiresAt,
		Client:   JudgedClient{minting.Client.ID, minting.Client.Epoch, minting.Client.UpdatedAt},
		ClientID: minting.Client.ClientID, Origin: s.audit.Origin(ctx),
		Access: AccessToken{
			ID: minting.ID, Digest: access.Digest, Client: minting.Client.ID, Scopes: minting.Scopes, Audience: minting.Audience,
			IssuedAt: minting.IssuedAt, ExpiresAt: minting.ExpiresAt,
		},
	}
	if family := minting.Authorization.Family; family != nil {
		record.Access.FamilyID, record.UserID = &family.ID, &family.UserID
		if !family.Offline {
			record.SessionID = family.SessionID
		}
		if use.Code != nil {
			record.NewFamily = family
		}
	}
	if s.keeper != nil {
		from, err := s.keeper.SealOrigin(ctx, record.Access.ID, record.UserID)
		if err != nil {
			return fmt.Errorf("store a token response: %w", err)
		}
		record.Access.Origin = from
	}
	err := s.recorder.Do(ctx, record)
	switch {
	case errors.Is(err, ErrCodeUsed):
		if err := s.RevokeFamily(ctx, use.Code.ID, ReasonCodeReplayed); err != nil {
			return err
		}
		return oauth.Refuse(oauth.InvalidGrant, "the code can't be used any more").Because(err)
	case errors.Is(err, ErrRefreshReused):
		if err := s.RevokeFamily(ctx, minting.Authorization.Family.ID, ReasonRefreshReused); err != nil {
			return err
		}
		return oauth.Refuse(oauth.InvalidGrant, "the refresh token can't be used any more").Because(err)
	case errors.Is(err, ErrEnded):
		return oauth.Refuse(oauth.InvalidGrant, "the refresh token can't be used any more").Because(err)
	case err != nil:
		return fmt.Errorf("store a token response: %w", err)
	}
	return nil
}
