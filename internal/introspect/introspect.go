package introspect

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/token"
	"authly/internal/user"
)

// Response is the answer (RFC 7662 section 2.2). The zero value is the answer
// about a token that is invalid or not meant for the caller.
type Response struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Username  string   `json:"username,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	NotBefore int64    `json:"nbf,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  any      `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"` // RFC 9470 section 6.2
	AMR       []string `json:"amr,omitempty"`
}

// Tokens finds valid tokens.
type Tokens interface {
	Lookup(ctx context.Context, presented secret.Redacted) (token.Live, error)
	FindRefreshToken(ctx context.Context, presented secret.Redacted) (token.RefreshToken, *token.Family, error)
	FamilyWithinLimits(ctx context.Context, owner client.Client, family token.Family) (*token.Family, error)
}

// Users finds the user of a token.
type Users interface {
	Find(ctx context.Context, id uuid.UUID) (user.User, error)
}

// Subjects returns the identifier by which a client knows a user.
type Subjects interface {
	Of(cl client.Client, userID uuid.UUID) string
}

// Deps are the dependencies of the service.
type Deps struct {
	Issuer string
	Clock  clock.Clock
	Tokens Tokens
	Users  Users

	Subjects Subjects
}

// Service answers introspection requests.
type Service struct{ Deps }

// New returns the service.
func New(deps Deps) *Service { return &Service{deps} }

// Introspect describes a token to the caller. The error is internal.
func (s *Service) Introspect(ctx context.Context, caller client.Client, presented secret.Redacted) (Response, error) {
	live, err := s.Tokens.Lookup(ctx, presented)
	if err == nil {
		return s.access(ctx, caller, live)
	}
	if !errors.Is(err, token.ErrUnknown) {
		return Response{}, fmt.Errorf("introspect an access token: %w", err)
	}
	return s.refresh(ctx, caller, presented)
}

func (s *Service) access(ctx context.Context, caller client.Client, live token.Live) (Response, error) {
	owner := live.Owner
	if len(live.Issued.Scopes) > 0 && len(live.Scopes) == 0 {
		return Response{}, nil // a resource server that checks only active must not accept it
	}
	scopes, resources := live.Scopes, live.Audience
	if owner.ID != caller.ID {
		if resources = caller.Protected(live.Audience); len(resources) == 0 {
			return Response{}, nil
		}
		scopes = s.concerning(resources, live.Scopes)
	}
	answer := Response{
		Active: true, Scope: scopes.String(), ClientID: owner.ClientID, TokenType: "Bearer", Subject: owner.ClientID,
		ExpiresAt: live.ExpiresAt.Unix(), IssuedAt: live.IssuedAt.Unix(), NotBefore: live.IssuedAt.Unix(),
		Audience: audience(resources), Issuer: s.Issuer, ID: live.ID.String(),
	}
	if live.Family == nil {
		return answer, nil
	}
	return s.withUser(ctx, answer, owner, live.Family, scopes)
}

// concerning returns the scopes that the resource server of resources may learn (RFC 7662 sections 2.2 and 4):
// all at this server itself, and elsewhere those at that resource, with the two that decide what an answer
// says about the user. The others, such as email or those of the administration, are for this server alone.
func (s *Service) concerning(resources []string, scopes oauth.ScopeSet) oauth.ScopeSet {
	if slices.Contains(resources, s.Issuer) {
		return scopes
	}
	elsewhere := oauth.IdentityScopes().Without(oauth.ScopeSet{oauth.ScopeOpenID, oauth.ScopeProfile})
	return scopes.Without(elsewhere).WithoutAdministration()
}

// refresh describes a refresh token to its own client only.
func (s *Service) refresh(ctx context.Context, caller client.Client, presented secret.Redacted) (Response, error) {
	row, family, err := s.Tokens.FindRefreshToken(ctx, presented)
	switch {
	case errors.Is(err, token.ErrUnknown):
		return Response{}, nil
	case err != nil:
		return Response{}, fmt.Errorf("introspect a refresh token: %w", err)
	case family == nil || family.Client != caller.ID || row.RotatedAt != nil || !s.Clock.Now().Before(row.ExpiresAt):
		return Response{}, nil
	}
	if family, err = s.Tokens.FamilyWithinLimits(ctx, caller, *family); err != nil || family == nil {
		return Response{}, err
	}
	return s.withUser(ctx, Response{
		Active: true, Scope: family.Scopes.String(), ClientID: caller.ClientID, ExpiresAt: row.ExpiresAt.Unix(),
		IssuedAt: row.CreatedAt.Unix(), Issuer: s.Issuer,
	}, caller, family, family.Scopes)
}

// withUser adds the claims about the token's user. The subject is the one that the
// token's own client knows, so that it is the same in the token and here. The username
// is part of the profile, and included only with that scope.
func (s *Service) withUser(ctx context.Context, answer Response, owner client.Client, family *token.Family, scopes oauth.ScopeSet) (Response, error) {
	person, err := s.Users.Find(ctx, family.UserID)
	if fault.KindOf(err) == fault.NotFound {
		return Response{}, nil
	}
	if err != nil {
		return Response{}, fmt.Errorf("find the user of a token: %w", err)
	}
	answer.Subject = s.Subjects.Of(owner, person.ID)
	if scopes.Has(oauth.ScopeProfile) && owner.SubjectType != client.SubjectPairwise { // the name would reveal what the pairwise subject hides
		answer.Username = person.Username
	}
	answer.ACR = oidc.ContextClass(family.AuthenticationMethods)
	answer.AuthTime, answer.AMR = family.AuthenticatedAt.Unix(), family.AuthenticationMethods
	return answer, nil
}

func audience(values []string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}
