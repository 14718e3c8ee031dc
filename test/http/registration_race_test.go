package http_test

import (
	"net/http"
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/registration"
	"authly/internal/testx"
)

// An initial access token for one client gives one client, however many use it at once.
func TestRegistrationRaces(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, withRegistration(registration.InitialAccessToken))
			w.T = t
			for _, uses := range []int64{1, 5} {
				token := w.permit(registration.NewInitialToken{Uses: uses})
				before := w.countClients()
				accepted := int64(0)
				for _, answer := range atOnce(func() testx.Answer { return w.enroll(token, plain) }) {
					switch answer.Status {
					case http.StatusCreated:
						accepted++
					case http.StatusUnauthorized:
					default:
						t.Errorf("answered with %d: %s", answer.Status, answer.Body)
					}
				}
				if made := w.countClients() - before; accepted != uses || made != uses {
					t.Errorf("a token for %d clients: %d were accepted, and %d made", uses, accepted, made)
				}
			}
		})
	}
}

func (w *World) countClients() int64 {
	w.T.Helper()
	var count int64
	if err := w.Database().Read(w.T.Context()).QueryRow(w.T.Context(), `SELECT count(*) FROM clients`).Scan(&count); err != nil {
		w.T.Fatal(err)
	}
	return count
}
