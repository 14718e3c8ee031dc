package httpx

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"authly/internal/platform/clock"
)

// ConnectionLimits bound the number of open connections.
type ConnectionLimits struct {
	// Total is the maximum of all; 0 for no bound.
	Total int
	// PerAddress is the maximum of one IPv4 address or one IPv6 /64; 0 for no bound.
	PerAddress int
	// Exempt are networks to which PerAddress does not apply: proxies, which have many clients.
	Exempt []netip.Prefix
}

// subscriberBits is the smallest network of an IPv6 subscriber.
const subscriberBits = 64

// boundLogged is how often reaching a bound is logged, at most.
const boundLogged = time.Minute

// The bounds, as the log names them.
const (
	boundTotal      = "connections"
	boundPerAddress = "connections of one address"
)

// boundedListener keeps the number of open connections within the limits. A connection is waiting
// while it serves no request: it has sent none yet, or not the whole header, or it is
// idle between two. At a bound, the connection that has waited longest is closed to make
// room for the new one: at the bound of an address one of that address, so that no address
// takes room from another, and at the total bound one of any address. A connection that serves
// a request is never closed. If no connection is waiting, the new one is closed at once.
type boundedListener struct {
	net.Listener
	limits ConnectionLimits
	clock  clock.Clock
	logger *slog.Logger

	mu          sync.Mutex
	open        int
	waiting     list.List // of *boundedConnection, longest waiting first
	subscribers map[netip.Addr]*subscriber
	loggedAt    map[string]time.Time // by bound
}

// subscriber holds the connections of one IPv4 address or IPv6 /64.
type subscriber struct {
	address netip.Addr
	open    int
	waiting list.List // of *boundedConnection, longest waiting first
}

type boundedConnection struct {
	net.Conn
	listener *boundedListener
	owner    *subscriber // nil if it is not counted by address

	// The places among all waiting connections and among those of the owner; nil while a
	// request is being served, and after the connection has ended.
	place, ownPlace *list.Element
	ended           bool
}

func newBoundedListener(inner net.Listener, options ServerOptions) *boundedListener {
	return &boundedListener{
		Listener: inner, limits: options.Connections, clock: options.Clock, logger: options.Logger,
		subscribers: map[netip.Addr]*subscriber{}, loggedAt: map[string]time.Time{},
	}
}

// Accept returns the next connection within the limits.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		admitted, evicted := l.admit(accepted)
		if evicted != nil {
			_ = evicted.Conn.Close()
		}
		if admitted != nil {
			return admitted, nil
		}
		_ = accepted.Close()
	}
}

// admit counts a connection and returns it, or nil if there is no room for it. The second
// result is the connection to close to make room, or nil.
func (l *boundedListener) admit(accepted net.Conn) (admitted, evicted *boundedConnection) {
	address := l.counted(accepted.RemoteAddr())
	l.mu.Lock()
	defer l.mu.Unlock()
	owner := l.subscribers[address]
	switch {
	case owner != nil && l.limits.PerAddress > 0 && owner.open >= l.limits.PerAddress:
		l.note(boundPerAddress, slog.String("client_address", address.String()))
		evicted = longest(&owner.waiting)
	case l.limits.Total > 0 && l.open >= l.limits.Total:
		l.note(boundTotal)
		evicted = longest(&l.waiting)
	default:
		return l.add(accepted, address), nil
	}
	if evicted == nil {
		return nil, nil
	}
	l.forget(evicted)
	return l.add(accepted, address), evicted
}

// counted returns the address under which a connection is counted, or the zero Addr if it isn't.
func (l *boundedListener) counted(remote net.Addr) netip.Addr {
	if remote == nil {
		return netip.Addr{}
	}
	address, ok := parseHost(remote.String())
	if !ok || isListed(address, l.limits.Exempt) {
		return netip.Addr{}
	}
	if address.Is6() {
		if prefix, err := address.Prefix(subscriberBits); err == nil {
			return prefix.Addr()
		}
	}
	return address
}

// longest returns the connection that has waited longest, or nil if none is waiting.
func longest(waiting *list.List) *boundedConnection {
	front := waiting.Front()
	if front == nil {
		return nil
	}
	return front.Value.(*boundedConnection) //nolint:errcheck,forcetypeassert // nothing else is in the lists
}

// add counts a connection. The lock must be held.
func (l *boundedListener) add(accepted net.Conn, address netip.Addr) *boundedConnection {
	c := &boundedConnection{Conn: accepted, listener: l}
	if address.IsValid() {
		c.owner = l.subscribers[address]
		if c.owner == nil {
			c.owner = &subscriber{address: address}
			l.subscribers[address] = c.owner
		}
		c.owner.open++
	}
	l.open++
	l.wait(c)
	return c
}

// note logs that a bound was reached, at most once in boundLogged. The lock must be held.
func (l *boundedListener) note(bound string, attributes ...any) {
	now := l.clock.Now()
	if last, logged := l.loggedAt[bound]; logged && now.Sub(last) >= 0 && now.Sub(last) < boundLogged {
		return
	}
	l.loggedAt[bound] = now
	l.logger.Warn("the bound of "+bound+" is reached", attributes...)
}

// forget removes a connection from all counts, once. The lock must be held.
func (l *boundedListener) forget(c *boundedConnection) {
	if c.ended {
		return
	}
	c.ended = true
	l.leave(c)
	l.open--
	if c.owner == nil {
		return
	}
	if c.owner.open--; c.owner.open == 0 {
		delete(l.subscribers, c.owner.address)
	}
}

// wait appends a connection to those that are waiting. The lock must be held.
func (l *boundedListener) wait(c *boundedConnection) {
	if c.ended || c.place != nil {
		return
	}
	c.place = l.waiting.PushBack(c)
	if c.owner != nil {
		c.ownPlace = c.owner.waiting.PushBack(c)
	}
}

// leave removes a connection from those that are waiting. The lock must be held.
func (l *boundedListener) leave(c *boundedConnection) {
	if c.place == nil {
		return
	}
	l.waiting.Remove(c.place)
	if c.owner != nil {
		c.owner.waiting.Remove(c.ownPlace)
	}
	c.place, c.ownPlace = nil, nil
}

// changed receives the state of a connection from the HTTP server; see [http.Server.ConnState].
func (l *boundedListener) changed(connection net.Conn, state http.ConnState) {
	c := boundedOf(connection)
	if c == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateActive:
		l.leave(c)
	case http.StateIdle:
		l.wait(c)
	case http.StateNew, http.StateHijacked, http.StateClosed: // Close counts
	}
}

// boundedOf returns the boundedConnection inside a connection of the HTTP server, or nil.
func boundedOf(connection net.Conn) *boundedConnection {
	if secure, ok := connection.(interface{ NetConn() net.Conn }); ok { // TLS
		connection = secure.NetConn()
	}
	c, _ := connection.(*boundedConnection)
	return c
}

// connectionKey finds the connection of a request in its context.
type connectionKey struct{}

// context adds the connection to the context of its requests; see [http.Server.ConnContext].
func (l *boundedListener) context(ctx context.Context, connection net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, boundedOf(connection))
}

// handler serves no request whose connection was closed to make room while the header was still
// arriving: it would take effect without the client getting an answer.
func (l *boundedListener) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connectionKey{}).(*boundedConnection); ok && c != nil && c.hasEnded() {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

func (c *boundedConnection) hasEnded() bool {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	return c.ended
}

// Close closes the connection and removes it from the counts.
func (c *boundedConnection) Close() error {
	c.listener.mu.Lock()
	c.listener.forget(c)
	c.listener.mu.Unlock()
	err := c.Conn.Close()
	if errors.Is(err, net.ErrClosed) { // closed already, to make room
		return nil
	}
	return err
}

// CloseWrite closes the sending half, with which the HTTP server lets a client read an answer that
// came before the end of its request.
func (c *boundedConnection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
