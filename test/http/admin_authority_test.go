package http_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
	"authly/internal/user"
)

const adminPath = "/api/v1/admin"

// administration is a server with what administers it.
type administration struct {
	*testx.Server
	t *testing.T
}

func administer(t *testing.T, engine db.Engine, options ...testx.Option) *administration {
	t.Helper()
	return &administration{testx.NewServer(t, engine, append([]testx.Option{testx.WithFakeClock(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))}, options...)...), t}
}

func adminScopes() oauth.ScopeSet {
	return oauth.ScopeSet{
		"admin:clients:read", "admin:clients:write",
		"admin:scopes:read", "admin:scopes:write",
		"admin:keys:read", "admin:keys:write",
		"admin:sessions:read", "admin:sessions:write",
		"admin:users:read", "admin:users:write",
		"admin:tokens:read", "admin:tokens:write",
		"admin:audit:read",
	}
}

// robot is a service account that may administer.
func (a *administration) robot() testx.Client {
	a.t.Helper()
	return a.Confidential("https://robot.example/callback", func(m *client.Metadata) {
		m.Scopes = append(m.Scopes, adminScopes()...)
		m.Resources, m.Administrator = []string{a.Issuer + adminPath, "https://api.example"}, true
	})
}

// own returns a token that a client got on its own behalf.
func (a *administration) own(known testx.Client, scope string, resources ...string) string {
	a.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": resources}
	if scope != "" {
		form.Set("scope", scope)
	}
	answer := a.Token(known, form)
	if answer.Status != http.StatusOK {
		a.t.Fatalf("the client got no token: %d %s", answer.Status, answer.Body)
	}
	return answer.Text("access_token")
}

// administrator makes an account that may administer.
func (a *administration) administrator(name string) testx.Person {
	a.t.Helper()
	password := "correct horse " + secret.New().Reveal()[:16]
	a.Secret(password)
	made, err := a.Users.Create(a.t.Context(), user.New{Username: name, Password: secret.FromString(password), Administrator: true})
	if err != nil {
		a.t.Fatal(err)
	}
	return testx.Person{User: made, Password: password}
}

func (a *administration) on(known testx.Client, person testx.Person, scope string) string {
	a.t.Helper()
	return a.Tokens(known, person, url.Values{"scope": {scope}, "resource": {a.Issuer + adminPath}}).Text("access_token")
}

func (a *administration) change(statement string, arguments ...any) {
	a.t.Helper()
	changed, err := a.Database().Write(a.t.Context()).Exec(a.t.Context(), statement, arguments...)
	if err != nil || changed != 1 {
		a.t.Fatalf("%s: %d rows, %v", statement, changed, err)
	}
}

// scopeOf returns the scope that an operation declares.
func (a *administration) scopeOf(method, path string) string {
	a.t.Helper()
	var described struct {
		Paths map[string]map[string]struct {
			Security []map[string][]string `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(a.Get("/api/v1/openapi.json").Body), &described); err != nil {
		a.t.Fatal(err)
	}
	needs := described.Paths[path][strings.ToLower(method)].Security
	if len(needs) != 1 || len(needs[0]["oauth"]) != 1 {
		a.t.Fatalf("%s %s declares %v", method, path, needs)
	}
	return needs[0]["oauth"][0]
}

// caller is one way to ask.
type caller struct {
	options []testx.RequestOption
	want    []int
	kind    string // of the problem; "" for any
}

// Every route × every way of asking: only the right ones pass.
func TestAuthorityOfEveryRoute(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine, testx.WithConfig(func(c *config.Config) {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}))
			callers, services := a.callers()
			seen := 0
			for _, route := range a.Routes() {
				if !strings.HasPrefix(route.Path, adminPath+"/") {
					continue
				}
				seen++
				scope := a.scopeOf(route.Method, route.Path)
				const nobody = "0190d8b2-0000-7000-8000-000000000000"
				path := strings.NewReplacer(
					"{client_id}", "client_nothing",
					"{secret_id}", nobody,
					"{name}", "nothing",
					"{kid}", "nothing",
					"{event_id}", nobody,
					"{user_id}", nobody,
					"{session_id}", nobody,
					"{token_id}", nobody,
					"{grant_id}", nobody,
				).Replace(route.Path)
				ask := func(name string, by caller) {
					options := by.options
					if route.Method == http.MethodPost || route.Method == http.MethodPatch {
						options = append(slices.Clone(options), testx.JSON(`{"client_name":7}`))
					}
					answer := a.Call(route.Method, path, nil, options...)
					if by.want == nil {
						if answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden || answer.Status >= http.StatusInternalServerError {
							t.Errorf("%s %s by %s: %d %s", route.Method, path, name, answer.Status, answer.Body)
						}
						return
					}
					if !slices.Contains(by.want, answer.Status) || by.kind != "" && answer.Text("type") != "urn:authly:problem:"+by.kind ||
						!strings.HasPrefix(answer.Header.Get("Content-Type"), "application/problem+json") ||
						answer.Status == http.StatusUnauthorized && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer ") {
						t.Errorf("%s %s by %s: %d %s", route.Method, path, name, answer.Status, answer.Body)
					}
				}
				for name, by := range callers {
					ask(name, by)
				}
				ask("exactly its scope", caller{options: []testx.RequestOption{testx.Bearer(services[scope])}})
				ask("every other scope", caller{[]testx.RequestOption{testx.Bearer(services["but "+scope])}, []int{http.StatusForbidden}, "insufficient_scope"})
			}
			if seen < 15 {
				t.Errorf("only %d routes", seen)
			}
		})
	}
}

// callers returns all ways of asking, and the tokens of a service account: with one
// scope each, and with all but one.
func (a *administration) callers() (map[string]caller, map[string]string) {
	a.t.Helper()
	here, everything := a.Issuer+adminPath, adminScopes().String()
	with := func(token string, options ...testx.RequestOption) []testx.RequestOption {
		return append([]testx.RequestOption{testx.Bearer(token)}, options...)
	}
	robot, demotedRobot, disabledRobot := a.robot(), a.robot(), a.robot()
	expired := a.own(robot, everything, here)
	a.Clock.Advance(time.Hour)
	disabled, hurried, demoted, good := a.administrator("disabled"), a.administrator("hurried"), a.administrator("demoted"), a.administrator("good")
	right := a.own(robot, everything, here)
	all := map[string]caller{
		"nobody":                    {nil, []int{http.StatusUnauthorized}, ""},
		"garbage":                   {with("garbage"), []int{http.StatusUnauthorized}, ""},
		"basic credentials":         {[]testx.RequestOption{testx.As(robot)}, []int{http.StatusUnauthorized}, ""},
		"an expired token":          {with(expired), []int{http.StatusUnauthorized}, ""},
		"no audience":               {with(a.own(robot, everything)), []int{http.StatusUnauthorized}, ""},
		"another audience":          {with(a.own(robot, everything, "https://api.example")), []int{http.StatusUnauthorized}, ""},
		"two audiences":             {with(a.own(robot, everything, "https://api.example", here)), []int{http.StatusUnauthorized}, ""},
		"an administrator":          {options: with(a.on(robot, good, everything))},
		"an administrator sans":     {with(a.on(robot, good, "openid")), []int{http.StatusForbidden}, "insufficient_scope"},
		"a disabled administrator":  {with(a.on(robot, disabled, everything)), []int{http.StatusUnauthorized, http.StatusForbidden}, ""},
		"one with a given password": {with(a.on(robot, hurried, everything)), []int{http.StatusUnauthorized, http.StatusForbidden}, ""},
		"one who was demoted":       {with(a.on(robot, demoted, everything)), []int{http.StatusForbidden}, "not_administrator"},
		"a demoted service account": {with(a.own(demotedRobot, everything, here)), []int{http.StatusForbidden}, "not_administrator"},
		"a disabled one":            {with(a.own(disabledRobot, everything, here)), []int{http.StatusUnauthorized, http.StatusForbidden}, ""},
		"a foreign address":         {with(right, testx.Header("X-Forwarded-For", "203.0.113.9")), []int{http.StatusForbidden}, "address_refused"},
		"a made up near address":    {with(right, testx.Header("X-Forwarded-For", "127.0.0.1, 203.0.113.9")), []int{http.StatusForbidden}, "address_refused"},
	}
	if err := a.Users.Disable(a.t.Context(), disabled.ID); err != nil {
		a.t.Fatal(err)
	}
	if err := a.Clients.Disable(a.t.Context(), disabledRobot.ID); err != nil {
		a.t.Fatal(err)
	}
	a.change(`UPDATE users SET require_password_change = $1 WHERE id = $2`, true, hurried.ID)
	a.change(`UPDATE users SET administrator = $1 WHERE id = $2`, false, demoted.ID)
	a.change(`UPDATE clients SET administrator = $1 WHERE id = $2`, false, demotedRobot.ID)
	services := map[string]string{}
	for _, scope := range adminScopes() {
		services[scope] = a.own(robot, scope, here)
		services["but "+scope] = a.own(robot, adminScopes().Without(oauth.ScopeSet{scope}).String(), here)
	}
	return all, services
}

// A proxy on this machine that nobody listed would make everybody near.
func TestAdministrationThroughAnUnlistedProxy(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			token := testx.Bearer(a.own(a.robot(), "admin:clients:read", a.Issuer+adminPath))
			if answer := a.Get(adminPath+"/clients", token); answer.Status != http.StatusOK {
				t.Errorf("without a proxy: %d %s", answer.Status, answer.Body)
			}
			for name, value := range map[string]string{
				"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "https", "Via": "1.1 proxy",
			} {
				answer := a.Get(adminPath+"/clients", token, testx.Header(name, value))
				if answer.Status != http.StatusForbidden || answer.Text("type") != "urn:authly:problem:address_refused" {
					t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
				}
			}
		})
	}
}

// Switched off, there is nothing; from other networks, nothing but a refusal.
func TestAdministrationSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		a := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Admin.Enabled = false }))
		for _, path := range []string{adminPath + "/clients", "/api/v1/openapi.json"} {
			if answer := a.Get(path); answer.Status != http.StatusNotFound {
				t.Errorf("%s: %d", path, answer.Status)
			}
		}
		far := administer(t, engine, testx.WithConfig(func(c *config.Config) { c.Admin.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }))
		if answer := far.Get(adminPath + "/clients"); answer.Status != http.StatusForbidden {
			t.Errorf("from another network: %d", answer.Status)
		}
	}
}
