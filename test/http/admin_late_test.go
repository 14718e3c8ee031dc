package http_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"authly/internal/audit"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/scope"
	"authly/internal/testx"
	"authly/internal/token"
	"authly/internal/user"
)

// change is a request that changes something.
type change struct{ method, path, body string }

// overtaken sends a change, and lets something else happen after the request was let through and before its
// first transaction.
func (a *administration) overtaken(sent change, as testx.RequestOption, meanwhile func()) testx.Answer {
	a.t.Helper()
	reached, released := make(chan struct{}), make(chan struct{})
	var once sync.Once
	watched := a.Database().Observed(a.t.Context(), func(statement db.Statement) {
		if statement.Text == db.Begin {
			once.Do(func() {
				close(reached)
				<-released
			})
		}
	})
	answers := make(chan testx.Answer, 1)
	go func() {
		options := []testx.RequestOption{as}
		if sent.body != "" {
			options = append(options, testx.JSON(sent.body))
		}
		answers <- a.Within(watched).Call(sent.method, a.Issuer+adminPath+sent.path, nil, options...)
	}()
	select {
	case <-reached:
		meanwhile()
		close(released)
		return <-answers
	case answer := <-answers:
		a.t.Fatalf("%s %s has no transaction: %d %s", sent.method, sent.path, answer.Status, answer.Body)
		return answer
	}
}

// done returns the actions of an actor in the log, without those that were refused.
func (a *administration) done(actor string) []audit.Action {
	a.t.Helper()
	page, err := a.Audit.List(a.t.Context(), audit.Query{ActorID: actor})
	must(a.t, err)
	var actions []audit.Action
	for _, event := range page.Events {
		if strings.HasPrefix(string(event.Action), "administration.") {
			continue
		}
		actions = append(actions, event.Action)
	}
	return actions
}

// An administrative request whose caller loses the right or the token after it was let through changes nothing,
// whatever it is that ends, and for a person as for a service account.
func TestAuthorityEndsMeanwhile(t *testing.T) {
	t.Parallel()
	type caller struct {
		a      *administration
		root   testx.Person
		robot  testx.Client
		issued token.Live
	}
	creation := change{http.MethodPost, "/users", `{"username":"eve","administrator":true,"password":"what eve begins with here"}`}
	for name, test := range map[string]struct {
		asPerson bool
		end      func(c *caller) error
		status   int
	}{
		"the person is demoted": {true, func(c *caller) error {
			profile := c.root.Profile()
			profile.Administrator = false
			_, err := c.a.Users.Replace(t.Context(), c.root.ID, profile)
			return err
		}, http.StatusForbidden},
		"the person is disabled": {true, func(c *caller) error { return c.a.Users.Disable(t.Context(), c.root.ID) }, http.StatusUnauthorized},
		"the person is deleted":  {true, func(c *caller) error { return c.a.Users.Delete(t.Context(), c.root.ID) }, http.StatusUnauthorized},
		"the person's token is revoked": {true, func(c *caller) error {
			return c.a.App.Tokens.RevokeFamily(t.Context(), c.issued.Family.ID, token.ReasonAdministrator)
		}, http.StatusUnauthorized},
		"the client is disabled": {true, func(c *caller) error { return c.a.Clients.Disable(t.Context(), c.robot.ID) }, http.StatusUnauthorized},
		"the service account is demoted": {false, func(c *caller) error {
			metadata := c.robot.Metadata
			metadata.Administrator = false
			_, err := c.a.Clients.Replace(t.Context(), c.robot.ID, metadata)
			return err
		}, http.StatusForbidden},
		"the service account is deleted": {false, func(c *caller) error { return c.a.Clients.Delete(t.Context(), c.robot.ID) }, http.StatusUnauthorized},
		"a scope is taken from the service account": {false, func(c *caller) error {
			metadata := c.robot.Metadata
			metadata.Scopes = metadata.Scopes.Without([]string{"admin:users:write"})
			_, err := c.a.Clients.Replace(t.Context(), c.robot.ID, metadata)
			return err
		}, http.StatusForbidden},
	} {
		for _, engine := range dbtest.Engines(t) {
			t.Run(name+"/"+string(engine), func(t *testing.T) {
				t.Parallel()
				a := administer(t, engine)
				a.administrator("another") // so that the other is not the last one
				c := &caller{a: a, root: a.administrator("root"), robot: a.robot()}
				as, actor := a.own(c.robot, "admin:users:write", a.Issuer+adminPath), c.robot.ClientID
				if test.asPerson {
					as, actor = a.on(c.robot, c.root, "openid admin:users:write"), c.root.Subject()
				}
				var err error
				c.issued, err = a.App.Tokens.Lookup(t.Context(), secret.FromString(as))
				must(t, err)
				before := a.done(actor)
				answer := a.overtaken(creation, testx.Bearer(as), func() { must(t, test.end(c)) })
				if answer.Status != test.status || answer.Header.Get("Content-Type") != "application/problem+json" ||
					answer.Status == http.StatusUnauthorized && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("%d %v %s", answer.Status, answer.Header, answer.Body)
				}
				if found, err := a.Users.List(t.Context(), user.Query{Username: "eve", Limit: 1}); err != nil || len(found.Users) != 0 {
					t.Errorf("the user was made: %v, %v", found.Users, err)
				}
				if after := a.done(actor); !slices.Equal(after, before) {
					t.Errorf("the log has %v", after)
				}
			})
		}
	}
}

// Each kind of change asks for the authority again.
func TestEveryChangeAsksForTheAuthorityAgain(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			robot, ada, app := a.robot(), a.Person("ada"), a.Confidential("https://app.example/callback", nil)
			must(t, a.Scopes.Create(t.Context(), scope.Scope{Name: "reports", Description: "Read reports", Active: true}))
			as := testx.Bearer(a.own(robot, adminScopes().String(), a.Issuer+adminPath))
			a.Tokens(app, ada, url.Values{"scope": {"openid offline_access"}})
			person, of := "/users/"+ada.Subject(), "/clients/"+app.ClientID
			before := a.done(robot.ClientID)
			for _, sent := range []change{
				{http.MethodPost, "/users", `{"username":"eve","invitation":true}`},
				{http.MethodPatch, person, `{"name":"Eve"}`},
				{http.MethodPost, person + "/disable", ""},
				{http.MethodPost, person + "/require-password-change", ""},
				{http.MethodPost, person + "/password", ""},
				{http.MethodPost, person + "/unlock", ""},
				{http.MethodDelete, person + "/sessions", ""},
				{http.MethodDelete, person + "/tokens", ""},
				{http.MethodDelete, person + "/grants", ""},
				{http.MethodDelete, person, ""},
				{http.MethodPost, "/clients", `{"client_name":"Eve","redirect_uris":["https://eve.example/callback"]}`},
				{http.MethodPatch, of, `{"client_name":"Eve"}`},
				{http.MethodPost, of + "/secrets", `{}`},
				{http.MethodPost, of + "/disable", ""},
				{http.MethodDelete, of, ""},
				{http.MethodPost, "/scopes", `{"name":"eve","description":"Be Eve"}`},
				{http.MethodPatch, "/scopes/reports", `{"description":"Be Eve"}`},
				{http.MethodDelete, "/scopes/reports", ""},
				{http.MethodPost, "/initial-access-tokens", `{"name":"eve"}`},
				{http.MethodPost, "/keys/rotate", `{"force":true}`},
				{http.MethodPost, "/system/jobs/sweep-tokens/run", ""},
			} {
				answer := a.overtaken(sent, as, func() { a.change(`UPDATE clients SET administrator = $1 WHERE id = $2`, false, robot.ID) })
				if answer.Status != http.StatusForbidden || answer.Text("type") != "urn:authly:problem:not_administrator" {
					t.Errorf("%s %s: %d %s", sent.method, sent.path, answer.Status, answer.Body)
				}
				a.change(`UPDATE clients SET administrator = $1 WHERE id = $2`, true, robot.ID)
			}
			if after := a.done(robot.ClientID); !slices.Equal(after, before) {
				t.Errorf("the log has %v", after)
			}
		})
	}
}

// A caller may end the very access that the request is made with, all of it.
func TestAdministratorEndsTheirOwnAccess(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			a.administrator("another")
			root, robot := a.administrator("root"), a.robot()
			for _, sent := range []change{
				{http.MethodDelete, "/users/" + root.Subject() + "/tokens", ""},
				{http.MethodDelete, "/users/" + root.Subject() + "/sessions", ""},
				{http.MethodPatch, "/users/" + root.Subject(), `{"administrator":false}`},
			} {
				as := testx.Bearer(a.on(robot, root, "openid admin:users:write admin:sessions:write admin:tokens:write"))
				options := []testx.RequestOption{as}
				if sent.body != "" {
					options = append(options, testx.JSON(sent.body))
				}
				if answer := a.Call(sent.method, a.Issuer+adminPath+sent.path, nil, options...); answer.Status != http.StatusOK {
					t.Errorf("%s %s: %d %s", sent.method, sent.path, answer.Status, answer.Body)
				}
				if answer := a.Call(sent.method, a.Issuer+adminPath+sent.path, nil, options...); answer.Status != http.StatusUnauthorized && answer.Status != http.StatusForbidden {
					t.Errorf("%s %s a second time: %d %s", sent.method, sent.path, answer.Status, answer.Body)
				}
			}
		})
	}
}

// An ending of many things goes on after it has ended the access of its own caller.
func TestEndingGoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			const others = 300 // more than one transaction ends
			a := administer(t, engine)
			root := a.administrator("root")
			as := testx.Bearer(a.on(a.robot(), root, "openid admin:sessions:write")) // in the oldest session
			must(t, a.Database().Tx(t.Context(), func(ctx context.Context) error {
				for range others {
					made := id.New()
					if _, err := a.Database().Write(ctx).Exec(ctx, `INSERT INTO sessions (id, user_id, authentication_methods, authenticated_at, created_at, last_seen_at,
							idle_expires_at, expires_at, token_hash, user_agent, address)
						SELECT $1, user_id, authentication_methods, authenticated_at, created_at, last_seen_at, idle_expires_at, expires_at, $2, user_agent, address
						FROM sessions ORDER BY id LIMIT 1`, made, made[:]); err != nil {
						return err
					}
				}
				return nil
			}))
			answer := a.Call(http.MethodDelete, a.Issuer+adminPath+"/users/"+root.Subject()+"/sessions", nil, as)
			if answer.Status != http.StatusOK || answer.JSON["ended"] != float64(others+1) {
				t.Errorf("%d %s", answer.Status, answer.Body)
			}
		})
	}
}
