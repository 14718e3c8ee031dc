package login_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/interaction"
	"authly/internal/login"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oidc"
	"authly/internal/protocol/policy"
	"authly/internal/registration"
	"authly/internal/session"
	"authly/internal/subject"
	"authly/internal/user"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	adasPassword = "seven green bicycles"
	bobsPassword = "nine purple umbrellas"

	accountBurst    = 5
	addressBurst    = 12
	accountInterval = 30 * time.Second
	addressInterval = 2 * time.Second
)

// counting counts the passwords that a real hasher is asked to check.
type counting struct {
	*secret.PasswordHasher
	mu     sync.Mutex
	checks int
	absent int    // of the checks, those for nobody
	after  func() // a check, if it is set
}

func (c *counting) count() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checks++
}

func (c *counting) Verify(ctx context.Context, encoded string, password secret.Redacted) (secret.Verdict, error) {
	c.count()
	if c.after != nil {
		defer c.after()
	}
	return c.PasswordHasher.Verify(ctx, encoded, password)
}

func (c *counting) VerifyAbsent(ctx context.Context, password secret.Redacted) error {
	c.count()
	c.mu.Lock()
	c.absent++
	c.mu.Unlock()
	return c.PasswordHasher.VerifyAbsent(ctx, password)
}

func (c *counting) take() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.checks
	c.checks, c.absent = 0, 0
	return taken
}

// takeReal is take without the checks for nobody.
func (c *counting) takeReal() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.checks - c.absent
	c.checks, c.absent = 0, 0
	return taken
}

// lockedBuffer is a log that is written and read at the same time.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(line)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// noKeys is for a client that never gets a token.
type noKeys struct{}

func (noKeys) Ensure(context.Context, jose.Algorithm) error { return nil }

// world is a server with the sign-in pages on one database.
type world struct {
	database     *db.DB
	clock        *clock.Fake
	hasher       *counting
	sessions     *session.Service
	users        *user.Service
	interactions *interaction.Service
	client       client.Client
	issuer       string
	logged       *lockedBuffer
	log          *audit.Log
	ada, bob     user.User
	service      *login.Service
}

const redirectURI = "https://shop.example/callback"

func newWorld(t *testing.T, database *db.DB) *world {
	t.Helper()
	w := &world{database: database, clock: clock.NewFake(start), logged: &lockedBuffer{}}
	hasher, err := secret.NewPasswordHasher(secret.PasswordHasherOptions{
		Parameters: secret.PasswordParameters{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, MaxWait: time.Minute, AllowWeak: true,
	})
	must(t, err)
	w.hasher = &counting{PasswordHasher: hasher}
	w.sessions = session.NewService(session.Deps{
		Database: database, Clock: w.clock, Lifetime: policy.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour},
	})
	w.log = audit.New(audit.Deps{Database: database, Clock: w.clock})
	w.users = user.NewService(user.Deps{Database: database, Clock: w.clock, Hasher: w.hasher, Sessions: w.sessions, Log: w.log})
	w.interactions = interaction.New(interaction.Deps{Database: database, Clock: w.clock, Lifetime: time.Hour})
	registered, err := client.NewService(client.Deps{Database: database, Clock: w.clock, Keys: noKeys{}}).
		Register(t.Context(), client.Metadata{Name: "The Shop", RedirectURIs: []string{redirectURI}})
	must(t, err)
	w.client = registered.Client
	w.ada = w.create(t, "ada", adasPassword)
	w.bob = w.create(t, "bob", bobsPassword)

	throttle, err := ratelimit.New(ratelimit.NewSQL(database), w.clock,
		ratelimit.Limit{Name: login.LimitAccount, Rate: ratelimit.Rate{Burst: accountBurst, Interval: accountInterval}},
		ratelimit.Limit{Name: login.LimitUser, Rate: ratelimit.Rate{Burst: accountBurst + 1, Interval: accountInterval}},
		ratelimit.Limit{Name: login.LimitAddress, Rate: ratelimit.Rate{Burst: addressBurst, Interval: addressInterval}})
	must(t, err)
	w.service = login.New(login.Deps{
		Throttle: throttle, Users: w.users, Sessions: w.sessions, Interactions: w.interactions, Transactions: database,
		Audit: w.log,
	})
	w.serve(t)
	return w
}

func (w *world) create(t *testing.T, name, password string) user.User {
	t.Helper()
	created, err := w.users.Create(t.Context(), user.New{Username: name, Email: name + "@example.com", Password: secret.FromString(password)})
	must(t, err)
	return created
}

// serve starts the server. /begin stands for the authorization endpoint that
// begins an interaction, /oauth/authorize for the one that goes on with it.
func (w *world) serve(t *testing.T) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	w.issuer = "http://" + server.Listener.Addr().String() + "/id"
	renderer, err := ui.New(ui.Options{Prefix: httpx.Path(w.issuer)})
	must(t, err)
	router := httpx.NewRouter(httpx.Options{
		Logger: slog.New(slog.NewJSONHandler(w.logged, nil)), Clock: w.clock, Issuer: w.issuer, ErrorPage: renderer.RenderStatus,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	cookies := httpx.NewCookies(httpx.CookieOptions{Issuer: w.issuer})
	browser := interaction.NewBrowser(w.interactions, cookies, w.issuer+"/oauth/authorize")
	login.NewHandler(login.HandlerDeps{
		Service: w.service, Browser: session.NewBrowser(w.sessions, cookies), Interactions: browser, Subjects: subject.New(secret.New()), Cookies: cookies,
		Renderer: renderer, Logos: registration.NewLogos(w.database, w.clock, nil, nil), Clock: w.clock, Issuer: w.issuer,
	}).Mount(router)
	router.Browser().HandleFunc("GET /begin", func(answer http.ResponseWriter, r *http.Request) {
		prompts, err := oidc.ParsePrompt(r.URL.Query().Get("prompt"))
		must(t, err)
		bound, err := browser.Begin(answer, r, interaction.Request{
			Client: w.client.ID, ClientID: w.client.ClientID, ClientName: "The <Shop>", ClientHost: "shop.example", RedirectURI: redirectURI,
			Prompts: prompts, MaxAge: r.URL.Query().Get("max_age"), LoginHint: r.URL.Query().Get("login_hint"),
		})
		must(t, err)
		httpx.SeeOther(answer, r, w.issuer+"/login?interaction="+bound.ID.String())
	})
	router.Browser().HandleFunc("GET /oauth/authorize", func(answer http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(answer, "goes on with "+r.URL.Query().Get("interaction"))
	})
	server.Config.Handler = router.Handler()
	server.Start()
	t.Cleanup(server.Close)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser is one browser with its cookies.
type browser struct {
	world   *world
	client  *http.Client
	address string // as the proxy in front tells it
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{w, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, "192.0.2.1"}
}

// page is an answer.
type page struct {
	status   int
	body     string
	header   http.Header
	location string
}

func (b *browser) do(t *testing.T, request *http.Request) page {
	t.Helper()
	if b.address != "" {
		request.Header.Set("X-Forwarded-For", b.address)
	}
	answer, err := b.client.Do(request)
	must(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	return page{answer.StatusCode, string(body), answer.Header, answer.Header.Get("Location")}
}

// get follows the redirects.
func (b *browser) get(t *testing.T, target string) page {
	t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = b.world.issuer + target
	}
	for range 5 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		must(t, err)
		answer := b.do(t, request)
		if answer.location == "" {
			return answer
		}
		target = answer.location
	}
	t.Fatal("too many redirects")
	return page{}
}

// post does not follow.
func (b *browser) post(t *testing.T, target string, form url.Values) page {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.world.issuer+target, strings.NewReader(form.Encode()))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(t, request)
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// form returns the hidden inputs of a page with more values.
func (p page) form(pairs ...string) url.Values {
	form := url.Values{}
	for _, match := range hiddenInput.FindAllStringSubmatch(p.body, -1) {
		form.Set(match[1], match[2])
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func (p page) has(t *testing.T, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("status %d, want %d", p.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page does not have %q:\n%s", text, p.body)
		}
	}
}

func (p page) hasNot(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Errorf("the page has %q:\n%s", text, p.body)
		}
	}
}

func (p page) goesTo(t *testing.T, location string) {
	t.Helper()
	if p.status != http.StatusSeeOther || p.location != location {
		t.Fatalf("status %d to %q, want 303 to %q:\n%s", p.status, p.location, location, p.body)
	}
}

// signIn fills in the form that shown has.
func (b *browser) signIn(t *testing.T, shown page, identifier, password string) page {
	t.Helper()
	return b.post(t, "/login", shown.form("username", identifier, "password", password))
}

// fullName is what a cookie is called on the wire.
func (w *world) fullName(name string) string {
	return httpx.NewCookies(httpx.CookieOptions{Issuer: w.issuer}).FullName(name)
}

// cookie returns the value of a cookie, "" if the browser has none.
func (b *browser) cookie(t *testing.T, name string) string {
	t.Helper()
	at, err := url.Parse(b.world.issuer)
	must(t, err)
	for _, cookie := range b.client.Jar.Cookies(at) {
		if cookie.Name == b.world.fullName(name) {
			return cookie.Value
		}
	}
	return ""
}

func (b *browser) plant(t *testing.T, name, value string) {
	t.Helper()
	at, err := url.Parse(b.world.issuer)
	must(t, err)
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: b.world.fullName(name), Value: value, Path: "/"}})
}

// who returns the user who is signed in, or uuid.Nil.
func (b *browser) who(t *testing.T) uuid.UUID {
	t.Helper()
	found, live, err := b.world.sessions.Current(t.Context(), secret.FromString(b.cookie(t, "authly_session")))
	must(t, err)
	if !live {
		return uuid.Nil
	}
	return found.UserID
}
