package declarative_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"authly/internal/audit"
	"authly/internal/cli/declarative"
	"authly/internal/cli/remote"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// world is a server that files describe.
type world struct {
	*testx.Server
	t         *testing.T
	api       *remote.Client
	variables map[string]string
}

func onEveryEngine(t *testing.T, test func(w *world)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(newWorld(t, engine))
		})
	}
}

func newWorld(t *testing.T, engine db.Engine) *world {
	t.Helper()
	server := testx.NewServer(t, engine)
	operator, err := server.Operator("test")
	if err != nil {
		t.Fatal(err)
	}
	return &world{server, t, remote.InProcess(server.Issuer, operator, "test"), map[string]string{}}
}

func (w *world) export(extent declarative.Extent) string {
	w.t.Helper()
	var text bytes.Buffer
	if err := declarative.Export(w.t.Context(), w.api, w.description(), extent, &text); err != nil {
		w.t.Fatal(err)
	}
	return text.String()
}

// expectElsewhere applies what was exported to other servers, on which it is then the same.
func (w *world) expectElsewhere(extent declarative.Extent, exported string) {
	w.t.Helper()
	for _, engine := range dbtest.Engines(w.t) {
		other := newWorld(w.t, engine)
		other.applies(exported, declarative.Keep)
		w.expect(other.export(extent), exported)
	}
}

func (w *world) description() []byte {
	w.t.Helper()
	return []byte(w.Get("/api/v1/openapi.json").Body)
}

func (w *world) read(text string) declarative.Document {
	w.t.Helper()
	document, err := declarative.Read(w.description(), declarative.Source{Name: "authly.yaml", Content: strings.NewReader(text)})
	if err != nil {
		w.t.Fatal(err)
	}
	return document
}

func (w *world) plan(text string, pruning declarative.Pruning) declarative.Plan {
	w.t.Helper()
	plan, err := declarative.Make(w.t.Context(), w.api, w.read(text), declarative.Options{Variables: w.variable, Pruning: pruning})
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

func (w *world) variable(name string) string { return w.variables[name] }

// applies applies a document and shows what its plan was.
func (w *world) applies(text string, pruning declarative.Pruning) string {
	w.t.Helper()
	plan := w.plan(text, pruning)
	done := 0
	if _, err := declarative.Apply(w.t.Context(), w.api, plan, func(declarative.Step) { done++ }); err != nil {
		w.t.Fatalf("apply:\n%s\n%v", text, err)
	}
	if done != plan.Changes() {
		w.t.Errorf("%d steps were told of %d", done, plan.Changes())
	}
	return w.shows(plan)
}

func (w *world) shows(plan declarative.Plan) string {
	w.t.Helper()
	var shown bytes.Buffer
	if err := plan.Write(&shown); err != nil {
		w.t.Fatal(err)
	}
	return shown.String()
}

func (w *world) expect(got, want string) {
	w.t.Helper()
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		w.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

const shop = `
name: shops
scopes:
  - name: orders:read
    description: See your orders
clients:
  - client_id: shop
    client_name: Shop
    redirect_uris: [https://shop.example/cb]
    scopes: [openid, "orders:read"]
    access_token_lifetime: 300
    default_max_age: 600
    client_secret: env:SHOP_SECRET
  - client_id: app
    client_name: App
    token_endpoint_auth_method: none
    redirect_uris: [https://app.example/cb]
    state: disabled
`

const (
	firstSecret  = "one-secret-of-the-shop-0123456789abcdef"
	secondSecret = "another-secret-of-the-shop-0123456789abc"
)

// Applying twice changes nothing; what changes is shown; what is gone is deleted only if asked.
func TestFromAFileToAServer(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.Secret(firstSecret, secondSecret)
		w.variables["SHOP_SECRET"] = firstSecret
		first := w.plan(shop, declarative.Keep)
		w.expect(w.shows(first), `
+ scope orders:read
    description: "See your orders"

+ client shop
    access_token_lifetime: 300
    client_name: "Shop"
    default_max_age: 600
    redirect_uris:
      + "https://shop.example/cb"
    scopes:
      + "openid"
      + "orders:read"
    client_secret: "the secret of env:SHOP_SECRET"

+ client app
    client_name: "App"
    redirect_uris:
      + "https://app.example/cb"
    token_endpoint_auth_method: "none"
    state: "disabled"

3 to create, 0 to change, 0 to delete; 0 as the file says.`)
		if found, err := w.Clients.Find(t.Context(), "shop"); err == nil {
			t.Errorf("a plan made %v", found)
		}
		w.applies(shop, declarative.Keep)
		w.expect(w.applies(shop, declarative.Keep), "Nothing to change; 3 as the file says.")
		w.expectSecret(firstSecret, true)

		w.variables["SHOP_SECRET"] = secondSecret
		changed := strings.NewReplacer(
			"client_name: Shop", "client_name: The shop", "[https://shop.example/cb]", "[https://shop.example/callback]",
			"default_max_age: 600", "default_max_age: null", "state: disabled", "state: active", "access_token_lifetime: 300", "contacts: [a@b.example]",
		).Replace(shop)
		w.expect(w.applies(changed, declarative.Keep), `
~ client shop
    client_name: "Shop" → "The shop"
    contacts:
      + "a@b.example"
    default_max_age: 600 → none
    redirect_uris:
      - "https://shop.example/cb"
      + "https://shop.example/callback"
    client_secret: "the secret of env:SHOP_SECRET"

~ client app
    state: "disabled" → "active"

0 to create, 2 to change, 0 to delete; 1 as the file says.`)
		w.expect(w.applies(changed, declarative.Keep), "Nothing to change; 3 as the file says.")
		w.expectSecret(firstSecret, false)
		w.expectSecret(secondSecret, true)
		found, err := w.Clients.Find(t.Context(), "shop")
		if err != nil || found.AccessTokenLifetime != 300 {
			t.Errorf("a field that the file doesn't name changed: %v, %v", found.AccessTokenLifetime, err)
		}

		other := w.Confidential("https://other.example/callback", nil)
		const unlisted = "name: shops\nscopes: [{name: \"orders:read\"}]\n"
		w.expect(w.applies(unlisted, declarative.Prune), "? client shop\n? client app\nNothing to change; 1 as the file says; 2 clients that it managed, and has no list of any more (with clients: [], --prune deletes them).")
		const less = unlisted + "clients: []\n"
		w.expect(w.applies(less, declarative.Keep), "? client shop\n? client app\nNothing to change; 1 as the file says; 2 no longer in it (--prune deletes them).")
		w.expect(w.applies(less, declarative.Prune), "- client shop\n- client app\n0 to create, 0 to change, 2 to delete; 1 as the file says.")
		w.expect(w.applies(less, declarative.Prune), "Nothing to change; 1 as the file says.")
		if _, err := w.Clients.Find(t.Context(), other.ClientID); err != nil {
			t.Errorf("a client that the file never managed: %v", err)
		}
		w.expect(w.applies("name: shops\nscopes: []\n", declarative.Prune), "- scope orders:read\n0 to create, 0 to change, 1 to delete; 0 as the file says.")
	})
}

func (w *world) expectSecret(value string, want bool) {
	w.t.Helper()
	answer := w.Post("/oauth/introspect", map[string][]string{"token": {"x"}}, func(r *http.Request) { r.SetBasicAuth("shop", value) })
	if (answer.Status == http.StatusOK) != want {
		w.t.Errorf("the secret is let in: %d, want %v", answer.Status, want)
	}
}

// What a server has can be written down, and is then the same on another one.
func TestFromAServerToAFile(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.variables["SHOP_SECRET"] = firstSecret
		w.applies(shop+"\n    jwks: {keys: []}\n    require_auth_time: true\n", declarative.Keep)
		w.applies("name: shops\nscopes: [{name: \"orders:write\", description: Change your orders, active: false}, {name: phone, default: true}]\n", declarative.Keep)
		everything := declarative.Extent{Name: "shops"}
		exported := w.export(everything)
		if strings.Contains(exported, firstSecret) || strings.Contains(exported, "name: openid") || !strings.Contains(exported, "phone\n    active: true\n    default: true\n") {
			t.Errorf("exported:\n%s", exported)
		}
		w.expect(w.applies(exported, declarative.Prune), "Nothing to change; 5 as the file says.")
		w.expectElsewhere(everything, exported)
	})
}

func TestWrongFiles(t *testing.T) {
	t.Parallel()
	server := testx.NewServer(t, dbtest.Engines(t)[0])
	description := []byte(server.Get("/api/v1/openapi.json").Body)
	for text, want := range map[string]string{
		"": "there is nothing in it: a file has at least one list of scopes, clients, users", "name: shop": "there is nothing in it", "---": "there is nothing in it",
		"client: []": `authly.yaml:1: there is no "client"; a file has name, scopes, clients, users`,
		"clients: [{client_id: a, redirect_uri: x}]":                  "authly.yaml:1: a client has no field redirect_uri that can be set; is it redirect_uris?",
		"clients: [{client_id: a, created_at: 2020-01-01}]":           "a client has no field created_at that can be set",
		"clients: [{client_id: a, name: x}]":                          "is it client_name?",
		"clients: [{client_name: a}]":                                 "a client needs client_id",
		"clients: [{client_id: a}, {client_id: a}]":                   "the client a stands here twice",
		"clients: [{client_id: a, client_id: b}]":                     "client_id stands here twice",
		"clients: [{client_id: a, client_secret: hunter2}]":           "a secret doesn't stand in the file itself",
		"clients: [{client_id: a, state: gone}]":                      "state is active or disabled",
		"clients: [{client_id: a, pkce: null}]":                       "pkce is always there, so that nothing can't stay",
		"clients: [{client_id: a, consent: \"\"}]":                    "consent is always there",
		"clients: [{client_id: a, grant_types: []}]":                  "grant_types is always there",
		"clients: [{client_id: a, managed_by: b}]":                    "a client has no field managed_by that can be set: that is the name of the file itself",
		"clients: [{client_id: a, jwks: {keys: [], keys: []}}]":       "keys stands there twice",
		"users: [{username: a, address: {Region: b}}]":                "it has no member Region, but country, formatted",
		"users: [{username: a}, {username: A}]":                       "the user A stands here twice",
		"users: [{username: a, invitation: true}]":                    "a user has no field invitation that can be set: what it is answered with",
		"clients: [{client_id: a, client_secret_overlap_seconds: x}]": "client_secret_overlap_seconds is a number of seconds",
		"clients: {}":                      "clients is a list",
		"clients: [x]":                     "names with values are expected here",
		"name: two words":                  "name takes up to 64 letters",
		"- a":                              "names with values are expected here",
		"clients: [":                       "authly.yaml: ",
		"clients: [&a {client_id: a}, *a]": "names with values are expected here",
		"scopes: [{name: a, <<: {x: y}}]":  "a plain name is expected here",
		"scopes: [{name: a, description: {a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}}]": "nested too deeply",
	} {
		_, err := declarative.Read(description, declarative.Source{Name: "authly.yaml", Content: strings.NewReader(text)})
		var problems declarative.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// What can't be done says where it stands, and nobody's change is undone.
func TestRefusedPlans(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		const mine = "name: mine\nclients: [{client_id: shop, client_name: Shop, redirect_uris: [\"https://shop.example/cb\"]}]\n"
		w.applies(mine, declarative.Keep)
		missing := filepath.Join(t.TempDir(), "missing")
		empty := filepath.Join(t.TempDir(), "empty")
		if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]string{
			strings.Replace(mine, "name: mine", "name: other", 1):                   `managed by "mine"`,
			strings.Replace(mine, "}", ", client_secret: \"file:"+missing+"\"}", 1): "read a secret",
			strings.Replace(mine, "}", ", client_secret: \"file:"+empty+"\"}", 1):   "there is no secret in file:",
			strings.Replace(mine, "}", ", client_secret: env:NOTHING}", 1):          "there is no secret in env:NOTHING",
		} {
			_, err := declarative.Make(w.t.Context(), w.api, w.read(text), declarative.Options{Variables: w.variable})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "authly.yaml:2: the client shop: ") {
				t.Errorf("%s: %v", text, err)
			}
		}
		late := w.plan(strings.Replace(mine, "Shop", "The shop", 1), declarative.Keep)
		w.applies(strings.Replace(mine, "Shop", "Another shop", 1), declarative.Keep)
		_, err := declarative.Apply(t.Context(), w.api, late, func(step declarative.Step) { t.Errorf("done: %v", step) })
		if !remote.IsStatus(err, http.StatusPreconditionFailed) {
			t.Errorf("a late plan: %v", err)
		}
		wrong := w.plan(strings.Replace(mine, "https://shop.example/cb", "no", 1), declarative.Keep)
		_, err = declarative.Apply(t.Context(), w.api, wrong, func(step declarative.Step) { t.Errorf("done: %v", step) })
		if err == nil || !strings.Contains(err.Error(), "change the client shop: ") || !strings.Contains(err.Error(), "redirect_uris") {
			t.Errorf("a wrong field: %v", err)
		}
	})
}

// Nodes that start at once with the same file all start, and each thing is done once.
func TestNodesApplyAtOnce(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.Secret(firstSecret, secondSecret)
		w.variables["SHOP_SECRET"] = firstSecret
		var many strings.Builder
		many.WriteString(shop)
		for i := range 9 {
			fmt.Fprintf(&many, "  - {client_id: app%d, client_name: App, token_endpoint_auth_method: none, redirect_uris: [\"https://app.example/cb\"]}\n", i)
		}
		many.WriteString("users:\n")
		for i := range 9 {
			fmt.Fprintf(&many, "  - {username: user%d, email: user%[1]d@shop.example}\n", i)
		}
		w.atOnce(many.String(), 3+1+9+9) // one client is made, and disabled
		w.expect(w.applies(many.String(), declarative.Keep), "Nothing to change; 21 as the file says.")

		w.variables["SHOP_SECRET"] = secondSecret
		w.atOnce(strings.NewReplacer("client_name: App", "client_name: The app", "@shop.example", "@shops.example").Replace(many.String()), 1+10+9)
		w.expectSecret(firstSecret, false)
		w.expectSecret(secondSecret, true)
		const none = "name: shops\nscopes: []\nclients:\nusers: []\n"
		w.atOnce(none, 21)
		w.expect(w.applies(none, declarative.Prune), "Nothing to change; 0 as the file says.")
	})
}

// atOnce lets several nodes apply a document, and expects how many changes the log has of that.
func (w *world) atOnce(text string, changes int) {
	w.t.Helper()
	before := w.changes()
	document := w.read(text)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			planned := func(declarative.Plan) error { return nil }
			options := declarative.Options{Variables: w.variable, Pruning: declarative.Prune}
			if _, err := declarative.Converge(w.t.Context(), w.api, document, options, planned); err != nil {
				w.t.Errorf("a node: %v", err)
			}
		})
	}
	group.Wait()
	if made := w.changes() - before; made != changes {
		w.t.Errorf("%d changes were made, want %d", made, changes)
	}
}

// changes counts the changes of records in the audit log.
func (w *world) changes() int {
	w.t.Helper()
	counted := []audit.Action{
		audit.ScopeCreate, audit.ScopeUpdate, audit.ScopeDelete, audit.ClientCreate, audit.ClientUpdate, audit.ClientDisable, audit.ClientDelete,
		audit.SecretCreate,
		audit.UserCreate, audit.UserUpdate, audit.UserDelete,
	}
	count, query := 0, audit.Query{Limit: audit.MaxLimit}
	for {
		events, err := w.Audit.List(w.t.Context(), query)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, each := range events.Events {
			if slices.Contains(counted, each.Action) {
				count++
			}
		}
		if query.After = events.Next; query.After.IsZero() {
			return count
		}
	}
}
