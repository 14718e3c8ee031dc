package http_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// racers is how many do the same thing at the same time.
const racers = 32

// atOnce does something racers times at once and returns all answers.
func atOnce(do func() testx.Answer) []testx.Answer {
	answers := make([]testx.Answer, racers)
	begin := make(chan struct{})
	var running sync.WaitGroup
	for i := range answers {
		running.Go(func() {
			<-begin
			answers[i] = do()
		})
	}
	close(begin)
	running.Wait()
	return answers
}

func succeeded(answers []testx.Answer) []testx.Answer {
	var good []testx.Answer
	for _, answer := range answers {
		if answer.Status == http.StatusOK {
			good = append(good, answer)
		}
	}
	return good
}

func TestRaces(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine)
			w.T = t
			t.Run("OA-08 one code", func(t *testing.T) { raceForCode(t, w) })
			t.Run("one refresh token", func(t *testing.T) { raceForRefresh(t, w) })
			t.Run("one setup link", func(t *testing.T) { raceForSetup(t, w) })
		})
	}
}

// A code that comes more than once is answered once at most, and what that one
// gave ends (OAuth 2.1 section 4.1.3).
func raceForCode(t *testing.T, w *World) {
	ledger.Holds(t, "codes: many at once")
	form := w.code(w.App)
	good := succeeded(atOnce(func() testx.Answer { return w.Token(w.App, form) }))
	if len(good) != 1 {
		t.Fatalf("the code was redeemed %d times", len(good))
	}
	if answer := w.Introspect(w.App, good[0].Text("access_token")); answer.JSON["active"] != false {
		t.Error("the replay did not end what the code gave")
	}
}

func raceForRefresh(t *testing.T, w *World) {
	ledger.Holds(t, "refresh: many at once")
	form := refreshWith(w.Tokens(w.Native, w.Ada).Text("refresh_token"))
	answers := atOnce(func() testx.Answer { return w.Token(w.Native, form) })
	successors := map[string]bool{}
	for _, answer := range answers {
		if answer.Status != http.StatusOK {
			t.Errorf("an honest client was refused: %d %s", answer.Status, answer.Text("error"))
		}
		successors[answer.Text("refresh_token")] = true
	}
	if len(successors) != 1 {
		t.Fatalf("%d successors", len(successors))
	}
	if answer := w.Token(w.Native, refreshWith(answers[0].Text("refresh_token"))); answer.Status != http.StatusOK {
		t.Errorf("the successor is refused: %s", answer.Body)
	}
}

func raceForSetup(t *testing.T, w *World) {
	notice, err := w.Notice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	link := notice.SetupURL.Reveal()
	token, found := strings.CutPrefix(link, w.Issuer+"/setup/")
	if !found {
		t.Fatal("no setup link")
	}
	w.Secret(token)
	page := w.Browser().Open(link)
	if page.Form().ID != "setup-form" {
		t.Fatalf("the setup page has no form (%d)", page.Status)
	}
	password := "battery staple " + rand.Text()
	w.Secret(password)
	answers := atOnce(func() testx.Answer {
		name := "admin" + strings.ToLower(rand.Text())
		return w.Post("/setup", page.Form().With(url.Values{
			"username": {name}, "email": {name + "@people.example"}, "password": {password}, "password_confirmation": {password},
		}))
	})
	// Some may be told that the server is busy hashing; nobody may be second.
	if good := succeeded(answers); len(good) != 1 {
		for _, answer := range answers {
			t.Log(answer.Status)
		}
		t.Errorf("%d administrators were created", len(good))
	}
	if again := w.Browser().Open(link); again.Status != http.StatusNotFound {
		t.Errorf("the link still works: %d", again.Status)
	}
}
