package declarative_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"authly/internal/cli/account"
	"authly/internal/cli/declarative"
	"authly/internal/cli/remote"
	"authly/internal/client"
	"authly/internal/platform/relyingparty"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/user"
)

const staff = `
name: staff
users:
  - username: ada
    email: " ada@staff.example "
    email_verified: true
    given_name: Ada
    phone_number: +44123456789
    birthdate: 1815
    address: {locality: London, postal_code: 01234, region: "", country: null}
    password: env:ADA_PASSWORD
    require_password_change: true
  - username: bob
    administrator: true
  - username: Carl
    state: disabled
  - username: dora
    password: env:DORA_PASSWORD
    state: disabled
`

const passwordOfAda, passwordOfDora = "the first password of ada", "the first password of dora"

func (w *world) user(name string) user.User {
	w.t.Helper()
	found, err := w.Users.FindByIdentifier(w.t.Context(), name)
	if err != nil {
		w.t.Fatalf("the user %s: %v", name, err)
	}
	return found
}

func (w *world) staff() {
	w.t.Helper()
	w.Secret(passwordOfAda, passwordOfDora)
	w.variables["ADA_PASSWORD"], w.variables["DORA_PASSWORD"] = passwordOfAda, passwordOfDora
}

// Users are made, changed and deleted as other records are; what is theirs stays theirs.
func TestUsersInAFile(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.staff()
		plan := w.plan(staff, declarative.Keep)
		w.expect(w.shows(plan), `
+ user ada
    address: {"country":null,"locality":"London","postal_code":"01234","region":""}
    birthdate: "1815"
    email: "ada@staff.example"
    email_verified: true
    given_name: "Ada"
    phone_number: "+44123456789"
    require_password_change: true
    password: "the secret of env:ADA_PASSWORD"

+ user bob
    administrator: true

+ user Carl
    state: "disabled"

+ user dora
    password: "the secret of env:DORA_PASSWORD"
    state: "disabled"

4 to create, 0 to change, 0 to delete; 0 as the file says.`)
		unseen, err := declarative.Apply(t.Context(), w.api, plan, func(declarative.Step) {})
		if want := []declarative.Unseen{{Kind: "user", Key: "bob", Administers: true}}; err != nil || !slices.Equal(unseen, want) {
			t.Errorf("nobody has seen %v, %v, want %v", unseen, err, want)
		}
		w.expect(w.applies(staff, declarative.Keep), "Nothing to change; 4 as the file says.")
		ada, bob, carl, dora := w.user("ada"), w.user("bob"), w.user("carl"), w.user("dora")
		switch {
		case !ada.EmailVerified, ada.Claims.PhoneNumber != "+44123456789", !ada.RequirePasswordChange, ada.Administrator, ada.ManagedBy != "staff":
			t.Errorf("ada is %+v", ada)
		case !bob.Administrator, bob.HasPassword(), carl.Username != "Carl", carl.IsActive(), carl.HasPassword(), dora.IsActive(), !dora.HasPassword():
			t.Errorf("bob is %+v, carl %+v, dora %+v", bob, carl, dora)
		}

		// Who has chosen a password since keeps it, and is not asked for another one; the file's isn't even read.
		chosen := secret.FromString("what ada chose herself since")
		w.Secret(chosen.Reveal())
		if err := w.Users.SetPassword(t.Context(), ada.ID, chosen); err != nil {
			t.Fatal(err)
		}
		delete(w.variables, "ADA_PASSWORD")
		w.expect(w.applies(staff, declarative.Keep), "Nothing to change; 4 as the file says.")
		if ada = w.user("ada"); ada.RequirePasswordChange {
			t.Error("a password that was changed has to be changed again")
		}

		// A name in other letters is the same name; what was checked of another address is said anew.
		changed := strings.NewReplacer("username: Carl\n    state: disabled", "username: CARL", "ada@staff.example", "countess@staff.example",
			"given_name: Ada", "given_name: null", "phone_number: +44123456789", "phone_number: \"+44987\"\n    phone_number_verified: false").Replace(staff)
		w.expect(w.applies(changed, declarative.Keep), `
~ user ada
    email: "ada@staff.example" → "countess@staff.example"
    given_name: "Ada" → none
    phone_number: "+44123456789" → "+44987"

0 to create, 1 to change, 0 to delete; 3 as the file says.`)
		w.expect(w.applies(changed, declarative.Keep), "Nothing to change; 4 as the file says.")
		if ada = w.user("ada"); !ada.EmailVerified || ada.Email != "countess@staff.example" {
			t.Errorf("ada is %+v", ada)
		}

		other := w.Person("other")
		root, err := w.Users.Create(t.Context(), user.New{Username: "root", Administrator: true, Password: secret.FromString("what only root may know")})
		if err != nil {
			t.Fatal(err)
		}
		const less = "name: staff\nusers: [{username: ada}, {username: bob, administrator: false}]\n"
		w.expect(w.applies(less, declarative.Keep), `
~ user bob
    administrator: true → false

? user Carl
? user dora
0 to create, 1 to change, 0 to delete; 1 as the file says; 2 no longer in it (--prune deletes them).`)
		w.expect(w.applies(less, declarative.Prune), "- user Carl\n- user dora\n0 to create, 0 to change, 2 to delete; 2 as the file says.")
		w.expect(w.applies("name: staff\nusers: []\n", declarative.Prune), "- user ada\n- user bob\n0 to create, 0 to change, 2 to delete; 0 as the file says.")
		w.user(other.Username)

		// Nobody is left out of the server by a file either.
		if _, err := w.api.Do(t.Context(), remote.Request{Method: http.MethodPatch, Path: remote.Join("users", root.Subject()), Body: map[string]string{"managed_by": "staff"}}); err != nil {
			t.Fatal(err)
		}
		_, err = declarative.Apply(t.Context(), w.api, w.plan("name: staff\nusers: []\n", declarative.Prune), func(declarative.Step) {})
		if !remote.IsStatus(err, http.StatusConflict) {
			t.Errorf("the last administrator is deleted: %v", err)
		}
	})
}

// Somebody's account is not taken over by the way, and nobody becomes an administrator so.
func TestAccountsThatExist(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.Person("mallory")
		if _, err := w.api.Do(t.Context(), remote.Request{Method: http.MethodPost, Path: "/clients", Body: json.RawMessage(
			`{"client_id":"robot","client_name":"Robot","grant_types":["client_credentials"],"redirect_uris":[]}`,
		)}); err != nil {
			t.Fatal(err)
		}
		const harmless, promoting = "users: [{username: Mallory, email_verified: true}]\n", "users: [{username: mallory, administrator: true}]\n"
		for _, test := range []struct {
			text, want string
			adoption   declarative.Adoption
		}{
			{harmless, "authly.yaml:1: the user Mallory: the account exists already and follows no file", declarative.Refuse},
			{harmless, "follows no file", ""},
			{promoting, "a file doesn't make it one", declarative.Refuse},
			{promoting, "a file doesn't make it one", declarative.Adopt},
			{"clients: [{client_id: robot, administrator: true}]", "authly.yaml:1: the client robot: it exists already, follows no file and is no administrator", declarative.Adopt},
			{"users: [{username: mallory@people.example}]", "there it is called mallory", declarative.Adopt},
		} {
			_, err := declarative.Make(t.Context(), w.api, w.read(test.text), declarative.Options{Variables: w.variable, Adoption: test.adoption})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s %q: %v", test.text, test.adoption, err)
			}
		}
		plan, err := declarative.Make(t.Context(), w.api, w.read(harmless), declarative.Options{Variables: w.variable, Adoption: declarative.Adopt})
		if err != nil {
			t.Fatal(err)
		}
		w.expect(w.shows(plan), "~ user Mallory\n    managed_by: \"authly\"\n\n0 to create, 1 to change, 0 to delete; 0 as the file says.")
		if _, err := declarative.Apply(t.Context(), w.api, plan, func(declarative.Step) {}); err != nil {
			t.Fatal(err)
		}
		if mallory := w.user("mallory"); mallory.Administrator || mallory.Username != "mallory" {
			t.Errorf("mallory is %+v", mallory)
		}
		// Of its own accounts a file decides that, too: whoever writes it is who decides.
		w.applies(promoting, declarative.Keep)
		if !w.user("mallory").Administrator {
			t.Error("the file did not make one of its own an administrator")
		}
	})
}

// Between a plan and what is done, records may have gone another way.
func TestPruningLate(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.staff()
		w.applies(staff, declarative.Keep)
		late := w.plan("name: staff\nusers: []\n", declarative.Prune)
		if _, err := w.api.Do(t.Context(), remote.Request{Method: http.MethodDelete, Path: remote.Join("users", w.user("ada").Subject())}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.api.Do(t.Context(), remote.Request{
			Method: http.MethodPatch, Path: remote.Join("users", w.user("bob").Subject()), Body: map[string]string{"managed_by": "another"},
		}); err != nil {
			t.Fatal(err)
		}
		var done []string
		_, err := declarative.Apply(t.Context(), w.api, late, func(step declarative.Step) { done = append(done, step.Key) })
		if err == nil || !strings.Contains(err.Error(), "delete the user bob: it does not follow this file any more") || !slices.Equal(done, []string{"ada"}) {
			t.Errorf("done: %v, %v", done, err)
		}
		w.user("bob")
		w.user("dora")
	})
}

// A name that is changed on the server is not one that is gone from the file.
func TestAnAccountWithAnotherName(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		const text = "users: [{username: ada}, {username: bob}]\n"
		w.applies(text, declarative.Keep)
		for _, each := range []struct{ body, manager string }{{`{"username":"ADA"}`, "authly"}, {`{"username":"lovelace"}`, ""}} {
			known := w.user("ada")
			path := remote.Join("users", known.Subject())
			if _, err := w.api.Do(t.Context(), remote.Request{Method: http.MethodPatch, Path: path, Body: json.RawMessage(each.body)}); err != nil {
				t.Fatal(err)
			}
			if found, err := w.Users.Find(t.Context(), known.ID); err != nil || found.ManagedBy != each.manager {
				t.Errorf("after %s, %+v, %v", each.body, found, err)
			}
		}
		w.expect(w.applies(text, declarative.Prune), "+ user ada\n1 to create, 0 to change, 0 to delete; 1 as the file says.")
		w.user("lovelace")
	})
}

// What one record needs and another one gives up is given up first.
func TestStepsThatWait(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.staff()
		w.variables["NEXT"] = "another password to begin with"
		w.Secret(w.variables["NEXT"])
		// The office of the only administrator who can sign in goes to the next, whose address comes here; and back.
		const first = "users: [{username: one, administrator: true, password: env:ADA_PASSWORD, require_password_change: false}, {username: next, email: x@staff.example, password: env:NEXT, require_password_change: false}]\n"
		const then = "users: [{username: one, email: x@staff.example, administrator: false}, {username: next, email: null, administrator: true}]\n"
		const back = "users: [{username: one, administrator: true}, {username: next, email: null, administrator: false}]\n"
		for _, text := range []string{first, then, back} {
			w.applies(text, declarative.Keep)
			w.expect(w.applies(text, declarative.Keep), "Nothing to change; 2 as the file says.")
		}
		// What was done of a step before it had to wait is not done again, nor taken for somebody else's change.
		w.applies("users: [{username: one, given_name: One, state: disabled}, {username: next, administrator: true}]\n", declarative.Keep)
		if one := w.user("one"); one.IsActive() || one.Claims.GivenName != "One" {
			t.Errorf("one is %+v", one)
		}
		w.applies("users: [{username: one, state: active}, {username: next, administrator: false}]\n", declarative.Keep)
		// A name that is changed in the file is another account, with the same address.
		renamed := strings.Replace(back, "username: next, email: null", "username: other", 1)
		w.applies(strings.Replace(back, "email: null", "email: next@staff.example", 1), declarative.Keep)
		w.applies(strings.Replace(renamed, "username: other", "username: other, email: next@staff.example", 1), declarative.Prune)
		if w.user("next@staff.example").Username != "other" {
			t.Error("the address did not go to the other")
		}
		// What stays in conflict is said.
		plan := w.plan("users: [{username: one, email: next@staff.example, administrator: false}, {username: other, email: next@staff.example}]\n", declarative.Keep)
		var done []string
		_, err := declarative.Apply(t.Context(), w.api, plan, func(step declarative.Step) { done = append(done, step.Key) })
		if !remote.IsStatus(err, http.StatusConflict) || !strings.Contains(err.Error(), "change the user one: ") || len(done) != 0 {
			t.Errorf("done: %v, %v", done, err)
		}
	})
}

// Whoever can't sign in for want of a password is named, also when they could before.
func TestWhoHasNoPassword(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		for _, each := range []struct {
			text string
			want int
		}{
			{"users: [{username: ada, state: disabled}]\n", 0},
			{"users: [{username: ada, state: active}]\n", 1},
			{"users: [{username: ada, given_name: Ada}]\n", 0},
			{"users: [{username: bob}]\n", 1},
		} {
			unseen, err := declarative.Apply(t.Context(), w.api, w.plan(each.text, declarative.Keep), func(declarative.Step) {})
			if err != nil || len(unseen) != each.want {
				t.Errorf("%s: %v, %v", each.text, unseen, err)
			}
		}
	})
}

// Accounts are exported if that is said, and are the same on another server but for how people sign in.
func TestUsersFromAServer(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		w.staff()
		w.applies(staff, declarative.Keep)
		w.Person("erin")
		if text := w.export(declarative.Extent{}); strings.Contains(text, "ada") || !strings.Contains(text, "name: authly\n") {
			t.Errorf("exported without users:\n%s", text)
		}
		everybody := declarative.Extent{Name: "staff", Accounts: true}
		exported := w.export(everybody)
		w.expect(exported[strings.Index(exported, "\nusers:"):], `
users:
  - username: ada
    address:
      locality: London
      postal_code: "01234"
    administrator: false
    birthdate: "1815"
    email: ada@staff.example
    email_verified: true
    given_name: Ada
    phone_number: "+44123456789"
    phone_number_verified: false
    require_password_change: true
  - username: bob
    administrator: true
  - username: Carl
    administrator: false
    state: disabled
  - username: dora
    administrator: false
    require_password_change: true
    state: disabled
  - username: erin
    administrator: false
    email: erin@people.example
    email_verified: true
    name: erin Example
    phone_number: "+4915112345678"
    phone_number_verified: true`)
		w.expectElsewhere(everybody, exported)
	})
}

// Who may only administer clients applies a file of clients, however the token is got.
func TestAFileOfFewScopes(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(w *world) {
		granted := oauth.ScopeSet{"admin:clients:read", "admin:clients:write"}
		robot := w.Confidential("https://robot.example/callback", func(c *client.Metadata) {
			c.Administrator, c.Scopes = true, granted
		})
		resource := w.Issuer + remote.Path
		through := testx.NewHTTPClient(t, nil)
		given := w.Token(robot, url.Values{"grant_type": {"client_credentials"}, "resource": {resource}})
		for name, tokens := range map[string]remote.Tokens{
			"a token": account.Fixed{Access: secret.FromString(given.Text("access_token"))},
			"a client": &account.Service{
				ClientID: robot.ClientID, Secret: secret.FromString(robot.Secret), Resource: resource,
				Discover: func(ctx context.Context) (relyingparty.Provider, error) {
					return relyingparty.Discover(ctx, through, w.Issuer)
				},
			},
		} {
			api := remote.New(remote.Options{Server: w.Issuer, HTTP: through, Tokens: tokens})
			const clients = "clients: [{client_id: shop, client_name: Shop, redirect_uris: [\"https://shop.example/cb\"], token_endpoint_auth_method: none}]\n"
			plan, err := declarative.Make(t.Context(), api, w.read(clients), declarative.Options{Variables: w.variable, Pruning: declarative.Prune})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := declarative.Apply(t.Context(), api, plan, func(declarative.Step) {}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, text := range []string{clients + "users: []\n", clients + "users: [{username: ada}]\n"} {
				if _, err := declarative.Make(t.Context(), api, w.read(text), declarative.Options{Variables: w.variable}); !remote.LacksScope(err) {
					t.Errorf("%s: %s: %v", name, text, err)
				}
			}
		}
	})
}
