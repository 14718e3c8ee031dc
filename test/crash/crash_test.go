package crash_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"authly/internal/platform/db"
)

const (
	rounds  = 4
	workers = 8
	// enough tokens in a round that the kill comes while many are being written.
	enough = 150
)

// What a token response promises was committed before it was answered: whatever
// a client got from a server that was killed counts after the restart.
func TestKilledWhileIssuing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		p := newPlace(t, engine)
		var received []string
		for round := range rounds {
			server := p.start()
			t.Logf("round %d: ready after %s", round, server.ready.Round(time.Millisecond))
			received = append(received, issueUntilKilled(t, server)...)
		}
		server := p.start()
		defer server.kill()
		as := p.confidential()
		for i, token := range received {
			active, err := p.isActive(t.Context(), as, token)
			if err != nil {
				t.Fatal(err)
			}
			if !active {
				t.Errorf("token %d of %d was lost", i, len(received))
			}
		}
		t.Logf("%d tokens survived %d kills", len(received), rounds)
	})
}

func (p *place) confidential() string {
	p.t.Helper()
	known := p.credentials().Confidential
	return known.ClientID + ":" + known.ClientSecret
}

// issueUntilKilled lets clients get tokens as fast as they can, kills the server
// in the middle of it, and returns all that a client received in full.
func issueUntilKilled(t *testing.T, server *process) []string {
	t.Helper()
	as := server.confidential()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan string)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for {
				token, err := server.issue(ctx, as)
				if err != nil {
					return // the server has gone
				}
				got <- token
			}
		})
	}
	go func() {
		running.Wait()
		close(got)
	}()
	var received []string
	for token := range got {
		received = append(received, token)
		if len(received) == enough {
			go server.kill() // the others go on until they notice
		}
	}
	server.kill()
	if len(received) < enough {
		t.Fatalf("only %d tokens were issued:\n%s", len(received), server.output)
	}
	return received
}
