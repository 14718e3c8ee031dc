package authorize

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/interaction"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/session"
	"authly/internal/token"
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
	// Confirmed is unset if the person has to say first that the browser may go to the client.
	Confirmed bool
	// Error is the code of a refusal, "" for a response with a code.
	Error oauth.ErrorCode
}

// Location returns where the browser is sent with a response in the query.
func (r Response) Location() string {
	return oauth.RedirectURIWithParameters(r.RedirectURI, r.Parameters)
}

// allowed is who allowed a request, in which session.
type allowed struct {
	session session.Session
	// sessionState returns what the client may watch the session by; nil if it can't.
	sessionState func() string
	decision     decision
}

// decision says whether the person was asked now, or need not be.
type decision string

const (
	decidedNow    decision = "now"
	decidedBefore decision = "before"
)

// errChanged is returned when what led to a decision holds no more at the moment at which the code is issued: the client,
// the session, the person's rights or an earlier consent. The request is judged anew then.
var errChanged = errors.New("what was decided doesn't hold any more")

// decided is what the log is told of a person's answer.
func decided(action audit.Action, request interaction.Request, known client.Client, who session.Session) audit.Event {
	return audit.Event{
		Action: action, Actor: audit.Actor{Kind: audit.User, ID: who.UserID.String()}, ClientID: known.ClientID,
		Target: audit.Target{Kind: "client", ID: known.ClientID, Name: known.Name}, Details: audit.Details{Scopes: request.Scopes},
	}
}

// respond issues the code for a request that the person has allowed, and
// returns what the browser takes to the client. The error is [errChanged] if that holds no more.
func (s *Service) respond(ctx context.Context, request interaction.Request, known client.Client, by allowed, stored *interaction.Interaction) (Response, error) {
	value, err := s.issue(ctx, request, by, stored)
	if err != nil {
		return Response{}, fmt.Errorf("answer an authorization request: %w", err)
	}
	parameters := []oauth.Parameter{{Name: "code", Value: value.Reveal()}}
	if by.sessionState != nil {
		parameters = append(parameters, oauth.Parameter{Name: "session_state", Value: by.sessionState()})
	}
	made, err := s.response(request, known, parameters...)
	made.Confirmed = true // by the consent, now or before
	return made, err
}

// issue issues the code. All that was decided before is judged again in its transaction: client and rights are read
// again, the grant is locked, and the code is stored only while the session counts. A stored interaction ends in the same
// transaction, so that it can't be answered twice.
func (s *Service) issue(ctx context.Context, request interaction.Request, by allowed, stored *interaction.Interaction) (value secret.Redacted, err error) {
	who := by.session
	maxAge, err := oidc.ParseMaxAge(request.MaxAge)
	if err != nil {
		return value, fmt.Errorf("read a stored request: %w", err)
	}
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		if stored != nil {
			if err := s.interactions.Complete(ctx, stored.ID); err != nil {
				return err
			}
		}
		known, err := s.unchanged(ctx, request, who)
		if err != nil {
			return err
		}
		given, err := s.grant(ctx, request, known, by)
		if fault.KindOf(err) == fault.NotFound { // the account was deleted
			return errChanged
		}
		if err != nil {
			return err
		}
		value, err = s.codes.IssueCode(ctx, token.Code{
			RedirectURI: request.RedirectURI, CodeChallenge: request.CodeChallenge, Nonce: request.Nonce,
			Delegation: token.Delegation{
				Client: request.Client, ClientEpoch: known.Epoch, UserID: who.UserID, GrantID: given.ID, SessionID: &who.ID,
				Scopes: request.Scopes, Resources: request.Resources, Claims: request.Claims,
				AuthenticationMethods: who.Methods, AuthenticatedAt: who.AuthenticatedAt, MaxAgeRequested: maxAge.Sent(),
			},
		})
		if errors.Is(err, token.ErrSessionEnded) {
			return errChanged
		}
		return err
	})
	return value, err
}

// unchanged returns the client of a request as it is in the transaction of ctx, or [errChanged] if the request would be
// another one now.
func (s *Service) unchanged(ctx context.Context, request interaction.Request, who session.Session) (client.Client, error) {
	known, err := s.clients.Find(ctx, request.ClientID)
	if fault.KindOf(err) == fault.NotFound || err == nil && !(mayAnswer(known, request) && known.MayUse(oauth.AuthorizationCode)) {
		return client.Client{}, errChanged
	}
	if err != nil {
		return client.Client{}, err
	}
	now, nothingLeft, err := s.asItIsNow(ctx, request, known, who.UserID)
	if err != nil {
		return client.Client{}, err
	}
	if nothingLeft != nil || !reflect.DeepEqual(now, request) {
		return client.Client{}, errChanged
	}
	return known, nil
}

// mayAnswer reports whether a client may still be sent a response to a request.
func mayAnswer(known client.Client, request interaction.Request) bool {
	return known.ID == request.Client && known.IsActive() && known.HasRedirectURI(request.RedirectURI)
}

// grant returns the grant that a code hangs from, locked until the end of the transaction of ctx. Only a decision of now
// makes or widens one, and each such decision is an event; one of before must find its grant.
func (s *Service) grant(ctx context.Context, request interaction.Request, known client.Client, by allowed) (consent.Grant, error) {
	who, asked := by.session, wanted(request, known)
	made := consent.Grant{Client: request.Client, UserID: who.UserID, Permissions: asked.Permissions, Claims: asked.Claims, ReliedOn: asked.ReliedOn}
	switch {
	case by.decision == decidedNow:
		given, err := s.grants.Allow(ctx, made)
		if err != nil {
			return consent.Grant{}, err
		}
		return given, s.audit.Record(ctx, decided(audit.ConsentGive, request, known, who))
	case known.SkipsConsent():
		given, changed, err := s.grants.LetThrough(ctx, made)
		if err != nil || !changed {
			return given, err
		}
		return given, s.audit.Record(ctx, decided(audit.ConsentSkip, request, known, who))
	case !consent.MayRemember(known, request.RedirectURI):
		return consent.Grant{}, errChanged
	default:
		given, found, err := s.grants.Recall(ctx, known.ID, who.UserID, asked)
		if err == nil && !found {
			err = errChanged
		}
		return given, err
	}
}

// deny ends an interaction whose request the person did not allow, while session and client count and the redirect URI is
// still the client's; else the error is [errChanged]. The response is made after that, since it may have to be signed.
func (s *Service) deny(ctx context.Context, bound interaction.Interaction, who session.Session) (Response, error) {
	var known client.Client
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		declined, err := s.interactions.Decline(ctx, bound.ID, who.ID)
		if err != nil {
			return err
		}
		if known, err = s.clients.Find(ctx, bound.Request.ClientID); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
		if !declined || err != nil || !mayAnswer(known, bound.Request) {
			return errChanged
		}
		return s.audit.Record(ctx, decided(audit.ConsentDeny, bound.Request, known, who))
	})
	if err != nil {
		return Response{}, err
	}
	return s.refuse(ctx, bound.Request, known, signedIn{who, true}, nil, oauth.Refuse(oauth.AccessDenied, "the user did not allow the request"))
}

// refuse ends a stored interaction and returns what the browser takes to the client.
func (s *Service) refuse(ctx context.Context, request interaction.Request, known client.Client, who signedIn, stored *interaction.Interaction, refusal *oauth.Error) (Response, error) {
	confirmed, err := s.mayRedirectSilently(ctx, known, who)
	if err != nil {
		return Response{}, err
	}
	if stored != nil {
		if err := s.interactions.Complete(ctx, stored.ID); err != nil {
			return Response{}, err
		}
	}
	parameters := []oauth.Parameter{{Name: "error", Value: string(refusal.Code)}}
	if refusal.Description != "" {
		parameters = append(parameters, oauth.Parameter{Name: "error_description", Value: refusal.Description})
	}
	made, err := s.response(request, known, parameters...)
	made.Confirmed, made.Error = confirmed, refusal.Code
	return made, err
}

// mayRedirectSilently reports whether an error may send the browser to the client without a question.
// A client that registered itself without an initial access token needs a live consent of the person who is signed
// in, to the client as it presents itself now: otherwise anyone could register an address, and have this server send people there (RFC 9700 section 4.11.2).
func (s *Service) mayRedirectSilently(ctx context.Context, known client.Client, who signedIn) (bool, error) {
	if !known.RegisteredOpenly {
		return true, nil
	}
	if !who.ok {
		return false, nil
	}
	return s.grants.IsRemembered(ctx, known.ID, who.session.UserID, consent.Wanted{ReliedOn: consent.ReliedOn(known)})
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
