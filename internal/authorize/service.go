package authorize

import (
	"context"
	"errors"
	"fmt"

	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/interaction"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/session"
	"authly/internal/token"

	"github.com/google/uuid"
)

// Clients finds registered clients.
type Clients interface {
	Find(ctx context.Context, clientID string) (client.Client, error)
}

// Grants keeps what users allowed.
type Grants interface {
	Find(ctx context.Context, clientRecord, userID uuid.UUID) (consent.Grant, bool, error)
	Allow(ctx context.Context, wanted consent.Grant) (consent.Grant, error)
}

// Codes issues authorization codes.
type Codes interface {
	IssueCode(ctx context.Context, code token.Code) (secret.Redacted, error)
}

// Interactions ends an interaction, once.
type Interactions interface {
	Complete(ctx context.Context, interaction uuid.UUID) error
}

// next returns the step that follows for an interaction in a browser.
func (s *Service) next(ctx context.Context, under interaction.Interaction, known client.Client, who signedIn) (interaction.Step, *oauth.Error, error) {
	facts := interaction.Facts{Now: s.clock.Now(), Interaction: under, SignedIn: who.ok}
	if who.ok {
		facts.SessionID, facts.AuthenticatedAt = who.session.ID, who.session.AuthenticatedAt
		allowed, err := s.allowed(ctx, under.Request, known, who.session)
		if err != nil {
			return "", nil, err
		}
		facts.Allowed = allowed
	}
	step, refusal := interaction.Next(facts)
	return step, refusal, nil
}

// signedIn is who uses the browser, if anybody.
type signedIn struct {
	session session.Session
	ok      bool
}

// allowed tells whether the person need not be asked.
func (s *Service) allowed(ctx context.Context, request interaction.Request, known client.Client, who session.Session) (bool, error) {
	if known.Consent == client.ConsentSkip {
		return true, nil
	}
	if !consent.MayRemember(known, request.RedirectURI) {
		return false, nil
	}
	given, found, err := s.grants.Find(ctx, known.ID, who.UserID)
	if err != nil {
		return false, err
	}
	return found && given.Covers(request.Scopes, request.Resources), nil
}

// respond issues the code for a request that the person has allowed, and
// returns where the browser goes. A stored interaction ends in the same
// transaction, so that it can't be answered twice.
func (s *Service) respond(ctx context.Context, request interaction.Request, who session.Session, stored *interaction.Interaction) (string, error) {
	var value secret.Redacted
	maxAge, err := oidc.ParseMaxAge(request.MaxAge)
	if err != nil {
		return "", fmt.Errorf("read a stored request: %w", err)
	}
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		if stored != nil {
			if err := s.interactions.Complete(ctx, stored.ID); err != nil {
				return err
			}
		}
		given, err := s.grants.Allow(ctx, consent.Grant{
			Client: request.Client, UserID: who.UserID, Scopes: request.Scopes, Resources: request.Resources,
		})
		if err != nil {
			return err
		}
		value, err = s.codes.IssueCode(ctx, token.Code{
			Client: request.Client, UserID: who.UserID, GrantID: given.ID, SessionID: &who.ID, RedirectURI: request.RedirectURI,
			CodeChallenge: request.CodeChallenge, Nonce: request.Nonce, Scopes: request.Scopes, Resources: request.Resources,
			AuthenticationMethods: who.Methods, AuthenticatedAt: who.AuthenticatedAt, MaxAgeRequested: maxAge.Sent(),
		})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("answer an authorization request: %w", err)
	}
	return s.responseURL(request, oauth.Parameter{Name: "code", Value: value.Reveal()}), nil
}

// refuse ends a stored interaction and returns where the browser goes with an error.
func (s *Service) refuse(ctx context.Context, request interaction.Request, stored *interaction.Interaction, refusal *oauth.Error) (string, error) {
	if stored != nil {
		if err := s.interactions.Complete(ctx, stored.ID); err != nil {
			return "", err
		}
	}
	parameters := []oauth.Parameter{{Name: "error", Value: string(refusal.Code)}}
	if refusal.Description != "" {
		parameters = append(parameters, oauth.Parameter{Name: "error_description", Value: refusal.Description})
	}
	return s.responseURL(request, parameters...), nil
}

// responseURL adds state, when one was sent, and iss to every response (RFC 9207 section 2).
func (s *Service) responseURL(request interaction.Request, parameters ...oauth.Parameter) string {
	if request.State != "" {
		parameters = append(parameters, oauth.Parameter{Name: "state", Value: request.State})
	}
	parameters = append(parameters, oauth.Parameter{Name: "iss", Value: s.issuer})
	return oauth.RedirectURIWithParameters(request.RedirectURI, parameters)
}

// describe returns what a client may read of a refusal.
func describe(err error) string {
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		return refusal.Description
	}
	return ""
}
