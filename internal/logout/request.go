package logout

import (
	"context"
	"fmt"
	"time"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// Request is a logout that was asked for, after the rules of RP-Initiated Logout 1.0
// section 2. Its zero value is that of a person who asks for it themselves.
type Request struct {
	// ClientID is that of the client to which the ID token was issued, or which says
	// so of itself; "" if there is none, or none that may act.
	ClientID string `json:"client_id,omitempty"`
	// Subject and SessionID are those of the ID token that was sent; "" without one.
	Subject   string `json:"sub,omitempty"`
	SessionID string `json:"sid,omitempty"`
	// HintIssuedAt is when that ID token was issued; zero without one.
	HintIssuedAt time.Time `json:"hint_issued_at,omitzero"`
	// RedirectURI is registered for the client; "" if the browser goes nowhere.
	RedirectURI string `json:"post_logout_redirect_uri,omitempty"`
	State       string `json:"state,omitempty"`
}

// hasHint tells whether the client proved who it is with an ID token.
func (r Request) hasHint() bool { return r.Subject != "" }

// location returns where the browser goes after the logout. Nothing but the state
// is added, and that only if one was sent (section 3).
func (r Request) location() string {
	return oauth.RedirectURIWithParameters(r.RedirectURI, []oauth.Parameter{{Name: "state", Value: r.State}})
}

// Refusal is a request with which nothing is done: nobody is signed out and nobody
// is sent anywhere (section 4).
type Refusal struct {
	// Message is the key of what the person is told.
	Message string
	// Description is for the developer of the client.
	Description string
}

// Error returns the description, for the log.
func (r *Refusal) Error() string { return string(oauth.InvalidRequest) + ": " + r.Description }

// Read turns parameters into a request. logout_hint and ui_locales are taken and
// change nothing: nobody is chosen here, and there is one language. The error is a
// [*Refusal], an [*oauth.Error], or a fault of our own.
func (s *Service) Read(ctx context.Context, params oauth.Params, malformed error) (Request, error) {
	if malformed != nil {
		return Request{}, malformed
	}
	request := Request{ClientID: params.Get("client_id")}
	if sent := params.Get("id_token_hint"); sent != "" {
		hint, err := s.readHint(sent)
		if err != nil {
			return Request{}, &Refusal{"logout.hint_invalid", "id_token_hint is not an ID token that this server signed"}
		}
		if request.ClientID != "" && request.ClientID != hint.ClientID {
			return Request{}, &Refusal{"logout.client_mismatch", "client_id is not the client to which id_token_hint was issued"}
		}
		request.ClientID, request.Subject, request.SessionID, request.HintIssuedAt = hint.ClientID, hint.Subject, hint.SessionID, hint.IssuedAt
	}
	return s.withRedirect(ctx, request, params)
}

// readHint accepts tokens that have expired, and those that were signed with a key
// that has been retired since (section 2).
func (s *Service) readHint(token string) (oidc.Hint, error) {
	payload, err := s.keys.Verify(token, jose.TypeJWT)
	if err != nil {
		return oidc.Hint{}, err
	}
	return oidc.ParseHint(payload, s.issuer)
}

// withRedirect decides where a request may lead (section 3). Without any client
// there is nobody whose address it could be, so it leads nowhere.
func (s *Service) withRedirect(ctx context.Context, request Request, params oauth.Params) (Request, error) {
	if request.ClientID == "" {
		return request, nil
	}
	known, err := s.client(ctx, request)
	if err != nil {
		return Request{}, err
	}
	sent := params.Get("post_logout_redirect_uri")
	if sent == "" {
		return request, nil
	}
	if known == nil || !known.HasPostLogoutRedirectURI(sent) {
		return Request{}, &Refusal{
			"logout.redirect_uri_unknown",
			"post_logout_redirect_uri is not registered for this client; it must be equal to a registered one in every character",
		}
	}
	request.RedirectURI, request.State = sent, params.Get("state")
	return request, nil
}

// client returns the client of a request, or nil if it is not there, or not any
// more, or may not act.
func (s *Service) client(ctx context.Context, request Request) (*client.Client, error) {
	if request.ClientID == "" {
		return nil, nil //nolint:nilnil // nobody is a client too
	}
	known, err := s.clients.Find(ctx, request.ClientID)
	if fault.KindOf(err) == fault.NotFound || err == nil && !known.IsActive() {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, fmt.Errorf("find the client of a logout: %w", err)
	}
	return &known, nil
}
