package authorize_test

import (
	"net/url"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

const (
	callback = "https://app.example/callback"
	resource = "https://api.example"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// world is a server with one person and a confidential client that always asks for consent.
type world struct {
	*testx.Server
	t      *testing.T
	person testx.Person
	app    testx.Client
}

func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, engine))
		})
	}
}

func newWorld(t *testing.T, engine db.Engine) *world {
	t.Helper()
	server := testx.NewServer(t, engine, testx.WithFakeClock(noon))
	return &world{server, t, server.Person("ada"), server.Confidential(callback, func(n *client.Metadata) {
		n.Consent, n.Resources = client.ConsentAlways, []string{resource}
	})}
}

// signedIn returns a browser in which the person is signed in.
func (w *world) signedIn() *testx.Browser {
	w.t.Helper()
	browser := w.Browser()
	browser.Through(browser.Open(w.AuthorizeURL(w.Request(w.app))), w.person)
	return browser
}

// atConsent returns a browser with the consent page open.
func (w *world) atConsent() (*testx.Browser, testx.Request, testx.Answer) {
	w.t.Helper()
	browser, request := w.signedIn(), w.Request(w.app)
	page := browser.Open(w.AuthorizeURL(request))
	if page.Form().ID != "consent-form" {
		w.t.Fatalf("no consent page: %d\n%s", page.Status, page.Body)
	}
	return browser, request, page
}

func (w *world) count(query string) int {
	w.t.Helper()
	var count int
	if err := w.Database().Read(w.t.Context()).QueryRow(w.t.Context(), query).Scan(&count); err != nil {
		w.t.Fatal(err)
	}
	return count
}

func (w *world) exec(statement string) {
	w.t.Helper()
	if _, err := w.Database().Write(w.t.Context()).Exec(w.t.Context(), statement); err != nil {
		w.t.Fatal(err)
	}
}

func decided(page testx.Answer, decision string) url.Values {
	return page.Form().With(url.Values{"decision": {decision}})
}

// wantNoCode fails if an answer leads anywhere with a code.
func wantNoCode(t *testing.T, name string, answer testx.Answer) {
	t.Helper()
	if answer.Query().Get("code") != "" {
		t.Errorf("%s: a code was given: %s", name, answer.Header.Get("Location"))
	}
}
