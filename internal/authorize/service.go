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
	IsRemembered(ctx context.Context, clientRecord, userID uuid.UUID, wanted consent.Wanted) (bool, error)
	// The others join a transaction of the context, until the end of which the grant is locked.
	Recall(ctx context.Context, clientRecord, userID uuid.UUID, wanted consent.Wanted) (consent.Grant, bool, error)
	Allow(ctx context.Context, wanted consent.Grant) (consent.Grant, error)
	LetThrough(ctx context.Context, wanted consent.Grant) (consent.Grant, bool, error)
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
	Decline(ctx context.Context, interaction, sessionID uuid.UUID) (bool, error)
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

// nextFor narrows the request of an interaction to what it can be granted now, and returns the step that follows.
func (s *Service) nextFor(ctx context.Context, under *interaction.Interaction, known client.Client, who signedIn) (interaction.Step, *oauth.Error, error) {
	var nothingLeft *oauth.Error
	if who.ok {
		var err error
		if under.Request, nothingLeft, err = s.asItIsNow(ctx, under.Request, known, who.session.UserID); err != nil {
			return "", nil, err
		}
	}
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

// allowed reports whether the person need not be asked. It is judged again when the code is issued; see [Service.grant].
func (s *Service) allowed(ctx context.Context, request interaction.Request, known client.Client, who session.Session) (bool, error) {
	if known.SkipsConsent() {
		return true, nil
	}
	if !consent.MayRemember(known, request.RedirectURI) {
		return false, nil
	}
	return s.grants.IsRemembered(ctx, known.ID, who.UserID, wanted(request, known))
}

// wanted returns what a person has to allow for a request.
func wanted(request interaction.Request, known client.Client) consent.Wanted {
	return consent.Wanted{
		Permissions: oauth.PermissionsOf(request.Scopes, request.Resources), Claims: claimsBeyondScopes(request), ReliedOn: consent.ReliedOn(known),
	}
}

// describe returns what a client may read of a refusal.
func describe(err error) string {
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		return refusal.Description
	}
	return ""
}
