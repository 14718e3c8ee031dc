package app_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
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

// Many addresses together begin no more than a bounded number of sign-ins; browsers that were here
// before go on, and those that only say so don't.
func TestSignInsOfEverybodyAreBounded(t *testing.T) {
	t.Parallel()
	server := testx.NewServer(t, db.SQLite, testx.WithFakeClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), testx.WithConfig(func(c *config.Config) {
		c.Throttle.BegunBurst, c.Throttle.BegunInterval = 100, time.Second
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}))
	known := server.Confidential("https://app.example/callback", nil)
	address := server.AuthorizeURL(server.Request(known))
	from := func(i int) testx.RequestOption {
		return testx.Header("X-Forwarded-For", netip.AddrFrom4([4]byte{203, 0, byte(i), 1}).String())
	}
	signedIn, begun := server.Browser(), server.Browser()
	signedIn.SignIn(signedIn.Open("/login"), server.Person("ada"))
	if page := begun.Open(address); page.Status != http.StatusOK {
		t.Fatalf("%d %s", page.Status, page.Body)
	}
	limited := 0
	for i := range 150 {
		if server.Get(address, from(i)).Status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited != 51 { // one was begun before
		t.Errorf("%d of 150 were refused", limited)
	}
	made := server.Browser()
	for name, want := range map[string]struct {
		browser *testx.Browser
		status  int
	}{
		"signed in": {signedIn, http.StatusOK}, "with a sign-in under way": {begun, http.StatusOK}, "new": {made, http.StatusTooManyRequests},
	} {
		if page := want.browser.Open(address); page.Status != want.status {
			t.Errorf("a browser that is %s: %d", name, page.Status)
		}
	}
	invented := server.Get(address, from(200), testx.Header("Cookie", "authly_session="+secret.New().Reveal()+"; authly_interaction_"+uuid.NewString()+"="+secret.New().Reveal()))
	if invented.Status != http.StatusTooManyRequests {
		t.Errorf("made up cookies: %d", invented.Status)
	}
	// Those that were here before are bounded too: a session by itself, the others together.
	for name, of := range map[string]*testx.Browser{"one session": signedIn, "an interaction that begets others": begun} {
		refused := 0
		for range 120 {
			if of.Open(address).Status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused == 0 {
			t.Errorf("%s begins as many as it likes", name)
		}
	}
}
