package logout_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/logout"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/delivery"
	"authly/internal/platform/egress"
	"authly/internal/protocol/jose"
	"authly/internal/session"
)

func TestLogoutTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		plain := w.client("/plain", nil)
		pairwise := w.client("/pairwise", func(m *client.Metadata) { m.SubjectType, m.IDTokenAlgorithm = client.SubjectPairwise, jose.ES256 })
		silent := w.client("", func(m *client.Metadata) { m.BackChannelLogoutURI = "" })
		elsewhere := w.client("/elsewhere", nil)
		ended, other := w.session(plain, pairwise, silent), w.session(elsewhere)
		w.end(ended, ended)
		w.clock.Advance(time.Second)
		w.deliver()
		w.deliver()

		ids := map[any]bool{}
		for path, known := range map[string]client.Client{"/plain": plain, "/pairwise": pairwise} {
			sent := w.party.at(path)
			if len(sent) != 1 || len(sent[0]) != 1 || len(sent[0]["logout_token"]) != 1 {
				t.Fatalf("%s got %v", path, sent)
			}
			claims := w.token(sent[0].Get("logout_token"))
			ids[claims["jti"]] = true
			delete(claims, "jti")
			at := float64(start.Add(time.Second).Unix())
			want := map[string]any{
				"iss": issuer, "aud": known.ClientID, "sub": w.subjects.Of(known, ended.UserID), "sid": w.subjects.SessionOf(known, ended.ID), "iat": at, "exp": at + 120,
				"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
			}
			if diff := cmp.Diff(want, claims); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
			if _, err := w.keys.Verify(sent[0].Get("logout_token"), jose.TypeLogoutToken, known.IDTokenAlgorithm); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if _, err := w.keys.Verify(sent[0].Get("logout_token"), jose.TypeJWT); err == nil {
				t.Errorf("%s: the logout token passes for an ID token", path)
			}
			log := w.only(known)
			now := w.clock.Now()
			wanted := delivery.Delivery{
				Reference: ended.ID, Target: known.ID, Attempts: 1, CreatedAt: start, LastAttemptAt: &now, LastStatus: 200,
				NextAttemptAt: log.NextAttemptAt, FinishedAt: &now, Outcome: delivery.Delivered,
			}
			if diff := cmp.Diff(wanted, log); diff != "" {
				t.Errorf("%s: the log (-want +got):\n%s", path, diff)
			}
		}
		if len(ids) != 2 || ids[nil] {
			t.Errorf("the identifiers are %v", ids)
		}
		for _, quiet := range []client.Client{silent, elsewhere} {
			if found, err := w.outbox.Deliveries(t.Context(), quiet.ID); err != nil || len(found) != 0 {
				t.Errorf("a client that has nothing to learn: %v %v", found, err)
			}
		}
		if len(w.party.at("/elsewhere")) != 0 {
			t.Error("a client of another session was told")
		}
		w.end(other)
		w.deliver()
		if len(w.party.at("/elsewhere")) != 1 {
			t.Error("the other session's client was not told")
		}
	})
}

// What is rolled back has not happened.
func TestEndThatIsRolledBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		known := w.client("/in", nil)
		ended := w.session(known)
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			if _, err := w.sessions.End(ctx, ended.ID); err != nil {
				return err
			}
			return context.Canceled
		})
		if err == nil {
			t.Fatal("committed")
		}
		w.deliver()
		if len(w.party.at("/in")) != 0 {
			t.Error("a client was told of what did not happen")
		}
	})
}

// Everything that ends a session tells its clients.
func TestEveryEndIsTold(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		known := w.client("/in", nil)
		told := 0
		for name, end := range map[string]func(of session.Session) error{
			"the session": func(of session.Session) error {
				_, err := w.sessions.End(t.Context(), of.ID)
				return err
			},
			"all of them": func(of session.Session) error { return w.sessions.EndAllOf(t.Context(), of.UserID) },
		} {
			ended := w.session(known)
			w.must(end(ended))
			w.deliver()
			told++
			sent := w.party.at("/in")
			if len(sent) != told || w.token(sent[told-1].Get("logout_token"))["sid"] != ended.ID.String() {
				t.Errorf("%s: %d tokens, want %d", name, len(sent), told)
			}
		}
		// Another user in the same browser.
		bystander := w.session()
		first, token, err := w.sessions.Start(t.Context(), session.New{Person: recognized(bystander.UserID)})
		w.must(err)
		w.must(w.outbox.TookPart(t.Context(), first.ID, known.ID))
		same, token, err := w.sessions.Start(t.Context(), session.New{Person: recognized(bystander.UserID), Replaces: token})
		w.must(err)
		w.deliver()
		if same.ID != first.ID || len(w.party.at("/in")) != told {
			t.Error("authenticating again as the same user tells the clients")
		}
		_, _, err = w.sessions.Start(t.Context(), session.New{Person: recognized(w.session().UserID), Replaces: token})
		w.must(err)
		w.deliver()
		if sent := w.party.at("/in"); len(sent) != told+1 || w.token(sent[told].Get("logout_token"))["sid"] != first.ID.String() {
			t.Errorf("another user's sign-in: %d tokens, want %d", len(sent), told+1)
		}
	})
}

// What the status of an answer means (Back-Channel Logout 1.0 section 2.8).
func TestAnswers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for i, test := range []struct {
			name    string
			answers []int
			outcome delivery.Outcome
		}{
			{"200", []int{200}, delivery.Delivered},
			{"204", []int{204}, delivery.Delivered},
			{"400 is final", []int{400}, delivery.Refused},
			{"the third time", []int{500, 404, 200}, delivery.Delivered},
			{"the last time", []int{500, 500, 503, 429, 204}, delivery.Delivered},
			{"401 is no success", []int{401, 200}, delivery.Delivered},
			{"201 is no success", []int{201, 200}, delivery.Delivered},
		} {
			t.Run(test.name, func(t *testing.T) {
				path := fmt.Sprintf("/in/%d", i)
				recipient := w.client(path, nil)
				w.party.answer(path, test.answers...)
				w.end(w.session(recipient))
				for range test.answers {
					w.deliver()
					w.clock.Advance(time.Hour)
				}
				w.deliver()
				log, sent := w.only(recipient), w.party.at(path)
				if attempts := len(test.answers); len(sent) != attempts || log.Attempts != attempts || log.Outcome != test.outcome || log.FinishedAt == nil {
					t.Errorf("%d tokens, and the log says %+v", len(sent), log)
				}
				if last := w.token(sent[len(sent)-1].Get("logout_token")); last["jti"] == w.token(sent[0].Get("logout_token"))["jti"] && len(sent) > 1 {
					t.Error("the same token twice")
				}
			})
		}
	})
}

// A session ends once, however many ask for it, and the log says so once.
func TestSignedOutAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		started := w.session()
		var group sync.WaitGroup
		for range 32 {
			group.Go(func() {
				if err := w.service().End(t.Context(), started); err != nil {
					t.Errorf("end: %v", err)
				}
			})
		}
		group.Wait()
		page, err := w.log.List(t.Context(), audit.Query{Action: audit.SignOut})
		w.must(err)
		if len(page.Events) != 1 || !strings.HasPrefix(page.Events[0].Actor.Name, "user") || page.Events[0].Target.ID != started.ID.String() {
			t.Errorf("the log has %+v", page.Events)
		}
	})
}

// hurried has less patience than the server with those who never come to an end.
type hurried struct{ logout.Poster }

func (h hurried) Do(ctx context.Context, request egress.Request) (egress.Response, error) {
	if strings.HasSuffix(request.URL, "/slow") || strings.HasSuffix(request.URL, "/drip") {
		request.Timeout = 300 * time.Millisecond
	}
	return h.Poster.Do(ctx, request)
}

// Clients choose what they answer, and where they are asked.
func TestHostileClients(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		at := func(uri string) client.Client {
			return w.client("", func(m *client.Metadata) { m.BackChannelLogoutURI = uri })
		}
		type want struct {
			outcome delivery.Outcome
			problem delivery.Problem
			status  int
		}
		tests := map[string]struct {
			known client.Client
			want  want
		}{
			"never answers":            {w.client("/slow", nil), want{delivery.Pending, delivery.TimedOut, 0}},
			"answers byte by byte":     {w.client("/drip", nil), want{delivery.Pending, delivery.TimedOut, 0}},
			"answers 64 MiB":           {w.client("/huge", nil), want{delivery.Pending, delivery.AnswerTooLarge, 0}},
			"redirects to metadata":    {w.client("/away", nil), want{delivery.Pending, delivery.WrongStatus, http.StatusFound}},
			"redirects to itself":      {w.client("/around", nil), want{delivery.Pending, delivery.WrongStatus, http.StatusTemporaryRedirect}},
			"fails":                    {w.client("/fails", nil), want{delivery.Pending, delivery.WrongStatus, 500}},
			"is the metadata service":  {at("https://169.254.169.254/"), want{delivery.Undeliverable, delivery.AddressRefused, 0}},
			"is on a private network":  {at("https://10.0.0.1/"), want{delivery.Undeliverable, delivery.AddressRefused, 0}},
			"is on a port of services": {at("https://127.0.0.1:25/"), want{delivery.Undeliverable, delivery.AddressRefused, 0}},
			"does not listen":          {at("https://127.0.0.1:1025/"), want{delivery.Pending, delivery.Unreachable, 0}},
			"is well":                  {w.client("/well", nil), want{delivery.Delivered, delivery.NoProblem, 200}},
		}
		w.party.answer("/away", http.StatusFound)
		w.party.answer("/around", http.StatusTemporaryRedirect)
		w.party.answer("/fails", 500)
		var parts []client.Client
		for _, test := range tests {
			parts = append(parts, test.known)
		}
		w.end(w.session(parts...))
		w.must(w.deliverer(hurried{w.asking(egress.LoopbackAllowed)}).Deliver(t.Context()))
		for name, test := range tests {
			log := w.only(test.known)
			if got := (want{log.Outcome, log.LastProblem, log.LastStatus}); got != test.want {
				t.Errorf("%s: %+v, want %+v", name, got, test.want)
			}
		}
		if len(w.party.at("/followed")) != 0 {
			t.Error("a redirect was followed")
		}
		// Without the allowance nothing on this machine is asked.
		careful := w.client("/careful", nil)
		w.end(w.session(careful))
		w.must(w.deliverer(w.asking(egress.LoopbackRefused)).Deliver(t.Context()))
		if log := w.only(careful); log.Outcome != delivery.Undeliverable || len(w.party.at("/careful")) != 0 {
			t.Errorf("loopback: %+v", log)
		}
	})
}

// Whoever is not there any more, or has no address, is not asked.
func TestClientsThatAreGone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		deleted, disabled, changed := w.client("/deleted", nil), w.client("/disabled", nil), w.client("/changed", nil)
		w.end(w.session(deleted, disabled, changed))
		w.must(w.clients.Delete(t.Context(), deleted.ID))
		w.must(w.clients.Disable(t.Context(), disabled.ID))
		without := changed.Metadata
		without.BackChannelLogoutURI = ""
		_, err := w.clients.Replace(t.Context(), changed.ID, without)
		w.must(err)
		w.deliver()
		if found, err := w.outbox.Deliveries(t.Context(), deleted.ID); err != nil || len(found) != 0 {
			t.Errorf("a deleted client: %v %v", found, err)
		}
		for _, known := range []client.Client{disabled, changed} {
			if log := w.only(known); log.Outcome != delivery.Undeliverable || log.LastProblem != logout.NoAddress {
				t.Errorf("%+v", log)
			}
		}
		for _, path := range []string{"/deleted", "/disabled", "/changed"} {
			if len(w.party.at(path)) != 0 {
				t.Errorf("%s was asked", path)
			}
		}
		if err := w.outbox.TookPart(t.Context(), uuid.New(), changed.ID); err == nil {
			t.Error("a client takes part in a session that never was")
		}
	})
}
