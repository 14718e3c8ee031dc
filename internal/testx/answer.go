package testx

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Answer is what a server answered, read to its end.
type Answer struct {
	Method, URL string
	Status      int
	Header      http.Header
	Body        string
	// JSON is nil if the body is no JSON object.
	JSON map[string]any
}

// Text returns a text of the JSON object, or "".
func (a Answer) Text(name string) string {
	text, _ := a.JSON[name].(string)
	return text
}

// Query returns the parameters of the Location header.
func (a Answer) Query() url.Values {
	location, err := url.Parse(a.Header.Get("Location"))
	if err != nil {
		return nil
	}
	return location.Query()
}

// requestTimeout ends a request that hangs.
const requestTimeout = 30 * time.Second

// NewHTTPClient returns a client that follows no redirect and keeps no connection of other tests.
func NewHTTPClient(t testing.TB, jar http.CookieJar) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: jar, Timeout: requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RequestOption changes a request before it is sent.
type RequestOption func(*http.Request)

// Header sets a header.
func Header(name, value string) RequestOption {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Bearer sends an access token.
func Bearer(token string) RequestOption { return Header("Authorization", "Bearer "+token) }

// JSON sends a text as the body, in place of a form.
func JSON(text string) RequestOption {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

// As authenticates a client: with client_secret_basic if it has a secret.
func As(known Client) RequestOption {
	return func(r *http.Request) {
		if known.Secret != "" {
			r.SetBasicAuth(url.QueryEscape(known.ClientID), url.QueryEscape(known.Secret))
		}
	}
}

// Call sends a request to a path below the issuer, or to a whole URL; form may be nil.
func (s *Server) Call(method, address string, form url.Values, options ...RequestOption) Answer {
	s.t.Helper()
	through := NewHTTPClient(s.t, nil)
	if s.within != nil {
		through.Transport = s.transport()
	}
	return s.send(through, method, address, form, options...)
}

// Post is Call with POST.
func (s *Server) Post(address string, form url.Values, options ...RequestOption) Answer {
	s.t.Helper()
	return s.Call(http.MethodPost, address, form, options...)
}

// Get is Call with GET.
func (s *Server) Get(address string, options ...RequestOption) Answer {
	s.t.Helper()
	return s.Call(http.MethodGet, address, nil, options...)
}

// Token sends a request to the token endpoint as a client.
func (s *Server) Token(known Client, form url.Values) Answer {
	s.t.Helper()
	return s.Post("/oauth/token", s.identify(known, form), As(known))
}

func (s *Server) identify(known Client, form url.Values) url.Values {
	sent := url.Values{}
	for name, values := range form {
		sent[name] = values
	}
	if known.Secret == "" {
		sent.Set("client_id", known.ClientID)
	}
	return sent
}

// Introspect asks about a token as a client and returns the answer.
func (s *Server) Introspect(known Client, token string) Answer {
	s.t.Helper()
	return s.Post("/oauth/introspect", url.Values{"token": {token}}, As(known))
}

// Revoke gives a token back.
func (s *Server) Revoke(known Client, token string) Answer {
	s.t.Helper()
	return s.Post("/oauth/revoke", s.identify(known, url.Values{"token": {token}}), As(known))
}

func (s *Server) send(through *http.Client, method, address string, form url.Values, options ...RequestOption) Answer {
	s.t.Helper()
	if !strings.Contains(address, "://") {
		address = s.Issuer + address
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, address, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.within != nil {
		request = s.within(request)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, option := range options {
		option(request)
	}
	response, err := through.Do(request)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, request.URL.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatalf("read the answer of %s %s: %v", method, request.URL.Path, err)
	}
	answer := Answer{Method: method, URL: address, Status: response.StatusCode, Header: response.Header, Body: string(text)}
	_ = json.Unmarshal(text, &answer.JSON)
	s.remember(answer, form)
	return answer
}

// remember notes the secrets of an exchange for the search of the log.
func (s *Server) remember(answer Answer, form url.Values) {
	for _, name := range []string{"access_token", "refresh_token", "id_token", "client_secret", "registration_access_token"} {
		s.Secret(answer.Text(name))
	}
	s.Secret(answer.Query().Get("code"))
	for _, name := range []string{"code", "code_verifier", "refresh_token", "token", "password", "client_secret", "csrf_token", "access_token"} {
		s.Secret(form.Get(name))
	}
	for _, cookie := range (&http.Response{Header: answer.Header}).Cookies() {
		s.Secret(cookie.Value)
	}
}
