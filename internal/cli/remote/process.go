package remote

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"authly/internal/platform/secret"
)

// InProcess returns a client of a server in this process, which asks for no token. The
// issuer is that of the server.
func InProcess(issuer string, server http.Handler, agent string) *Client {
	return New(Options{Server: issuer, HTTP: &http.Client{Transport: process{server}}, Tokens: noTokens{}, Agent: agent})
}

type noTokens struct{}

func (noTokens) Token(context.Context, string) (secret.Redacted, error) {
	return secret.Redacted{}, nil
}

func (noTokens) Renew(context.Context, string, secret.Redacted) (secret.Redacted, error) {
	return secret.Redacted{}, nil
}

func (noTokens) StepUp(context.Context, string, time.Duration) (secret.Redacted, error) {
	return secret.Redacted{}, nil
}

// process hands requests to a handler.
type process struct{ server http.Handler }

// RoundTrip implements [http.RoundTripper].
func (p process) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := request.Clone(request.Context())
	asked.Header.Del("Authorization")
	asked.RequestURI, asked.Host = request.URL.RequestURI(), request.URL.Host // and no address: it comes from nowhere
	answer := &recorder{header: http.Header{}}
	p.server.ServeHTTP(answer, asked)
	if answer.status == 0 {
		answer.status = http.StatusOK
	}
	return &http.Response{
		Status: strconv.Itoa(answer.status) + " " + http.StatusText(answer.status), StatusCode: answer.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: answer.header, Request: request,
		Body: io.NopCloser(&answer.body), ContentLength: int64(answer.body.Len()),
	}, nil
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(content []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(content)
}
