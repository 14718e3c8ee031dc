package http_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// Callers who change each other at the same moment lock each other's records in opposite orders. Both get an answer that
// says what happened: the engine ends one of the two transactions, and it is run again.
func TestAdministratorsWhoChangeEachOther(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			root, toor, robot, other := a.administrator("root"), a.administrator("toor"), a.robot(), a.robot()
			const scopes = "openid admin:users:write admin:clients:write"
			type side struct {
				as   string
				path string // of the caller's own record
				body string
			}
			person := func(who testx.Person) side {
				return side{a.on(robot, who, scopes), "/users/" + who.Subject(), `{"locale":"`}
			}
			service := func(who testx.Client) side {
				return side{a.own(who, "admin:users:write admin:clients:write", a.Issuer+adminPath), "/clients/" + who.ClientID, `{"policy_uri":"https://robot.example/`}
			}
			for name, sides := range map[string][2]side{
				"two people":                     {person(root), person(toor)},
				"a person and a service account": {person(root), service(other)},
				"two service accounts":           {service(robot), service(other)},
			} {
				answers, arrived := make(chan testx.Answer, len(sides)), make(chan struct{}, len(sides))
				var again atomic.Int64
				for i, caller := range sides {
					target := sides[1-i]
					watched := a.Database().Observed(t.Context(), a.afterGuard(engine, arrived, len(sides), &again))
					go func() {
						answers <- a.Within(watched).Call(http.MethodPatch, a.Issuer+adminPath+target.path, nil, testx.Bearer(caller.as), testx.JSON(target.body+`de"}`))
					}()
				}
				for range sides {
					if answer := <-answers; answer.Status != http.StatusOK {
						t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
					}
				}
				// People wait for one another at the lock of all administrators.
				if want := engine == db.PostgreSQL && name != "two people"; want != (again.Load() > 0) {
					t.Errorf("%s: %d transactions were run again", name, again.Load())
				}
			}
		})
	}
}

// afterGuard holds a transaction up once, after its guard has locked the caller: until all others are as far, or wait for a
// lock. SQLite has one writer, so there is nothing to hold up. It counts the transactions that are run again.
func (a *administration) afterGuard(engine db.Engine, arrived chan struct{}, all int, again *atomic.Int64) func(db.Statement) {
	begun, held := false, engine == db.SQLite
	return func(statement db.Statement) {
		if statement.Text == db.Rollback {
			again.Add(1)
		}
		begun = begun || statement.Text == db.Begin
		if held || !begun || !strings.Contains(statement.Text, "access_tokens") {
			return
		}
		held = true
		arrived <- struct{}{}
		for len(arrived) < all {
			var waiting int
			if err := a.Database().Read(a.t.Context()).QueryRow(a.t.Context(),
				`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil || waiting > 0 {
				return
			}
		}
	}
}
