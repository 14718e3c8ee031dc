package bootstrap_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"authly/internal/audit"
	"authly/internal/bootstrap"
	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
)

func (w *world) own(t *testing.T, clientID string) client.Client {
	t.Helper()
	cl, err := w.clients.Find(t.Context(), clientID)
	must(t, err)
	if !cl.BuiltIn || !cl.IsPublic() || cl.PKCE != client.PKCERequired || cl.SkipsConsent() || cl.Administrator ||
		cl.MayUse(oauth.ClientCredentials) || !slices.Equal(cl.Resources, []string{w.issuer + "/api/v1/admin"}) {
		t.Errorf("%s: %+v", clientID, cl)
	}
	return cl
}

func (w *world) events(t *testing.T, action audit.Action) []audit.Event {
	t.Helper()
	page, err := w.log.List(t.Context(), audit.Query{Action: action, Limit: audit.MaxLimit})
	must(t, err)
	return page.Events
}

func TestClientsOfTheServersOwn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example/auth")
		must(t, w.service.Prepare(t.Context()))
		commandLine, console := w.own(t, bootstrap.CommandLineClientID), w.own(t, bootstrap.ConsoleClientID)
		if !commandLine.IsActive() || console.IsActive() { // there is no console yet
			t.Errorf("made: the command line %s, the console %s", commandLine.State, console.State)
		}
		for _, uri := range []string{"http://127.0.0.1:4321/callback", "http://[::1]:1/callback"} {
			if !commandLine.HasRedirectURI(uri) || console.HasRedirectURI(uri) {
				t.Errorf("%s: command line %v, console %v", uri, commandLine.HasRedirectURI(uri), console.HasRedirectURI(uri))
			}
		}
		for _, uri := range []string{"http://localhost:1/callback", "http://127.0.0.1:4321/other", "https://id.example/auth/console/callback"} {
			if commandLine.HasRedirectURI(uri) {
				t.Errorf("the command line may be sent to %s", uri)
			}
		}
		if !console.HasRedirectURI("https://id.example/auth/console/callback") {
			t.Errorf("the console: %v", console.RedirectURIs)
		}
		catalogue, err := w.scopes.List(t.Context())
		must(t, err)
		for _, entry := range catalogue {
			mine := strings.HasPrefix(entry.Name, "admin:") || slices.Contains([]string{"openid", "profile", "offline_access"}, entry.Name)
			if commandLine.Scopes.Has(entry.Name) != mine || console.Scopes.Has(entry.Name) != mine {
				t.Errorf("%s: %v, %v", entry.Name, commandLine.Scopes, console.Scopes)
			}
		}
		if created := w.events(t, audit.ClientCreate); len(created) != 2 || created[0].Actor.Kind != audit.Server {
			t.Errorf("the log says %+v", created)
		}

		// What an administrator has said stays; nothing is written without need.
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE clients SET state = CASE id WHEN $1 THEN 'disabled' ELSE 'active' END`, commandLine.ID)
		must(t, err)
		must(t, w.service.Prepare(t.Context()))
		if again := w.own(t, bootstrap.CommandLineClientID); again.IsActive() || again.ID != commandLine.ID {
			t.Errorf("after a restart: %+v", again)
		}
		if !w.own(t, bootstrap.ConsoleClientID).IsActive() {
			t.Error("the restart has disabled the console, which was enabled")
		}
		if changed := w.events(t, audit.ClientUpdate); len(changed) != 0 {
			t.Errorf("the log says %+v", changed)
		}

		// A new issuer, and a newer node's scope.
		_, err = database.Write(t.Context()).Exec(t.Context(), `INSERT INTO scopes (name, description, is_default, active, created_at, updated_at)
			VALUES ('admin:moons:read', 'See the moons', FALSE, TRUE, $1, $1)`, start)
		must(t, err)
		moved := newWorld(t, database, "https://login.example")
		must(t, moved.service.Prepare(t.Context()))
		after := moved.own(t, bootstrap.ConsoleClientID)
		if !after.Scopes.Has("admin:moons:read") || !slices.Equal(after.RedirectURIs, []string{"https://login.example/console/callback"}) {
			t.Errorf("after the move: %+v", after.Metadata)
		}
		if again := moved.own(t, bootstrap.CommandLineClientID); again.IsActive() {
			t.Error("the move has enabled the command line")
		}
		if changed := moved.events(t, audit.ClientUpdate); len(changed) != 2 || len(changed[0].Details.Changes) == 0 {
			t.Errorf("the log says %+v", changed)
		}
	})
}

// Somebody else's client of that name is not taken over.
func TestClientIDThatIsTaken(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		created, err := w.clients.Register(t.Context(), client.Metadata{Name: "Other", RedirectURIs: []string{"https://evil.example/callback"}})
		must(t, err)
		_, err = database.Write(t.Context()).Exec(t.Context(), `UPDATE clients SET client_id = $1 WHERE id = $2`, bootstrap.CommandLineClientID, created.Client.ID)
		must(t, err)
		err = w.service.Prepare(t.Context())
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), bootstrap.CommandLineClientID) {
			t.Errorf("the start: %v", err)
		}
		cl, err := w.clients.Find(t.Context(), bootstrap.CommandLineClientID)
		must(t, err)
		if cl.BuiltIn || cl.Name != "Other" {
			t.Errorf("it was taken over: %+v", cl)
		}
	})
}

func TestNodesStartAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		worlds := make([]*world, 32)
		for i := range worlds {
			worlds[i] = newWorld(t, database, "https://id.example")
		}
		var group sync.WaitGroup
		for _, each := range worlds {
			group.Go(func() {
				if err := each.service.Prepare(context.WithoutCancel(t.Context())); err != nil {
					t.Errorf("start: %v", err)
				}
			})
		}
		group.Wait()
		w := worlds[0]
		w.own(t, bootstrap.CommandLineClientID)
		w.own(t, bootstrap.ConsoleClientID)
		if created := w.events(t, audit.ClientCreate); len(created) != 2 || w.clientCount(t) != 2 {
			t.Errorf("%d clients, the log says %+v", w.clientCount(t), created)
		}
		if changed := w.events(t, audit.ClientUpdate); len(changed) != 0 {
			t.Errorf("the log says %+v", changed)
		}
		catalogue, err := scope.New(scope.Deps{Database: database, Clock: w.clock}).List(t.Context())
		if err != nil || len(catalogue) != 21 {
			t.Errorf("%d scopes, %v", len(catalogue), err)
		}
	})
}
