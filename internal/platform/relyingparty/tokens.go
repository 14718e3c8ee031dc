package relyingparty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"authly/internal/platform/secret"
)

// Tokens is a response of the token endpoint.
type Tokens struct {
	Access, Refresh secret.Redacted
	Lifetime        time.Duration
	Scope           string
	// Person is the user who signed in. It is zero for a client on its own behalf and for
	// tokens that were renewed.
	Person Person
}

// Person is the user whom an ID token is about.
type Person struct {
	Subject  string `json:"sub"`
	Username string `json:"preferred_username"`
	Name     string `json:"name"`
}

// Refusal is an error response of OAuth (RFC 6749 sections 4.1.2.1 and 5.2).
type Refusal struct {
	Code        string
	Description string
}

func (r *Refusal) Error() string {
	if r.Description == "" {
		return r.Code
	}
	return r.Code + ": " + r.Description
}

// IsRefusal reports whether an error is a refusal with the code.
func IsRefusal(err error, code string) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.Code == code
}

type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token"`
}

// exchange sends a request to the token endpoint.
func (p Provider) exchange(ctx context.Context, form url.Values, options ...func(*http.Request)) (tokenResponse, error) {
	status, body, err := p.ask(ctx, http.MethodPost, p.Token, form, options...)
	if err != nil {
		return tokenResponse{}, err
	}
	if status != http.StatusOK {
		return tokenResponse{}, refusalOf(status, body)
	}
	var response tokenResponse
	if err := json.Unmarshal(body, &response); err != nil {
		return tokenResponse{}, fmt.Errorf("read the answer of the token endpoint: %w", err)
	}
	if response.AccessToken == "" || !strings.EqualFold(response.TokenType, "Bearer") {
		return tokenResponse{}, errors.New("the token endpoint answered without a bearer token")
	}
	return response, nil
}

func refusalOf(status int, body []byte) error {
	var refusal struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(body, &refusal); err != nil || refusal.Code == "" {
		return fmt.Errorf("the server answered with status %d", status)
	}
	return &Refusal{refusal.Code, refusal.Description}
}

func (r tokenResponse) tokens() Tokens {
	return Tokens{
		Access: secret.FromString(r.AccessToken), Refresh: secret.FromString(r.RefreshToken),
		Lifetime: time.Duration(r.ExpiresIn) * time.Second, Scope: r.Scope,
	}
}

// Refresh uses a refresh token of a public client (RFC 6749 section 6).
func (p Provider) Refresh(ctx context.Context, clientID string, token secret.Redacted) (Tokens, error) {
	response, err := p.exchange(ctx, url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {token.Reveal()}})
	if err != nil {
		return Tokens{}, fmt.Errorf("renew the access token: %w", err)
	}
	return response.tokens(), nil
}

// ClientCredentials gets a token for a client on its own behalf (RFC 6749 section 4.4).
func (p Provider) ClientCredentials(ctx context.Context, clientID string, clientSecret secret.Redacted, scope, resource string) (Tokens, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}}
	if scope != "" {
		form.Set("scope", scope)
	}
	response, err := p.exchange(ctx, form, func(request *http.Request) { // section 2.3.1: both are encoded first
		request.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret.Reveal()))
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("get a token for the client %s: %w", clientID, err)
	}
	return response.tokens(), nil
}

// Revoke revokes a token of a public client, and with a refresh token everything that
// came from it (RFC 7009).
func (p Provider) Revoke(ctx context.Context, clientID string, token secret.Redacted) error {
	status, body, err := p.ask(ctx, http.MethodPost, p.Revocation, url.Values{"client_id": {clientID}, "token": {token.Reveal()}})
	if err == nil && status != http.StatusOK {
		err = refusalOf(status, body)
	}
	if err != nil {
		return fmt.Errorf("give the token back: %w", err)
	}
	return nil
}
