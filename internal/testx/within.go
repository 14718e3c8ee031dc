package testx

import (
	"context"
	"net/http"
	"net/http/httptest"
)

// Within returns the same server, whose requests are answered in this process within ctx. What is
// in ctx reaches the handlers: a test can watch a request's statements, and hold it up between two.
func (s *Server) Within(ctx context.Context) *Server {
	same := *s
	same.within = func(request *http.Request) *http.Request { return request.WithContext(ctx) }
	return &same
}

// Within returns the same browser, with its cookies, for the requests of [Server.Within].
func (b *Browser) Within(ctx context.Context) *Browser {
	server := b.server.Within(ctx)
	client := *b.client
	client.Transport = server.transport()
	return &Browser{server, &client}
}

// transport returns what answers in this process.
func (s *Server) transport() http.RoundTripper { return inProcess{s.Handler()} }

type inProcess struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (p inProcess) RoundTrip(sent *http.Request) (*http.Response, error) {
	received := httptest.NewRequestWithContext(sent.Context(), sent.Method, sent.URL.String(), sent.Body)
	received.Header, received.ContentLength, received.RemoteAddr = sent.Header.Clone(), sent.ContentLength, "127.0.0.1:1"
	if sent.Body == nil {
		received.Body, received.ContentLength = http.NoBody, 0
	}
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, received)
	answer := recorder.Result()
	answer.Request = sent
	return answer, nil
}
