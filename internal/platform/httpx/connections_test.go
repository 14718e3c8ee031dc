package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
)

// bounded is a server with limits, whose path /hold answers when it is let go.
type bounded struct {
	address string
	holding chan struct{} // one for each request that is held
	letGo   chan struct{}
	log     *lockedBuffer
}

func newBounded(t *testing.T, limits httpx.ConnectionLimits) *bounded {
	t.Helper()
	b := &bounded{holding: make(chan struct{}, 100), letGo: make(chan struct{}), log: &lockedBuffer{}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			b.holding <- struct{}{}
			<-b.letGo
		}
		_, _ = io.WriteString(w, "ok")
	})
	server, err := httpx.NewServer(httpx.ServerOptions{
		Handler: handler, Logger: slog.New(slog.NewTextHandler(b.log, nil)), Clock: clock.NewFake(t0), Connections: limits,
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.address = listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bounded) dial(t *testing.T) net.Conn {
	t.Helper()
	return b.dialFrom(t, "127.0.0.1")
}

func (b *bounded) dialFrom(t *testing.T, address string) net.Conn {
	t.Helper()
	local := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 0))
	connection, err := (&net.Dialer{Timeout: time.Minute, LocalAddr: local}).DialContext(t.Context(), "tcp", b.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return connection
}

func ask(connection net.Conn, path string) {
	_, _ = io.WriteString(connection, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
}

// answers reports whether an answer comes before the connection ends.
func answers(connection net.Conn) bool {
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return true
}

// answered returns a connection that was answered. The server may still be about to see that
// another one has become idle or has ended, so that it is tried again for some time.
func (b *bounded) answered(t *testing.T) net.Conn {
	t.Helper()
	for range 1000 {
		connection := b.dial(t)
		ask(connection, "/")
		if answers(connection) {
			return connection
		}
	}
	t.Fatal("no room for a connection")
	return nil
}

// ends reports whether the other side has closed a connection.
func ends(connection net.Conn) bool {
	_, err := connection.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// Connections that wait for nothing don't keep others out: the one that has waited the longest goes.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	b := newBounded(t, httpx.ConnectionLimits{Total: 3})
	silent := []net.Conn{b.dial(t), b.dial(t), b.dial(t)}
	for range 10 {
		b.answered(t)
	}
	for i, connection := range silent {
		if !ends(connection) {
			t.Errorf("the silent connection %d is still there", i)
		}
	}
	if !strings.Contains(b.log.String(), "the bound of connections is reached") || strings.Count(b.log.String(), "\n") != 1 {
		t.Errorf("the log has %q", b.log)
	}
}

// What is being answered is not cut off, and a new connection is closed when everything is.
func TestBusyConnectionsStay(t *testing.T) {
	t.Parallel()
	b := newBounded(t, httpx.ConnectionLimits{Total: 3})
	busy := []net.Conn{b.dial(t), b.dial(t), b.dial(t)}
	for _, connection := range busy {
		ask(connection, "/hold")
		<-b.holding
	}
	for range 5 {
		refused := b.dial(t)
		ask(refused, "/")
		if answers(refused) {
			t.Error("more are answered than the bound allows")
		}
	}
	close(b.letGo)
	for _, connection := range busy {
		if !answers(connection) {
			t.Error("a request was cut off")
		}
	}
	b.answered(t) // they are idle now, and make room
}

// At the bound of an address its own idle connections make room, the longest idle first.
func TestConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	b := newBounded(t, httpx.ConnectionLimits{Total: 100, PerAddress: 2})
	busy := b.dial(t)
	ask(busy, "/hold")
	<-b.holding
	idle := b.answered(t)
	for range 10 {
		again := b.answered(t)
		if !ends(idle) {
			t.Fatal("more connections than the bound allows")
		}
		idle = again
	}
	ask(idle, "/hold")
	<-b.holding
	for range 5 {
		refused := b.dial(t)
		ask(refused, "/")
		if answers(refused) {
			t.Error("more are answered than the bound allows")
		}
	}
	close(b.letGo)
	if !answers(busy) || !answers(idle) {
		t.Error("a request was cut off")
	}
	if !strings.Contains(b.log.String(), "the bound of connections of one address is reached") || strings.Count(b.log.String(), "\n") != 1 {
		t.Errorf("the log has %q", b.log)
	}
}

// The bound of an address takes nothing from other addresses.
func TestAddressesLeaveTheConnectionsOfOthers(t *testing.T) {
	t.Parallel()
	b := newBounded(t, httpx.ConnectionLimits{Total: 100, PerAddress: 2})
	other := b.dialFrom(t, "127.0.0.2")
	ask(other, "/")
	if !answers(other) {
		t.Fatal("no answer")
	}
	for range 10 {
		b.answered(t)
	}
	ask(other, "/")
	if !answers(other) {
		t.Error("the idle connection of another address was closed")
	}
}

func TestListedProxiesHaveNoBoundOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBounded(t, httpx.ConnectionLimits{Total: 100, PerAddress: 2, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	open := make([]net.Conn, 20)
	for i := range open {
		open[i] = b.dial(t)
		ask(open[i], "/hold")
		<-b.holding
	}
	close(b.letGo)
	for i, connection := range open {
		if !answers(connection) {
			t.Errorf("connection %d was cut off", i)
		}
	}
}

// What has ended counts no more, also if it never was idle.
func TestClosedConnectionsAreNotCounted(t *testing.T) {
	t.Parallel()
	b := newBounded(t, httpx.ConnectionLimits{Total: 100, PerAddress: 1})
	closing := b.dial(t)
	_, _ = io.WriteString(closing, "GET /hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	<-b.holding
	close(b.letGo)
	if !answers(closing) {
		t.Error("no answer")
	}
	b.answered(t)
}
