package dbtest

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

// Loss is what happens to the next COMMIT on its way through a [Lossy] connection.
type Loss int

// The losses.
const (
	// LoseAnswer lets the server commit, and ends the connection instead of passing its answer on.
	LoseAnswer Loss = iota + 1
	// LoseRequest ends the connection before the server has the COMMIT, which rolls back.
	LoseRequest
	// DelayRequest ends the client's side of the connection, and lets the server commit when
	// [Lossy.Deliver] is called.
	DelayRequest
)

// Lossy is a proxy between a program and PostgreSQL that loses commits on request.
type Lossy struct {
	server  string
	mu      sync.Mutex
	next    Loss
	deliver chan struct{}
	lost    int
}

// ThroughLossy returns options of a PostgreSQL database behind a new Lossy.
func ThroughLossy(t testing.TB, options db.Options) (db.Options, *Lossy) {
	t.Helper()
	at, err := url.Parse(options.URL.Reveal())
	if err != nil {
		t.Fatal("the URL of the database can't be understood")
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lossy := &Lossy{server: at.Host, deliver: make(chan struct{})}
	var running sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { lossy.pass(client) })
		}
	})
	at.Host = listener.Addr().String()
	options.URL = secret.FromString(at.String())
	return options, lossy
}

// LoseNext loses the next COMMIT.
func (l *Lossy) LoseNext(loss Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = loss
}

// Deliver lets a delayed COMMIT reach the server. It must be called once.
func (l *Lossy) Deliver() { close(l.deliver) }

// Lost returns how many commits were lost.
func (l *Lossy) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// take returns what happens to some bytes from a client.
func (l *Lossy) take(sent []byte) Loss {
	if !bytes.Contains(bytes.ToLower(sent), []byte("commit\x00")) {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	loss := l.next
	l.next = 0
	if loss != 0 {
		l.lost++
	}
	return loss
}

func (l *Lossy) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", l.server) //nolint:noctx // a loopback connection of a test
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var (
		answers sync.WaitGroup
		mu      sync.Mutex
		lost    bool
		seen    = make(chan struct{}, 1) // an answer after the loss
	)
	answers.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			count, err := server.Read(buffer)
			mu.Lock()
			isLost := lost
			mu.Unlock()
			if isLost {
				seen <- struct{}{}
				return
			}
			if err != nil {
				_ = client.Close()
				return
			}
			if _, err := client.Write(buffer[:count]); err != nil {
				return
			}
		}
	})
	defer answers.Wait()
	defer func() { _ = server.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		count, err := client.Read(buffer)
		if err != nil {
			return
		}
		loss := l.take(buffer[:count])
		if loss != 0 {
			mu.Lock()
			lost = true
			mu.Unlock()
		}
		switch loss {
		case LoseRequest:
			return
		case DelayRequest:
			_ = client.Close()
			<-l.deliver
		case LoseAnswer: // it is passed on
		}
		if _, err := server.Write(buffer[:count]); err != nil {
			return
		}
		if loss != 0 {
			<-seen // the server has carried it out
			return
		}
	}
}
