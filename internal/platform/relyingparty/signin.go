package relyingparty

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// ErrOtherSignIn is returned for a response that is not to this sign-in's request.
var ErrOtherSignIn = errors.New("the response is not to this request")

// Request is what a public client asks for.
type Request struct {
	ClientID    string
	RedirectURI string
	Scopes      []string
	Resource    string // RFC 8707
	// MaxAge is how long ago the user may have signed in at the provider, in whole seconds; 0 makes
	// the user sign in now.
	MaxAge time.Duration
	// Claims is the parameter of this name (OpenID Connect Core 1.0 section 5.5).
	Claims string
}

// SignIn is one sign-in, from its authorization request to its tokens.
type SignIn struct {
	provider               Provider
	request                Request
	clock                  clock.Clock
	state, nonce, verifier string
}

// Begin prepares a sign-in with secrets of its own.
func (p Provider) Begin(request Request, at clock.Clock) *SignIn {
	return &SignIn{p, request, at, secret.New().Reveal(), secret.New().Reveal(), secret.New().Reveal()}
}

// URL returns the authorization request.
func (s *SignIn) URL() string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {s.request.ClientID}, "redirect_uri": {s.request.RedirectURI}, "scope": {strings.Join(s.request.Scopes, " ")},
		"state": {s.state}, "nonce": {s.nonce}, "code_challenge": {oauth.CodeChallengeS256(s.verifier)}, "code_challenge_method": {"S256"},
		"resource": {s.request.Resource}, "max_age": {strconv.Itoa(int(s.request.MaxAge.Seconds()))}, "claims": {s.request.Claims},
	}
	separator := "?"
	if strings.Contains(s.provider.Authorization, "?") {
		separator = "&"
	}
	return s.provider.Authorization + separator + query.Encode()
}

// Code returns the code of an authorization response. The error is [ErrOtherSignIn] for a response without
// this sign-in's state, which anyone can send, and a [*Refusal] for an error of the provider.
func (s *SignIn) Code(response url.Values) (string, error) {
	for _, values := range response {
		if len(values) > 1 { // RFC 6749 section 3.1
			return "", ErrOtherSignIn
		}
	}
	if response.Get("state") != s.state {
		return "", ErrOtherSignIn
	}
	if issuer := response.Get("iss"); issuer != s.provider.Issuer && (response.Has("iss") || s.provider.NamesIssuer) {
		return "", errors.New("the answer came from another server than the one that was asked (RFC 9207)")
	}
	if code := response.Get("error"); code != "" {
		return "", &Refusal{code, response.Get("error_description")}
	}
	if response.Get("code") == "" {
		return "", errors.New("the server sent the browser back without a code")
	}
	return response.Get("code"), nil
}

// Redeem exchanges a code for tokens (RFC 6749 section 4.1.3) and checks the ID token.
func (s *SignIn) Redeem(ctx context.Context, code string) (Tokens, error) {
	response, err := s.provider.exchange(ctx, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {s.request.ClientID}, "code": {code}, "redirect_uri": {s.request.RedirectURI},
		"code_verifier": {s.verifier}, "resource": {s.request.Resource},
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("redeem the code: %w", err)
	}
	tokens := response.tokens()
	tokens.Person, err = s.provider.person(ctx, response.IDToken, s.request.ClientID, s.nonce, s.clock.Now())
	return tokens, err
}
