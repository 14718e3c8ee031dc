package bootstrap

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
)

// The statement alone lets one through, even if nobody asked for administrators.
func TestTokenIsUsedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		tokens, now := store{database}, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		first, second := secret.Hash(secret.New()), secret.Hash(secret.New())
		for _, token := range []secret.Digest{first, second} {
			if err := tokens.replaceToken(t.Context(), storedToken{kind: kindSetup}, token, now, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		var used atomic.Int32
		var group sync.WaitGroup
		for i := range 32 {
			group.Go(func() {
				token := second
				if i%4 == 0 {
					token = first // replaced
				}
				_, err := tokens.useToken(context.WithoutCancel(t.Context()), token, now)
				if err != nil && !errors.Is(err, errNoToken) {
					t.Errorf("use a token: %v", err)
				}
				if err == nil {
					used.Add(1)
				}
				if err == nil && i%4 == 0 {
					t.Error("a token that was replaced was used")
				}
			})
		}
		group.Wait()
		if used.Load() != 1 {
			t.Errorf("the token was used %d times, want once", used.Load())
		}
	})
}
