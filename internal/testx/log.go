package testx

import (
	"bytes"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Log collects what a server logs and what must not be in it.
type Log struct {
	mu        sync.Mutex
	text      bytes.Buffer
	forbidden map[string]bool
}

func newLog() *Log { return &Log{forbidden: map[string]bool{}} }

// Write adds to the log.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// String returns all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// shortestSecret keeps out what could be in a log by chance.
const shortestSecret = 8

func (l *Log) forbid(texts ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range texts {
		if len(text) >= shortestSecret {
			l.forbidden[text] = true
		}
	}
}

// Leaks returns the beginnings of the secrets that are in the log.
func (l *Log) leaks() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	logged := l.text.String()
	var found []string
	for text := range l.forbidden {
		if strings.Contains(logged, text) || strings.Contains(logged, url.QueryEscape(text)) {
			found = append(found, text[:shortestSecret/2]+"…")
		}
	}
	return found
}

func (l *Log) check(t testing.TB) {
	t.Helper()
	if leaks := l.leaks(); len(leaks) > 0 {
		t.Errorf("the log has secrets that begin with %q:\n%s", leaks, l.String())
	}
	if t.Failed() && testing.Verbose() {
		t.Logf("the server's log:\n%s", l.String())
	}
}
