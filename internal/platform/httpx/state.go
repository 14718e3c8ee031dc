package httpx

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
)

type stateKey struct{}

// state is what the middleware records about one request. It is
// reached through the context.
type state struct {
	id     string
	origin origin

	mu         sync.Mutex
	route      *Route
	attributes []slog.Attr
	failure    error
}

func stateOf(ctx context.Context) *state {
	s, _ := ctx.Value(stateKey{}).(*state)
	return s
}

// RequestID returns the identifier of the request, which is in its log line
// and on its error page, or "" outside of a request.
func RequestID(ctx context.Context) string {
	if s := stateOf(ctx); s != nil {
		return s.id
	}
	return ""
}

// ClientAddress returns the address of the client: that of the
// connection, or, if the connection is from a listed proxy, the rightmost
// address in the forwarding header that is not a listed proxy's. It is the zero Addr,
// which stands for unknown, outside of a request, for a connection without an IP
// address, and if a listed proxy doesn't name the client.
func ClientAddress(ctx context.Context) netip.Addr {
	if s := stateOf(ctx); s != nil {
		return s.origin.address
	}
	return netip.Addr{}
}

// HasUnprovenAddress reports whether [ClientAddress] may not be the client's: the
// request has a header that proxies add and did not come from a listed proxy, or came from one
// that doesn't name the client.
func HasUnprovenAddress(ctx context.Context) bool {
	s := stateOf(ctx)
	return s == nil || s.origin.unproven
}

// maxAttached bounds, in bytes, a text that a handler attaches to the log line.
const maxAttached = 256

// Attach adds attributes to the one log line of the request. They must not be
// secret; a text longer than 256 bytes is truncated. Outside of a request it does nothing.
func Attach(ctx context.Context, attributes ...slog.Attr) {
	s := stateOf(ctx)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, attribute := range attributes {
		if value := attribute.Value; value.Kind() == slog.KindString && len(value.String()) > maxAttached {
			attribute.Value = slog.StringValue(value.String()[:maxAttached])
		}
		s.attributes = append(s.attributes, attribute)
	}
}

// Report puts an internal error, with its chain, onto the request's log line
// and raises the line to an error. Only the first is kept: later ones are
// consequences. The error writers call it for every error that is not a refusal.
// A client that disconnects is no error and only noted.
func Report(ctx context.Context, err error) {
	s := stateOf(ctx)
	if s == nil || err == nil {
		return
	}
	if errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled) {
		Attach(ctx, slog.Bool("client_gone", true))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure = err
	}
}

// Refused puts a refusal with its private reason onto the request's log line. The error writers
// call it for every refusal that they write; the client sees only the public part.
func Refused(ctx context.Context, err error) {
	if err != nil {
		Attach(ctx, slog.String("refusal", err.Error()))
	}
}

func (s *state) setStack(stack []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attributes = append(s.attributes, slog.String("stack", string(stack[:min(len(stack), 16<<10)])))
}

func (s *state) setRoute(route *Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.route = route
}

func (s *state) snapshot() (*Route, []slog.Attr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.route, s.attributes, s.failure
}
