package authorize

import (
	"context"
	"fmt"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/session"
	"authly/internal/token"

	"authly/internal/consent"
)

// Signer signs authorization responses.
type Signer interface {
	Sign(algorithm jose.Algorithm, typ string, claims any) (string, error)
}

// responseLifetime is how long a signed response can be used: as long as the
// specification allows at most (JWT Secured Authorization Response Mode, section 2.1).
const responseLifetime = 10 * time.Minute

// Response is what the browser takes to the client.
type Response struct {
	RedirectURI string
	// Parameters go into the query, or into a form that is posted.
	Parameters []oauth.Parameter
	ByPost     bool
}

// Location returns where the browser is sent with a response in the query.
func (r Response) Location() string {
	return oauth.RedirectURIWithParameters(r.RedirectURI, r.Parameters)
}

// allowed is who allowed a request, in which session.
type allowed struct {
	session      session.Session
	sessionState string // "" if the client can't watch the session
	decision     decision
}

// decision tells whether the person was asked now, or had allowed it before.
type decision string

const (
	decidedNow    decision = "now"
	decidedBefore decision = "before"
)

// decided is what the log is told of a person's answer.
func decided(action audit.Action, request interaction.Request, known client.Client, who session.Session) audit.Event {
	return audit.Event{
		Action: action, Actor: audit.Actor{Kind: audit.User, ID: who.UserID.String()}, ClientID: known.ClientID,
		Target: audit.Target{Kind: "client", ID: known.ClientID, Name: known.Name}, Details: audit.Details{Scopes: request.Scopes},
	}
}

// respond issues the code for a request that the person has allowed, and
// returns what the browser takes to the client. A stored interaction ends in the same
// transaction, so that it can't be answered twice.
func (s *Service) respond(ctx context.Context, request interaction.Request, known client.Client, by allowed, stored *interaction.Interaction) (Response, error) {
	who := by.session
	var value secret.Redacted
	maxAge, err := oidc.ParseMaxAge(request.MaxAge)
	if err != nil {
		return Response{}, fmt.Errorf("read a stored request: %w", err)
	}
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		if stored != nil {
			if err := s.interactions.Complete(ctx, stored.ID); err != nil {
				return err
			}
		}
		given, err := s.grants.Allow(ctx, consent.Grant{
			Client: request.Client, UserID: who.UserID, Scopes: request.Scopes, Resources: request.Resources, Claims: claimsBeyondScopes(request),
		})
		if err != nil {
			return err
		}
		if by.decision == decidedNow {
			if err := s.audit.Record(ctx, decided(audit.ConsentGive, request, known, who)); err != nil {
				return err
			}
		}
		value, err = s.codes.IssueCode(ctx, token.Code{
			Client: request.Client, ClientEpoch: known.Epoch, UserID: who.UserID, GrantID: given.ID, SessionID: &who.ID, RedirectURI: request.RedirectURI,
			CodeChallenge: request.CodeChallenge, Nonce: request.Nonce, Scopes: request.Scopes, Resources: request.Resources,
			Claims: request.Claims, AuthenticationMethods: who.Methods, AuthenticatedAt: who.AuthenticatedAt, MaxAgeRequested: maxAge.Sent(),
		})
		return err
	})
	if err != nil {
		return Response{}, fmt.Errorf("answer an authorization request: %w", err)
	}
	parameters := []oauth.Parameter{{Name: "code", Value: value.Reveal()}}
	if by.sessionState != "" {
		parameters = append(parameters, oauth.Parameter{Name: "session_state", Value: by.sessionState})
	}
	return s.response(request, known, parameters...)
}

// deny ends an interaction whose request the person did not allow. The response is made
// after that, since it may have to be signed.
func (s *Service) deny(ctx context.Context, bound interaction.Interaction, known client.Client, who session.Session) (Response, error) {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.interactions.Complete(ctx, bound.ID); err != nil {
			return err
		}
		return s.audit.Record(ctx, decided(audit.ConsentDeny, bound.Request, known, who))
	})
	if err != nil {
		return Response{}, err
	}
	return s.refuse(ctx, bound.Request, known, nil, oauth.Refuse(oauth.AccessDenied, "the user did not allow the request"))
}

// refuse ends a stored interaction and returns what the browser takes to the client.
func (s *Service) refuse(ctx context.Context, request interaction.Request, known client.Client, stored *interaction.Interaction, refusal *oauth.Error) (Response, error) {
	if stored != nil {
		if err := s.interactions.Complete(ctx, stored.ID); err != nil {
			return Response{}, err
		}
	}
	parameters := []oauth.Parameter{{Name: "error", Value: string(refusal.Code)}}
	if refusal.Description != "" {
		parameters = append(parameters, oauth.Parameter{Name: "error_description", Value: refusal.Description})
	}
	return s.response(request, known, parameters...)
}

// response adds state, when one was sent, and iss to every response (RFC 9207
// section 2), and gives it the requested form.
func (s *Service) response(request interaction.Request, known client.Client, parameters ...oauth.Parameter) (Response, error) {
	if request.State != "" {
		parameters = append(parameters, oauth.Parameter{Name: "state", Value: request.State})
	}
	made := Response{RedirectURI: request.RedirectURI}
	switch request.ResponseMode {
	case oauth.ResponseModeJWT, oauth.ResponseModeQueryJWT, oauth.ResponseModeFormPostJWT:
		signed, err := s.signedResponse(known, parameters)
		if err != nil {
			return Response{}, err
		}
		made.Parameters = []oauth.Parameter{{Name: "response", Value: signed}}
	case oauth.ResponseModeQuery, oauth.ResponseModeFormPost:
		made.Parameters = append(parameters, oauth.Parameter{Name: "iss", Value: s.issuer})
	default: // none was asked for
		made.Parameters = append(parameters, oauth.Parameter{Name: "iss", Value: s.issuer})
	}
	made.ByPost = request.ResponseMode == oauth.ResponseModeFormPost || request.ResponseMode == oauth.ResponseModeFormPostJWT
	return made, nil
}

// signedResponse is the JWT of JARM section 2.1: the parameters as claims, with the
// issuer, and for whom and until when.
func (s *Service) signedResponse(known client.Client, parameters []oauth.Parameter) (string, error) {
	claims := map[string]any{"iss": s.issuer, "aud": known.ClientID, "exp": s.clock.Now().Add(responseLifetime).Unix()}
	for _, parameter := range parameters {
		claims[parameter.Name] = parameter.Value
	}
	signed, err := s.signer.Sign(known.ResponseAlgorithm, jose.TypeJWT, claims)
	if err != nil {
		return "", fmt.Errorf("sign an authorization response: %w", err)
	}
	return signed, nil
}
