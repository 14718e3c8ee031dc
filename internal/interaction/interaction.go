package interaction

import (
	"crypto/hmac"
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// Request is a validated authorization request.
type Request struct {
	Client     uuid.UUID `json:"client"` // the client's record
	ClientID   string    `json:"client_id"`
	ClientName string    `json:"client_name"`
	ClientHost string    `json:"client_host"` // where the response goes, for users to read
	ClientURI  string    `json:"client_uri,omitempty"`
	// SelfRegistered is set for a client that registered itself, which no administrator has verified.
	SelfRegistered bool           `json:"self_registered,omitempty"`
	PolicyURI      string         `json:"policy_uri,omitempty"`
	TermsURI       string         `json:"tos_uri,omitempty"`
	RedirectURI    string         `json:"redirect_uri"`
	State          string         `json:"state,omitempty"`
	Scopes         oauth.ScopeSet `json:"scopes,omitempty"`
	Resources      []string       `json:"resources,omitempty"`
	CodeChallenge  string         `json:"code_challenge,omitempty"`
	Nonce          string         `json:"nonce,omitempty"`
	Prompts        oidc.PromptSet `json:"prompts,omitempty"`
	// ResponseMode is how the response is returned; empty means query.
	ResponseMode oauth.ResponseMode `json:"response_mode,omitempty"`
	// Sector is the sector of a client with pairwise subjects.
	Sector string `json:"sector,omitempty"`
	// Subjects restricts the users about whom the request may be answered, by the
	// subjects that the client knows; empty allows any user.
	Subjects []string `json:"subjects,omitempty"`
	// ContextClasses restricts the acceptable context classes; empty allows all.
	ContextClasses []string           `json:"acr,omitempty"`
	Claims         oidc.ClaimsRequest `json:"claims,omitzero"`
	MaxAge         string             `json:"max_age,omitempty"` // as sent, or the client's default
	LoginHint      string             `json:"login_hint,omitempty"`
	// Refusal is set when the request has a verified redirect URI but breaks
	// another rule: the client is told after the user has signed in.
	Refusal *Refusal `json:"refusal,omitempty"`
}

// AllowsSubject reports whether the request may be answered about a user with the given
// subject (OpenID Connect Core 1.0 sections 3.1.2.2 and 5.5.1).
func (r Request) AllowsSubject(subject string) bool {
	return len(r.Subjects) == 0 || slices.Contains(r.Subjects, subject)
}

// Refusal is an error to send to the client later.
type Refusal struct {
	Code        oauth.ErrorCode `json:"code"`
	Description string          `json:"description"`
}

// Interaction is one sign-in in progress.
type Interaction struct {
	ID      uuid.UUID
	Request Request
	// SessionID and AuthenticatedAt are set once a user has signed in within this interaction.
	SessionID       *uuid.UUID
	AuthenticatedAt *time.Time
	// ChosenSessionID is set once a user has chosen to continue with that session.
	ChosenSessionID *uuid.UUID
	CreatedAt       time.Time
	ExpiresAt       time.Time
	// CompletedAt is set once the response was created; the interaction can't be used any more.
	CompletedAt *time.Time
}

// SignedInWith reports whether a user signed in within this interaction, to the given session.
func (i Interaction) SignedInWith(sessionID uuid.UUID) bool {
	return i.AuthenticatedAt != nil && i.SessionID != nil && *i.SessionID == sessionID
}

// accountChosen reports whether the account of a session was chosen within this
// interaction; signing in chooses one.
func (i Interaction) accountChosen(sessionID uuid.UUID) bool {
	return i.SignedInWith(sessionID) || i.ChosenSessionID != nil && *i.ChosenSessionID == sessionID
}

// Step is what has to be done next.
type Step string

// The steps.
const (
	StepSignIn        Step = "sign_in"
	StepSelectAccount Step = "select_account"
	StepConsent       Step = "consent"
	StepRespond       Step = "respond" // with a code
	StepRefuse        Step = "refuse"  // with an error
)

// Facts are the input of the decision about the next step.
type Facts struct {
	Now         time.Time
	Interaction Interaction
	// SignedIn reports whether the browser has a live session; the next two fields are about that.
	SignedIn        bool
	SessionID       uuid.UUID
	AuthenticatedAt time.Time
	// Subject is the user's identifier for the client, and ContextClass how the user was authenticated.
	Subject      string
	ContextClass string
	// Allowed reports whether an earlier consent covers the request.
	Allowed bool
}

// Next returns the next step (OpenID Connect Core 1.0 section 3.1.2.1), and for
// [StepRefuse] the error for the client.
func Next(facts Facts) (Step, *oauth.Error) {
	request := facts.Interaction.Request
	silent := request.Prompts.Has(oidc.PromptNone)
	if !facts.SignedIn || mustSignInAgain(facts) {
		if !silent {
			return StepSignIn, nil
		}
		if request.Refusal != nil { // prompt=none never shows a page, so refuse at once
			return StepRefuse, oauth.Refuse(request.Refusal.Code, request.Refusal.Description)
		}
		return StepRefuse, oauth.Refuse(oauth.LoginRequired, "the user is not signed in")
	}
	if request.Refusal != nil {
		return StepRefuse, oauth.Refuse(request.Refusal.Code, request.Refusal.Description)
	}
	if refusal := refusalFor(facts); refusal != nil {
		return StepRefuse, refusal
	}
	if request.Prompts.Has(oidc.PromptSelectAccount) && !facts.Interaction.accountChosen(facts.SessionID) {
		return StepSelectAccount, nil
	}
	if facts.Allowed && !request.Prompts.Has(oidc.PromptConsent) {
		return StepRespond, nil
	}
	if silent {
		return StepRefuse, oauth.Refuse(oauth.ConsentRequired, "the user has not allowed this client yet")
	}
	return StepConsent, nil
}

// refusalFor returns why the request can't be answered about the signed-in user,
// or nil. If another user could still sign in, mustSignInAgain applies first.
func refusalFor(facts Facts) *oauth.Error {
	if !facts.allowsUser() { // OpenID Connect Core 1.0 section 3.1.2.2
		return oauth.Refuse(oauth.LoginRequired, "another user than the requested one is signed in")
	}
	if classes := facts.Interaction.Request.ContextClasses; len(classes) > 0 && !slices.Contains(classes, facts.ContextClass) {
		return oauth.Refuse(oauth.UnmetAuthenticationRequirements, "the user can't be authenticated in the requested way")
	}
	return nil
}

// allowsUser reports whether the request may be answered about the signed-in user.
func (f Facts) allowsUser() bool { return f.Interaction.Request.AllowsSubject(f.Subject) }

// mustSignInAgain reports whether a live session is not enough. A sign-in
// within this interaction is always enough: checking its age
// again would send a slow user round in circles.
func mustSignInAgain(facts Facts) bool {
	if facts.Interaction.SignedInWith(facts.SessionID) {
		return false
	}
	request := facts.Interaction.Request
	if request.Prompts.Has(oidc.PromptLogin) || request.Prompts.Has(oidc.PromptCreate) || !facts.allowsUser() {
		return true
	}
	maxAge, err := oidc.ParseMaxAge(request.MaxAge)
	return err != nil || maxAge.Exceeded(facts.AuthenticatedAt, facts.Now)
}

// Bound is an interaction that was loaded by its own browser.
type Bound struct {
	Interaction
	binding secret.Redacted
}

// FormToken returns the token for the form of a step. A step's name
// may include other data that must be unchanged when the form is posted.
func (b Bound) FormToken(step string) string {
	return secret.Derive(b.binding, "authly form "+step, secret.FromString(b.ID.String())).Reveal()
}

// CheckFormToken returns a fault of kind Forbidden unless token is that of the step.
func (b Bound) CheckFormToken(step, token string) error {
	if !hmac.Equal([]byte(b.FormToken(step)), []byte(token)) {
		return fault.New(fault.Forbidden, "form.invalid_token")
	}
	return nil
}
