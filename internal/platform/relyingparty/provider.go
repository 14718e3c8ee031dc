package relyingparty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"authly/internal/protocol/metadata"
)

// maxAnswerBytes bounds what is read of an answer.
const maxAnswerBytes = 1 << 20

var (
	// ErrNoProvider is wrapped where the metadata of a provider can't be read.
	ErrNoProvider = errors.New("no authorization server was found")
	errInsecure   = errors.New("plain http is only for this machine")
)

// Provider is an OpenID provider with its metadata.
type Provider struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Keys          string `json:"jwks_uri"`
	// NamesIssuer reports whether authorization responses name their issuer (RFC 9207).
	NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`

	client *http.Client
}

// Discover reads the metadata of an issuer, which must be exactly that issuer's
// (RFC 8414 section 3.3). Errors wrap [ErrNoProvider].
func Discover(ctx context.Context, client *http.Client, issuer string) (Provider, error) {
	issuer = strings.TrimSuffix(issuer, "/")
	if err := metadata.ValidateIssuer(issuer); err != nil {
		return Provider{}, fmt.Errorf("%w: %q: %w", ErrNoProvider, issuer, err)
	}
	strict := *client
	strict.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	provider := Provider{client: &strict}
	status, body, err := provider.ask(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return Provider{}, fmt.Errorf("%w at %s: %w", ErrNoProvider, issuer, err)
	}
	if status != http.StatusOK {
		return Provider{}, fmt.Errorf("%w at %s: its metadata is answered with status %d", ErrNoProvider, issuer, status)
	}
	if err := json.Unmarshal(body, &provider); err != nil {
		return Provider{}, fmt.Errorf("%w at %s: its metadata can't be read: %w", ErrNoProvider, issuer, err)
	}
	if provider.Issuer != issuer {
		return Provider{}, fmt.Errorf("%w at %s: the metadata there is of the issuer %q", ErrNoProvider, issuer, provider.Issuer)
	}
	for name, address := range map[string]string{
		"authorization_endpoint": provider.Authorization, "token_endpoint": provider.Token, "revocation_endpoint": provider.Revocation, "jwks_uri": provider.Keys,
	} {
		if err := secure(address, issuer); err != nil {
			return Provider{}, fmt.Errorf("%w at %s: %s %q: %w", ErrNoProvider, issuer, name, address, err)
		}
	}
	return provider, nil
}

// secure checks that an address is https, or on this machine as its issuer is.
func secure(address, issuer string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("is no address: %w", err)
	}
	if parsed.Scheme == "https" && parsed.Host != "" {
		return nil
	}
	if parsed.Scheme == "http" && metadata.IsLoopbackIssuer(issuer) && metadata.IsLoopbackIssuer("http://"+parsed.Host) {
		return nil
	}
	return errInsecure
}

// ask sends a request, with a form if there is one, and reads the answer.
func (p Provider) ask(ctx context.Context, method, address string, form url.Values, options ...func(*http.Request)) (int, []byte, error) {
	var sent io.Reader = http.NoBody
	if form != nil {
		sent = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, address, sent)
	if err != nil {
		return 0, nil, fmt.Errorf("prepare a request: %w", err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", "application/json")
	for _, option := range options {
		option(request)
	}
	response, err := p.client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) { // its address would repeat what was asked
			err = wrapped.Err
		}
		return 0, nil, &UnreachableError{err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return 0, nil, &UnreachableError{err}
	}
	return response.StatusCode, body, nil
}

// UnreachableError is returned where a provider did not answer.
type UnreachableError struct{ Cause error }

func (e *UnreachableError) Error() string { return "no answer: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Cause }
