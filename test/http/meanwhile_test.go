//go:build !race

package http_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
	"authly/internal/testx"
)

// What an administrator ends or takes away stays ended and taken away, whatever was under way at that
// moment. Each action runs once for each point at which it can be overtaken: it is held up there, the
// ending happens as a whole, and the action goes on. Nothing that the action gave may count in the end,
// as if the ending had come before or after it.
//
// The points are those before each transaction and before each change outside of one: what was decided
// until then is acted on there. With TEST_POINTS=all they are those before every statement.
//
// It has no race detector, which looks at memory and would make it five times as slow: a run of its own
// is part of "make test".
func TestWhatIsEndedMeanwhileStaysEnded(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			robot := a.robot()
			must(t, a.Scopes.Create(t.Context(), scope.Scope{Name: ownScope, Description: "Read reports", Active: true}))
			guard := a.Confidential("https://guard.example/callback", func(n *client.Metadata) { n.ProtectedResources = []string{resource} })
			for _, ending := range endings() {
				for _, action := range actions() {
					if !ending.concerns(action.gives) {
						continue
					}
					t.Run(ending.name+"/"+action.name, func(t *testing.T) {
						in := &administration{a.In(t), t}
						token := testx.Bearer(in.own(robot, adminScopes().String(), a.Issuer+adminPath))
						overtake(t, &stage{a: in, token: token, guard: guard}, ending, action)
					})
				}
			}
		})
	}
}

// ownScope is what a client asks for on its own behalf; the scopes about people are not for that.
const ownScope = "reports"

// stage is what one run needs: a person and a client of its own.
type stage struct {
	a      *administration
	token  testx.RequestOption
	guard  testx.Client
	person testx.Person
	app    testx.Client
	key    *jose.SigningKey // of a client that authenticates with assertions
	asks   url.Values       // of the authorization request
}

// given is what an action gave, which may be nothing.
type given struct {
	browser  *testx.Browser
	request  testx.Request
	response testx.Answer // of the authorization endpoint
	tokens   testx.Answer
	last     testx.Answer // the answer to the action itself
}

// outcome is what an action gives, by which it is known which endings concern it.
type outcome string

const (
	givesSession      outcome = "session"                 // somebody who proved who they are
	givesByMemory     outcome = "remembered"              // a code for what was allowed before
	givesByDecision   outcome = "decided"                 // a code for what is allowed now
	givesTokens       outcome = "tokens"                  // on behalf of a user
	givesTokensForKey outcome = "tokens for an assertion" // to a client that proves with a key who it is
	givesOwnTokens    outcome = "client's own"            // on behalf of the client
	givesFirstAccess  outcome = "password and session"    // a password of the person's own choice
)

// ending is something that is ended or taken away.
type ending struct {
	name string
	asks url.Values
	// of are the kinds of actions after which nothing may count.
	of []outcome
	// do ends it, undo takes back what lets the check tell what was ended from what is switched off.
	do, undo func(s *stage)
	// check finds what still counts.
	check func(t *testing.T, s *stage, g given)
}

func (e ending) concerns(wanted outcome) bool {
	for _, each := range e.of {
		if each == wanted {
			return true
		}
	}
	return false
}

// action is what may be under way. Prepare returns its decisive step.
type action struct {
	name    string
	gives   outcome
	prepare func(s *stage) func(ctx context.Context) given
}

// overtake runs an action once for each point at which an ending can overtake it, and once before the ending.
func overtake(t *testing.T, s *stage, ending ending, action action) {
	t.Helper()
	points := 0
	for ; ; points++ {
		one := *s
		one.asks = ending.asks
		do := action.prepare(&one)
		one.a.Clock.Advance(time.Second)
		hold := newHold(one.a.Database(), points)
		var got given
		done := make(chan struct{})
		go func() {
			defer close(done)
			got = do(hold.within(t.Context()))
		}()
		last := false
		select {
		case <-hold.reached:
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				ending.do(&one)
			}()
			one.waitOrBlocked(t, ended)
			close(hold.released)
			<-done
			<-ended
		case <-done:
			last = true // it was over before that point: the ending comes after it
			ending.do(&one)
		}
		if ending.undo != nil {
			ending.undo(&one)
		}
		one.a.Clock.Advance(time.Second)
		if got.last.Status >= http.StatusInternalServerError {
			t.Errorf("held up at %s: an error of ours: %d %s", hold, got.last.Status, got.last.Body)
		}
		t.Run(fmt.Sprintf("%d", points), func(t *testing.T) {
			ending.check(t, &one, got)
			if t.Failed() {
				t.Logf("held up at %s", hold)
			}
		})
		if last {
			break
		}
	}
	if points == 0 {
		t.Error("the action has no point at which it can be overtaken")
	}
}

// waitOrBlocked waits until an ending is over, or waits itself for a row that the action has locked.
func (s *stage) waitOrBlocked(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	for {
		select {
		case <-ended:
			return
		case <-time.After(time.Millisecond):
			if s.a.Database().Engine() != db.PostgreSQL {
				continue // there is no point within a transaction, so that nothing is locked
			}
			var waiting int
			err := s.a.Database().Read(t.Context()).QueryRow(t.Context(),
				`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
			if err != nil {
				t.Errorf("look for those who wait: %v", err)
				return
			}
			if waiting > 0 {
				return
			}
		}
	}
}

// hold holds a request up at one of its points. Within a transaction SQLite has none, as it has one writer.
type hold struct {
	database          *db.DB
	at                int
	everywhere        bool
	reached, released chan struct{}

	mu            sync.Mutex
	passed        int
	inTransaction bool
	heldUpAt      string
}

func newHold(database *db.DB, at int) *hold {
	return &hold{database: database, at: at, everywhere: os.Getenv("TEST_POINTS") == "all", reached: make(chan struct{}), released: make(chan struct{})}
}

func (h *hold) within(ctx context.Context) context.Context { return h.database.Observed(ctx, h.pass) }

// String returns the statement before which the request was held up.
func (h *hold) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heldUpAt == "" {
		return "its end"
	}
	return fmt.Sprintf("point %d: %s", h.at, strings.Join(strings.Fields(h.heldUpAt), " "))
}

func (h *hold) pass(statement db.Statement) {
	if !h.isThePoint(statement) {
		return
	}
	close(h.reached)
	<-h.released
}

func (h *hold) isThePoint(statement db.Statement) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	isWithin := h.inTransaction
	if statement.IsBound() {
		h.inTransaction = statement.Text == db.Begin
		if !h.inTransaction {
			return false
		}
	}
	if isWithin && (!h.everywhere || h.database.Engine() == db.SQLite) {
		return false
	}
	if !h.everywhere && statement.Text != db.Begin && strings.HasPrefix(statement.Text, "SELECT") {
		return false
	}
	h.passed++
	if h.passed-1 != h.at {
		return false
	}
	h.heldUpAt = statement.Text
	return true
}

// cast makes the person and the client of a run.
func (s *stage) cast() {
	if s.person.Username == "" {
		s.person = s.a.Person("user" + strings.ToLower(newName()))
	}
	s.app = s.a.Confidential(callback, s.record)
}

func (s *stage) record(m *client.Metadata) {
	m.Resources, m.Scopes = []string{resource}, append(m.Scopes, ownScope)
	if s.key != nil {
		document, err := jose.JWKS([]jose.VerificationKey{s.key.Verification()})
		must(s.a.t, err)
		m.AuthenticationMethod, m.JWKS = oauth.PrivateKeyJWT, document
	}
}

// signedIn returns a browser in which the person is signed in and has allowed the request.
func (s *stage) signedIn() *testx.Browser {
	browser := s.a.Browser()
	browser.Through(browser.Open(s.a.AuthorizeURL(s.request())), s.person)
	return browser
}

// request is without offline access, so that what is issued hangs from the session.
func (s *stage) request(changes ...url.Values) testx.Request {
	return s.a.Request(s.app, append([]url.Values{{"scope": {"openid profile email"}}, s.asks}, changes...)...)
}

// redeem sends a code as the client does.
func (s *stage) redeem(server *testx.Server, request testx.Request, response testx.Answer) testx.Answer {
	return s.ask(server, url.Values{
		"grant_type": {"authorization_code"}, "code": {response.Query().Get("code")},
		"redirect_uri": {request.Get("redirect_uri")}, "code_verifier": {request.Verifier},
	})
}

func (s *stage) ask(server *testx.Server, form url.Values) testx.Answer {
	if s.key == nil {
		return server.Token(s.app, form)
	}
	now := s.a.Clock.Now()
	assertion, err := jose.Sign(*s.key, jose.TypeJWT, map[string]any{
		"iss": s.app.ClientID, "sub": s.app.ClientID, "aud": s.a.Issuer, "jti": newName(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	must(s.a.t, err)
	return server.Post("/oauth/token", asserted(form, assertion))
}
