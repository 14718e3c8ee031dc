package logout_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/logout"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/delivery"
	"authly/internal/platform/egress"
)

// A client that hangs with many sessions, and another one of its host, delay no other: tokens that are queued while
// both hang arrive, and only then is what hangs let go on. There are only so many requests to one host at once.
func TestSlowClientHoldsUpNobody(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		var most, now atomic.Int32
		hanging, release, quick := make(chan struct{}, 256), make(chan struct{}), make(chan string, 256)
		serve := func(handler http.HandlerFunc) string {
			server := httptest.NewTLSServer(handler)
			t.Cleanup(server.Close)
			w.party.roots.AddCert(server.Certificate())
			return server.URL
		}
		slow := serve(func(answer http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(answer).Flush() // no bound of the headers ends it
			running := now.Add(1)
			defer now.Add(-1)
			for seen := most.Load(); running > seen && !most.CompareAndSwap(seen, running); seen = most.Load() {
			}
			hanging <- struct{}{}
			<-release
		})
		let := sync.OnceFunc(func() { close(release) })
		t.Cleanup(let) // before the server waits for its requests
		at := func(uri string) client.Client {
			return w.client("", func(m *client.Metadata) { m.BackChannelLogoutURI = uri })
		}
		heard := serve(func(_ http.ResponseWriter, r *http.Request) { quick <- r.URL.Path })
		one, same := at(slow+"/one"), at(slow+"/same")
		for range 30 {
			w.end(w.session(one, same))
		}
		done := make(chan error, 1)
		go func() { done <- w.deliverer(patient{w.asking(egress.LoopbackAllowed)}).Deliver(t.Context()) }()
		<-hanging
		<-hanging
		for i := range 40 { // more than there are attempts at once
			path := fmt.Sprintf("/%d", i)
			w.end(w.session(at(heard + path)))
			w.outbox.Wake()
			select {
			case got := <-quick:
				if got != path {
					t.Errorf("heard %s, want %s", got, path)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("%s waits for the client that hangs", path)
			}
		}
		let()
		w.must(<-done)
		if got := most.Load(); got != 2 {
			t.Errorf("%d requests to one host at once, want 2", got)
		}
		for _, known := range []client.Client{one, same} {
			found, err := w.outbox.Deliveries(t.Context(), known.ID)
			w.must(err)
			for _, each := range found {
				if each.Outcome != delivery.Delivered || each.Attempts != 1 {
					t.Errorf("afterwards: %+v", each)
				}
			}
		}
	})
}

// patient has more patience than the server: what hangs is let go on by the test.
type patient struct{ logout.Poster }

func (p patient) Do(ctx context.Context, request egress.Request) (egress.Response, error) {
	request.Timeout = 2 * time.Minute
	return p.Poster.Do(ctx, request)
}
