package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"authly/internal/platform/secret"
)

// Path is where the administration is below the issuer; with the issuer it is the
// resource indicator of its tokens (RFC 8707).
const Path = "/api/v1/admin"

// maxAnswerBytes bounds what is read of an answer. A page of the longest list has far less.
const maxAnswerBytes = 32 << 20

// Tokens are where access tokens come from.
type Tokens interface {
	// Token returns one that counts, for an operation with the scope.
	Token(ctx context.Context, scope string) (secret.Redacted, error)
	// Renew returns another one in place of one that the server did not know.
	Renew(ctx context.Context, scope string, refused secret.Redacted) (secret.Redacted, error)
	// StepUp returns one for which the user has signed in within maxAge, in place of one whose
	// sign-in is too old for an operation (RFC 9470); the zero value if there is no way to get one.
	StepUp(ctx context.Context, scope string, maxAge time.Duration) (secret.Redacted, error)
}

// Client asks one server.
type Client struct {
	server  string
	through *http.Client
	tokens  Tokens
	agent   string
}

// Options are what a Client needs; all of it is required but the agent.
type Options struct {
	Server string // the issuer
	HTTP   *http.Client
	Tokens Tokens
	Agent  string // User-Agent
}

// New returns a client. The given HTTP client's redirects are not followed.
func New(options Options) *Client {
	through := *options.HTTP
	through.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{strings.TrimSuffix(options.Server, "/"), &through, options.Tokens, options.Agent}
}

// Server returns the issuer.
func (c *Client) Server() string { return c.server }

// Request is one operation.
type Request struct {
	Method string
	// Path is below [Path], with its parts escaped: see [Join].
	Path  string
	Query url.Values
	// Scope is what the operation declares.
	Scope string
	// Body is sent as JSON unless it is nil.
	Body any
	// IfMatch is the ETag of what is changed, as it was read; "" changes it whatever it is now.
	IfMatch string
	// Once sends a creation with an Idempotency-Key.
	Once bool
}

// Answer is what the server said.
type Answer struct {
	Status int
	ETag   string
	// Replayed tells that an earlier attempt had done it already; secrets are missing then.
	Replayed bool
	Body     json.RawMessage // empty if there is none
}

// Into reads the body.
func (a Answer) Into(destination any) error {
	if err := json.Unmarshal(a.Body, destination); err != nil {
		return fmt.Errorf("read what the server answered: %w", err)
	}
	return nil
}

// Join makes a path of parts, each of which is escaped: no part can lead elsewhere.
func Join(parts ...string) string {
	var path strings.Builder
	for _, part := range parts {
		escaped := url.PathEscape(part)
		if strings.Trim(part, ".") == "" { // "." and ".." would be resolved on the way
			escaped = strings.ReplaceAll(escaped, ".", "%2E")
		}
		path.WriteString("/" + escaped)
	}
	return path.String()
}

// Do sends a request. The error is a [*Problem], an [*UnreachableError], or one of the tokens.
func (c *Client) Do(ctx context.Context, request Request) (Answer, error) {
	response, err := c.open(ctx, request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if err != nil {
		return Answer{}, &UnreachableError{c.server, fmt.Errorf("the answer broke off: %w", err)}
	}
	if len(body) > maxAnswerBytes {
		return Answer{}, fmt.Errorf("the answer of %s is too long", c.server)
	}
	return Answer{
		Status: response.StatusCode, ETag: response.Header.Get("ETag"), Body: bytes.TrimSpace(body),
		Replayed: response.Header.Get("Idempotent-Replayed") == "true",
	}, nil
}

// Copy sends a request and writes what the server answers, however long it is.
func (c *Client) Copy(ctx context.Context, request Request, to io.Writer) error {
	patient, through := *c, *c.through
	through.Timeout = 0 // it takes what it takes, as long as there is more
	patient.through = &through
	response, err := patient.open(ctx, request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(to, response.Body); err != nil {
		return &UnreachableError{c.server, fmt.Errorf("the answer broke off: %w", err)}
	}
	return nil
}

// open sends a request, with another token if the server doesn't know the first or wants a more
// recent sign-in, each of them once, and returns an answer that is a success.
func (c *Client) open(ctx context.Context, request Request) (*http.Response, error) {
	body, err := encoded(request.Body)
	if err != nil {
		return nil, err
	}
	key := ""
	if request.Once {
		key = secret.New().Reveal()
	}
	token, err := c.tokens.Token(ctx, request.Scope)
	if err != nil {
		return nil, err
	}
	renewed, steppedUp := false, false
	for {
		response, err := c.attempts(ctx, request, body, key, token)
		if err != nil || response.StatusCode != http.StatusUnauthorized {
			return succeeded(response, err)
		}
		var next secret.Redacted
		maxAge, wanted := stepUpOf(response)
		switch {
		case wanted && !steppedUp:
			steppedUp = true
			next, err = c.tokens.StepUp(ctx, request.Scope, maxAge)
		case !wanted && !renewed:
			renewed = true
			next, err = c.tokens.Renew(ctx, request.Scope, token)
		}
		if err != nil {
			_ = response.Body.Close()
			return nil, err
		}
		if next.IsZero() {
			return succeeded(response, nil)
		}
		_ = response.Body.Close()
		token = next
	}
}

func encoded(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return text, nil
}

// succeeded returns the answer if it is a success, and otherwise its problem.
func succeeded(response *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	const maxProblemBytes = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProblemBytes))
	if err != nil {
		body = nil // the status says enough
	}
	return nil, problemOf(response, body)
}

// pauses are how long it is waited before a request is sent again.
func pauses() []time.Duration { return []time.Duration{100 * time.Millisecond, 400 * time.Millisecond} }

// attempts sends a request until there is an answer, if it may be sent more than once.
func (c *Client) attempts(ctx context.Context, request Request, body []byte, key string, token secret.Redacted) (*http.Response, error) {
	again := request.Method == http.MethodGet || request.Once
	for _, pause := range append(pauses(), 0) {
		response, err := c.send(ctx, request, body, key, token)
		if err == nil {
			return response, nil
		}
		if pause == 0 || ctx.Err() != nil || !again && !nothingSent(err) {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("ask %s: %w", c.server, context.Cause(ctx))
			}
			return nil, &UnreachableError{c.server, plain(err)}
		}
		if err := wait(ctx, pause); err != nil {
			return nil, err
		}
	}
	panic("unreachable: the last pause is none")
}

// nothingSent tells whether there was not even a connection.
func nothingSent(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "dial"
}

// plain takes the address, which says nothing new, out of an error of net/http.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (c *Client) send(ctx context.Context, request Request, body []byte, key string, token secret.Redacted) (*http.Response, error) {
	address := c.server + Path + request.Path
	if len(request.Query) > 0 {
		address += "?" + request.Query.Encode()
	}
	made, err := http.NewRequestWithContext(ctx, request.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("prepare a request: %w", err)
	}
	if body == nil {
		made.Body, made.ContentLength = http.NoBody, 0
	} else {
		made.Header.Set("Content-Type", "application/json")
	}
	for name, value := range map[string]string{"If-Match": request.IfMatch, "Idempotency-Key": key, "User-Agent": c.agent} {
		if value != "" {
			made.Header.Set(name, value)
		}
	}
	made.Header.Set("Accept", "application/json, application/problem+json, application/x-ndjson")
	made.Header.Set("Authorization", "Bearer "+token.Reveal())
	return c.through.Do(made)
}

func mediaType(response *http.Response) string {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}
