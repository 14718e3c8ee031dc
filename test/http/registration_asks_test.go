package http_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/platform/db/dbtest"
	"authly/internal/registration"
)

// Whoever has a record can change it as often as they like, and have this server ask
// any public address with each change. Nobody can flood that address through us.
func TestChangesOfRecordsAskAtABoundedRate(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		for member, limited := range map[string]int{"sector_identifier_uri": http.StatusTooManyRequests, "logo_uri": http.StatusOK} {
			t.Run(string(engine)+" "+member, func(t *testing.T) {
				t.Parallel()
				ledger.Holds(t, "egress: bounded by who asks")
				var asked atomic.Int32
				host, option := sectorHost(t, func(w http.ResponseWriter, _ *http.Request) {
					asked.Add(1)
					_, _ = w.Write([]byte(`["` + callback + `"]`))
				})
				w := newWorld(t, engine, withRegistration(registration.Open), option)
				const most, more = 60, 5
				made := w.enrolled("", plain.with(object{member: host + "/x"}))
				for i := 1; i < most+more; i++ {
					want := http.StatusOK
					if i >= most {
						want = limited
					}
					if answer := w.change(made, plain.with(object{member: host + "/x"})); answer.Status != want {
						t.Fatalf("change %d: %d %s", i, answer.Status, answer.Body)
					}
				}
				if got := asked.Load(); got != most {
					t.Errorf("the address was asked %d times", got)
				}
				w.Clock.Advance(time.Minute)
				if answer := w.change(made, plain.with(object{member: host + "/x"})); answer.Status != http.StatusOK || asked.Load() != most+1 {
					t.Errorf("a minute later: %d, asked %d times", answer.Status, asked.Load())
				}
			})
		}
	}
}
