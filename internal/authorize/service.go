package authorize

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/interaction"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/session"
	"authly/internal/token"
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

// Subjects says by which identifier a client knows a user.
type Subjects interface {
	Of(known client.Client, userID uuid.UUID) string
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
		facts.Subject, facts.ContextClass = s.subjects.Of(known, who.session.UserID), oidc.ContextClass(who.session.Methods)
		allowed, err := s.allowed(ctx, under.Request, known, who.session)
		if err != nil {
			return "", nil, err
		}
		facts.Allowed = allowed
	}
	step, refusal := interaction.Next(facts)
	return step, refusal, nil
}

// nextFor is next for the request as the person can have it, which it becomes.
func (s *Service) nextFor(ctx context.Context, under *interaction.Interaction, known client.Client, who signedIn) (interaction.Step, *oauth.Error, error) {
	narrowed, nothingLeft, err := s.forPerson(ctx, under.Request, known, who)
	if err != nil {
		return "", nil, err
	}
	under.Request = narrowed
	step, refusal, err := s.next(ctx, *under, known, who)
	if err == nil && nothingLeft != nil && (step == interaction.StepConsent || step == interaction.StepRespond) {
		return interaction.StepRefuse, nothingLeft, nil
	}
	return step, refusal, err
}

// signedIn is who uses the browser, if anybody.
type signedIn struct {
	session session.Session
	ok      bool
}

// allowed tells whether the person need not be asked.
func (s *Service) allowed(ctx context.Context, request interaction.Request, known client.Client, who session.Session) (bool, error) {
	if known.SkipsConsent() {
		return true, nil
	}
	if !consent.MayRemember(known, request.RedirectURI) {
		return false, nil
	}
	given, found, err := s.grants.Find(ctx, known.ID, who.UserID)
	if err != nil {
		return false, err
	}
	wanted := consent.Wanted{Scopes: request.Scopes, Resources: request.Resources, Claims: claimsBeyondScopes(request)}
	return found && given.Covers(wanted), nil
}

// describe returns what a client may read of a refusal.
func describe(err error) string {
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		return refusal.Description
	}
	return ""
}
