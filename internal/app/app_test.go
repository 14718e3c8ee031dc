package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

func eachEngine(t *testing.T, test func(t *testing.T, engine db.Engine)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

func TestReadyTellsWhetherTheDatabaseAnswers(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine db.Engine) {
		server := testx.NewServer(t, engine)
		if got := server.Get("/readyz"); got.Status != http.StatusOK {
			t.Fatalf("ready: %d", got.Status)
		}
		if err := server.Database().Close(); err != nil {
			t.Fatal(err)
		}
		if got := server.Get("/readyz"); got.Status != http.StatusServiceUnavailable {
			t.Errorf("without a database: %d", got.Status)
		}
		if got := server.Get("/healthz"); got.Status != http.StatusOK {
			t.Errorf("alive: %d", got.Status)
		}
	})
}

func TestDisabledAndEnabledAgainMeansBeginningAnew(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine db.Engine) {
		server := testx.NewServer(t, engine)
		person := server.Person("ada")
		known := server.Confidential("https://app.example/callback", nil)
		for name, change := range map[string][2]func() error{
			"user": {
				func() error { return server.Users.Disable(t.Context(), person.User.ID) },
				func() error { return server.Users.Enable(t.Context(), person.User.ID) },
			},
			"client": {
				func() error { return server.Clients.Disable(t.Context(), known.ID) },
				func() error { return server.Clients.Enable(t.Context(), known.ID) },
			},
		} {
			tokens := server.Tokens(known, person, url.Values{"scope": {"openid offline_access"}})
			for _, step := range change {
				if err := step(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			if got := server.Introspect(known, tokens.Text("access_token")); !strings.Contains(got.Body, `"active":false`) {
				t.Errorf("%s: the access token came back to life: %s", name, got.Body)
			}
			again := server.Token(known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}})
			if again.Text("error") != "invalid_grant" {
				t.Errorf("%s: the refresh token came back to life: %s", name, again.Body)
			}
		}
	})
}

func TestNobodyCanFillTheDatabaseWithSignIns(t *testing.T) {
	t.Parallel()
	server := testx.NewServer(t, db.SQLite, testx.WithFakeClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)))
	known := server.Confidential("https://app.example/callback", nil)
	address, limited := server.AuthorizeURL(server.Request(known)), 0
	for range 700 {
		if server.Get(address).Status == http.StatusTooManyRequests {
			limited++
		}
	}
	var rows int
	if err := server.Database().Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM interactions`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows > 600 || limited != 700-rows {
		t.Errorf("%d rows, %d refusals", rows, limited)
	}
}
