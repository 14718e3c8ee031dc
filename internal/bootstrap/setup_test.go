package bootstrap_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/audit"
	"authly/internal/bootstrap"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/policy"
	"authly/internal/scope"
	"authly/internal/session"
	"authly/internal/user"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const goodPassword = "seven green bicycles"

// keys counts what is asked of the signing keys.
type keys struct{ bootstrapped int }

func (k *keys) Bootstrap(context.Context) error              { k.bootstrapped++; return nil }
func (k *keys) Ensure(context.Context, jose.Algorithm) error { return nil }

type world struct {
	log      *audit.Log
	database *db.DB
	clock    *clock.Fake
	keys     *keys
	users    *user.Service
	clients  *client.Service
	scopes   *scope.Service
	service  *bootstrap.Service
	hasher   *secret.PasswordHasher
	issuer   string
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T, database *db.DB, issuer string) *world {
	t.Helper()
	w := &world{database: database, clock: clock.NewFake(start), keys: &keys{}, issuer: issuer}
	w.log = audit.New(audit.Deps{Database: database, Clock: w.clock})
	var err error
	w.hasher, err = secret.NewPasswordHasher(secret.PasswordHasherOptions{
		Parameters: secret.PasswordParameters{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, MaxWait: time.Minute, AllowWeak: true,
	})
	must(t, err)
	w.users = user.NewService(user.Deps{
		Database: database, Clock: w.clock, Hasher: w.hasher,
		Sessions: session.NewService(session.Deps{Database: database, Clock: w.clock, Lifetime: policy.Lifetime{Absolute: time.Hour}}),
	})
	w.clients = client.NewService(client.Deps{Database: database, Clock: w.clock, Keys: w.keys})
	w.scopes = scope.New(scope.Deps{Database: database, Clock: w.clock})
	w.service = bootstrap.New(bootstrap.Deps{
		Database: database, Clock: w.clock, Issuer: issuer, Administration: issuer + "/api/v1/admin", Scopes: w.scopes, Keys: w.keys,
		Users: w.users, Clients: w.clients, Audit: w.log,
	})
	return w
}

// token makes a set-up URL and returns the token in it.
func (w *world) token(t *testing.T) secret.Redacted {
	t.Helper()
	address, err := w.service.SetupURL(t.Context())
	must(t, err)
	return w.tokenIn(t, address)
}

// tokenIn returns the token of a link.
func (w *world) tokenIn(t *testing.T, link secret.Redacted) secret.Redacted {
	t.Helper()
	token, found := strings.CutPrefix(link.Reveal(), w.issuer+"/setup/")
	if !found || token == "" {
		t.Errorf("the URL is not %s/setup/…", w.issuer)
	}
	return secret.FromString(token)
}

func root(name string) bootstrap.Administrator {
	return bootstrap.Administrator{Username: name, Email: name + "@example.com", Password: secret.FromString(goodPassword)}
}

func (w *world) open(t *testing.T, token secret.Redacted) error {
	t.Helper()
	_, err := w.service.Open(t.Context(), token)
	return err
}

func (w *world) expectUsable(t *testing.T, token secret.Redacted) {
	t.Helper()
	if err := w.open(t, token); err != nil {
		t.Errorf("the token can't be used: %v", err)
	}
}

func (w *world) expectUseless(t *testing.T, token secret.Redacted) {
	t.Helper()
	if err := w.open(t, token); fault.KindOf(err) != fault.NotFound {
		t.Errorf("check: %v, want not found", err)
	}
	before := w.hasher.Counts().Computed
	if _, err := w.service.CreateAdministrator(t.Context(), token, root("late")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("use: %v, want not found", err)
	}
	if w.hasher.Counts().Computed != before {
		t.Error("a stranger made us hash a password")
	}
}

func TestPrepare(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		for range 2 {
			must(t, w.service.Prepare(t.Context()))
		}
		active, err := w.scopes.Active(t.Context())
		if err != nil || len(active) != 21 || w.keys.bootstrapped != 2 {
			t.Errorf("%d scopes, keys asked for %d times, %v", len(active), w.keys.bootstrapped, err)
		}
	})
}

func TestSetupToken(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example/auth")
		w.expectUseless(t, secret.Redacted{})
		w.expectUseless(t, secret.New())

		first := w.token(t)
		if len(first.Reveal()) != 43 {
			t.Error("the token has not 256 bits")
		}
		w.expectUsable(t, first)
		w.clock.Advance(bootstrap.TokenLifetime - time.Microsecond)
		w.expectUsable(t, first)
		w.clock.Advance(time.Microsecond)
		w.expectUseless(t, first)

		second := w.token(t)
		third := w.token(t) // the next start
		w.expectUseless(t, second)
		w.expectUsable(t, third)

		created, err := w.service.CreateAdministrator(t.Context(), third, root("root"))
		must(t, err)
		if !created.Administrator || created.EmailVerified {
			t.Errorf("made: %+v", created)
		}
		w.expectUseless(t, third)
		logged, err := w.log.List(t.Context(), audit.Query{Action: audit.SetUp})
		must(t, err)
		if len(logged.Events) != 1 || logged.Events[0].Target.ID != created.ID.String() {
			t.Errorf("the log says %+v", logged.Events)
		}
		if again, err := w.service.SetupURL(t.Context()); err != nil || !again.IsZero() {
			t.Errorf("a set-up URL although there is an administrator: %v", err)
		}
		must(t, w.service.Sweep(t.Context()))
		if _, err := w.users.VerifyPassword(t.Context(), "root", secret.FromString(goodPassword)); err != nil {
			t.Errorf("the administrator can't sign in: %v", err)
		}
	})
}

// An administrator who was made in another way ends the set-up.
func TestSetupTokenIsOvertaken(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		token := w.token(t)
		_, err := w.users.Create(t.Context(), user.New{Username: "other", Administrator: true})
		must(t, err)
		w.expectUseless(t, token)
	})
}

// overtaken has somebody else become administrator while a password is hashed.
type overtaken struct{ *user.Service }

func (o overtaken) Prepare(ctx context.Context, registration user.New) (user.Prepared, error) {
	if _, err := o.Create(ctx, user.New{Username: "faster", Administrator: true}); err != nil {
		return user.Prepared{}, err
	}
	return o.Service.Prepare(ctx, registration)
}

func TestSetupTokenIsOvertakenAtTheLastMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		token := w.token(t)
		service := bootstrap.New(bootstrap.Deps{Database: database, Clock: w.clock, Issuer: w.issuer, Users: overtaken{w.users}, Audit: w.log})
		if _, err := service.CreateAdministrator(t.Context(), token, root("root")); fault.KindOf(err) != fault.NotFound {
			t.Errorf("got %v, want not found", err)
		}
		if _, err := w.users.FindByIdentifier(t.Context(), "root"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the second administrator: %v", err)
		}
	})
}

func TestRefusedAdministratorKeepsTheToken(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		_, err := w.users.Create(t.Context(), user.New{Username: "ada", Email: "ada@example.com"})
		must(t, err)
		token := w.token(t)
		change := func(f func(*bootstrap.Administrator)) bootstrap.Administrator {
			wanted := root("root")
			f(&wanted)
			return wanted
		}
		for name, test := range map[string]struct {
			wanted bootstrap.Administrator
			want   map[string]string
		}{
			"short password":  {change(func(a *bootstrap.Administrator) { a.Password = secret.FromString("short") }), map[string]string{"password": "password.too_short"}},
			"no password":     {change(func(a *bootstrap.Administrator) { a.Password = secret.Redacted{} }), map[string]string{"password": "password.required"}},
			"no e-mail":       {change(func(a *bootstrap.Administrator) { a.Email = " " }), map[string]string{"email": "user.email_invalid"}},
			"username":        {change(func(a *bootstrap.Administrator) { a.Username = "a b" }), map[string]string{"username": "user.username_invalid"}},
			"taken username":  {change(func(a *bootstrap.Administrator) { a.Username = "ADA" }), map[string]string{"username": "user.username_taken"}},
			"taken e-mail":    {change(func(a *bootstrap.Administrator) { a.Email = "ADA@example.com" }), map[string]string{"email": "user.email_taken"}},
			"own name inside": {change(func(a *bootstrap.Administrator) { a.Password = secret.FromString("root root root 1") }), map[string]string{"password": "password.context_word"}},
		} {
			_, err := w.service.CreateAdministrator(t.Context(), token, test.wanted)
			var refusal *fault.Error
			if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.Conflict || !errors.As(err, &refusal) {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if diff := cmp.Diff(test.want, refusal.Fields); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			w.expectUsable(t, token)
		}
		_, err = w.service.CreateAdministrator(t.Context(), token, root("root"))
		must(t, err)
	})
}

// One token, many hands: one administrator.
func TestSetupTokenAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database, "https://id.example")
		token := w.token(t)
		failures := make([]error, 32)
		var group sync.WaitGroup
		for i := range failures {
			group.Go(func() {
				_, failures[i] = w.service.CreateAdministrator(context.WithoutCancel(t.Context()), token, root("root"+strconv.Itoa(i)))
			})
			if i%8 == 7 {
				// Another node starts meanwhile: whichever token it leaves, it opens nothing.
				group.Go(func() {
					other, err := w.service.SetupURL(context.WithoutCancel(t.Context()))
					if err != nil {
						t.Errorf("start: %v", err)
						return
					}
					if other.IsZero() {
						return
					}
					_, err = w.service.CreateAdministrator(context.WithoutCancel(t.Context()),
						w.tokenIn(t, other), root("other"+strconv.Itoa(i)))
					if err != nil && fault.KindOf(err) != fault.NotFound {
						t.Errorf("the other node's token: %v", err)
					}
				})
			}
		}
		group.Wait()
		for _, err := range failures {
			if err != nil && fault.KindOf(err) != fault.NotFound {
				t.Errorf("create: %v", err)
			}
		}
		var administrators int
		must(t, database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM users WHERE administrator`).Scan(&administrators))
		if administrators != 1 {
			t.Errorf("%d administrators, want 1", administrators)
		}
	})
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

func TestSetupPage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		server := httptest.NewUnstartedServer(nil)
		t.Cleanup(server.Close)
		w := newWorld(t, database, "http://"+server.Listener.Addr().String()+"/id")
		renderer, err := ui.New(ui.Options{Prefix: "/id"})
		must(t, err)
		var logged strings.Builder
		router := httpx.NewRouter(httpx.Options{
			Logger: slog.New(slog.NewTextHandler(&logged, nil)), Clock: w.clock, Issuer: w.issuer, ErrorPage: renderer.RenderStatus,
		})
		bootstrap.NewHandler(bootstrap.HandlerDeps{
			Service: w.service, Renderer: renderer, Cookies: httpx.NewCookies(httpx.CookieOptions{Issuer: w.issuer}), Issuer: w.issuer, PasswordMinimum: 15,
		}).Mount(router)
		server.Config.Handler = router.Handler()
		server.Start()
		browser := server.Client()
		browser.Jar, err = cookiejar.New(nil)
		must(t, err)

		do := func(method, target, body string, status int, texts ...string) string {
			t.Helper()
			request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
			must(t, err)
			if method == http.MethodPost {
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			answer, err := browser.Do(request) // and the redirect
			must(t, err)
			defer func() { _ = answer.Body.Close() }()
			content, err := io.ReadAll(answer.Body)
			must(t, err)
			if answer.StatusCode != status {
				t.Errorf("%s: status %d, want %d", method, answer.StatusCode, status)
			}
			if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: the answer may be stored, or its address told to others", method)
			}
			for _, text := range texts {
				if !strings.Contains(string(content), text) {
					t.Errorf("%s: the page does not have %q:\n%s", method, text, content)
				}
			}
			return string(content)
		}
		do(http.MethodGet, w.issuer+"/setup", "", http.StatusNotFound, "Open the link again")
		do(http.MethodGet, w.issuer+"/setup/guess", "", http.StatusNotFound, "Open the link again")
		do(http.MethodGet, w.issuer+"/setup/"+secret.New().Reveal(), "", http.StatusNotFound, "This link doesn")

		address, err := w.service.SetupURL(t.Context())
		must(t, err)
		page := do(http.MethodGet, address.Reveal(), "", http.StatusOK, "Create the first administrator", "At least 15 characters", `action="/id/setup"`)
		form := url.Values{"username": {"root"}, "email": {"root@example.com"}, "password": {"too short"}, "password_confirmation": {"too short"}}
		for _, match := range hiddenInput.FindAllStringSubmatch(page, -1) {
			form.Set(match[1], match[2])
		}
		post := func(status int, texts ...string) string {
			t.Helper()
			return do(http.MethodPost, w.issuer+"/setup", form.Encode(), status, texts...)
		}
		if again := post(http.StatusBadRequest, "This password is too short", `value="root"`); strings.Contains(again, "too short\"") {
			t.Error("the password came back")
		}
		form.Set("password", goodPassword)
		post(http.StatusBadRequest, "not the same")
		form.Set("password_confirmation", goodPassword)
		token := form.Get("setup_token")
		form.Set("setup_token", "guess")
		post(http.StatusNotFound, "This link doesn")
		form.Set("setup_token", token)
		post(http.StatusOK, "The administrator exists", `href="/id/login"`)
		post(http.StatusNotFound, "This link doesn")
		do(http.MethodGet, address.Reveal(), "", http.StatusNotFound, "This link doesn")
		server.Close() // so that every log line is written
		for _, hidden := range []string{token, goodPassword} {
			if strings.Contains(logged.String(), hidden) {
				t.Error("a secret is in the log")
			}
		}
	})
}
