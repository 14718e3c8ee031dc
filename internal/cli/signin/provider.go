package signin

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
	// ErrNoProvider is wrapped where a server's metadata can't be had.
	ErrNoProvider = errors.New("no authorization server was found")
	errInsecure   = errors.New("plain http is only for this machine")
)

// Provider is a server with what it says about itself.
type Provider struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Keys          string `json:"jwks_uri"`
	// NamesIssuer tells whether authorization responses say whose they are (RFC 9207).
	NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`

	through *http.Client
}

// Discover reads the metadata of an issuer, which must be exactly that issuer's
// (RFC 8414 section 3.3). Errors wrap [ErrNoProvider].
func Discover(ctx context.Context, through *http.Client, issuer string) (Provider, error) {
	issuer = strings.TrimSuffix(issuer, "/")
	if err := metadata.ValidateIssuer(issuer); err != nil {
		return Provider{}, fmt.Errorf("%w: %q: %w", ErrNoProvider, issuer, err)
	}
	strict := *through
	strict.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	found := Provider{through: &strict}
	status, body, err := found.ask(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return Provider{}, fmt.Errorf("%w at %s: %w", ErrNoProvider, issuer, err)
	}
	if status != http.StatusOK {
		return Provider{}, fmt.Errorf("%w at %s: its metadata is answered with status %d", ErrNoProvider, issuer, status)
	}
	if err := json.Unmarshal(body, &found); err != nil {
		return Provider{}, fmt.Errorf("%w at %s: its metadata can't be read: %w", ErrNoProvider, issuer, err)
	}
	if found.Issuer != issuer {
		return Provider{}, fmt.Errorf("%w at %s: the metadata there is of the issuer %q", ErrNoProvider, issuer, found.Issuer)
	}
	for name, address := range map[string]string{
		"authorization_endpoint": found.Authorization, "token_endpoint": found.Token, "revocation_endpoint": found.Revocation, "jwks_uri": found.Keys,
	} {
		if err := secure(address, issuer); err != nil {
			return Provider{}, fmt.Errorf("%w at %s: %s %q: %w", ErrNoProvider, issuer, name, address, err)
		}
	}
	return found, nil
}

// secure holds that an address is https, or on this machine like its issuer.
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

// ask sends a form, or nothing, and reads the answer.
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
	response, err := p.through.Do(request)
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

// UnreachableError is returned when a server did not answer.
type UnreachableError struct{ Cause error }

func (e *UnreachableError) Error() string { return "no answer: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Cause }
