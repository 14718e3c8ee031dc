package introspect_test

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
	"authly/internal/testx"
)

const (
	callback = "https://app.example/callback"
	resource = "https://api.example"
	inactive = "{\"active\":false}\n"
)

// world has a client, the resource server that its tokens can be for, another
// resource server, and a client that has nothing to do with any of them.
type world struct {
	*testx.Server
	t                         *testing.T
	ada                       testx.Person
	app, guard, other, nobody testx.Client
}

func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := testx.NewServer(t, engine, testx.WithFakeClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)))
			protecting := func(uri string) testx.Client {
				return s.Confidential(callback, func(n *client.Metadata) { n.ProtectedResources = []string{uri} })
			}
			test(t, &world{s, t, s.Person("ada"), appOf(s, client.FormatJWT), protecting(resource + "/"), protecting("https://other.example"), s.Confidential(callback, nil)})
		})
	}
}

func appOf(s *testx.Server, format client.AccessTokenFormat) testx.Client {
	return s.Confidential(callback, func(n *client.Metadata) {
		n.Resources, n.AccessTokenFormat = []string{resource, "https://other.example"}, format
	})
}

func (w *world) own(cl testx.Client, resources ...string) testx.Answer {
	w.t.Helper()
	return w.Token(cl, url.Values{"grant_type": {"client_credentials"}, "resource": resources})
}

// RFC 7662 section 4: whoever asks learns only about tokens that are meant for them.
func TestWhoLearnsWhat(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		opaque := appOf(w.Server, client.FormatOpaque)
		native := w.Public("http://127.0.0.1/callback", func(n *client.Metadata) { n.Resources = []string{resource} })
		jwt := w.Tokens(w.app, w.ada, url.Values{"resource": {resource}})
		handle := w.Tokens(opaque, w.ada, url.Values{"resource": {resource}})
		rotating := w.Tokens(native, w.ada, url.Values{"resource": {resource}})
		unbound := w.Tokens(w.app, w.ada)
		for _, test := range []struct {
			name   string
			caller testx.Client
			token  string
			active bool
		}{
			{"JWT: owner", w.app, jwt.Text("access_token"), true},
			{"JWT: its resource server", w.guard, jwt.Text("access_token"), true},
			{"JWT: another resource server", w.other, jwt.Text("access_token"), false},
			{"JWT: another client", w.nobody, jwt.Text("access_token"), false},
			{"handle: owner", opaque, handle.Text("access_token"), true},
			{"handle: its resource server", w.guard, handle.Text("access_token"), true},
			{"handle: another resource server", w.other, handle.Text("access_token"), false},
			{"handle: another client", w.app, handle.Text("access_token"), false},
			{"for nobody: owner", w.app, unbound.Text("access_token"), true},
			{"for nobody: resource server", w.guard, unbound.Text("access_token"), false},
			{"refresh token: owner", w.app, jwt.Text("refresh_token"), true},
			{"refresh token: resource server", w.guard, jwt.Text("refresh_token"), false},
			{"refresh token: another client", w.nobody, jwt.Text("refresh_token"), false},
			{"public client's: resource server", w.guard, rotating.Text("access_token"), true},
			{"public client's refresh token: resource server", w.guard, rotating.Text("refresh_token"), false},
			{"ID token: owner", w.app, jwt.Text("id_token"), false},
			{"half a JWT", w.app, jwt.Text("access_token")[:100], false},
			{"nonsense", w.app, "nonsense", false},
			{"two resources, one of them", w.guard, w.own(w.app, resource, "https://other.example").Text("access_token"), true},
			{"two resources, the other", w.other, w.own(w.app, resource, "https://other.example").Text("access_token"), true},
			{"client's own: resource server", w.guard, w.own(w.app, resource).Text("access_token"), true},
			{"client's own for nobody: resource server", w.guard, w.own(w.app).Text("access_token"), false},
		} {
			answer := w.Introspect(test.caller, test.token)
			if answer.Status != http.StatusOK || answer.JSON["active"] != test.active || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s", test.name, answer.Status, answer.Body)
			}
			if !test.active && answer.Body != inactive {
				t.Errorf("rfc7662-2.2 %s: more is said than that: %s", test.name, answer.Body)
			}
		}
	})
}

// RFC 7662 sections 2.2 and 4: a resource server learns which of its own resources a token is for, and the scopes
// that count there; the username is told only with the scope profile.
func TestWhatAResourceServerLearns(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const second = "https://api.example/second"
		if err := w.Scopes.Create(t.Context(), scope.Scope{Name: "reports", Description: "Read reports", Active: true}); err != nil {
			t.Fatal(err)
		}
		issuer := w.Issuer
		of := func(protected ...string) testx.Client {
			return w.Confidential(callback, func(n *client.Metadata) { n.ProtectedResources = protected })
		}
		app := w.Confidential(callback, func(n *client.Metadata) {
			n.Scopes, n.Resources = append(n.Scopes, "reports"), []string{resource, second, "https://other.example", issuer}
		})
		hidden := w.Confidential(callback, func(n *client.Metadata) {
			n.SubjectType, n.Resources = client.SubjectPairwise, []string{resource}
		})
		const all, noProfile = "openid profile email phone offline_access reports", "openid email reports"
		named := url.Values{"scope": {all}, "resource": {resource, second, "https://other.example", issuer}}
		full := w.Tokens(app, w.ada, named)
		unnamed := w.Tokens(app, w.ada, url.Values{"scope": {noProfile}, "resource": {resource}})
		bare := w.Tokens(app, w.ada, url.Values{"scope": {"email"}, "resource": {resource}})
		pairwise := w.Tokens(hidden, w.ada, url.Values{"resource": {resource}})
		for _, test := range []struct {
			name                      string
			caller                    testx.Client
			token                     string
			scope, audience, username any
		}{
			{"owner", app, full.Text("access_token"), all, []any{resource, second, "https://other.example", issuer}, "ada"},
			{"owner, refresh token", app, full.Text("refresh_token"), all, nil, "ada"},
			{"server of one resource", w.guard, full.Text("access_token"), "openid profile reports", resource, "ada"},
			{"server of two resources", of(second, resource, "https://unasked.example"), full.Text("access_token"), "openid profile reports", []any{resource, second}, "ada"},
			{"server of the issuer", of(issuer), full.Text("access_token"), all, issuer, "ada"},
			{"owner, without profile", app, unnamed.Text("access_token"), noProfile, resource, nil},
			{"resource server, without profile", w.guard, unnamed.Text("access_token"), "openid reports", resource, nil},
			{"resource server, no scope for it", w.guard, bare.Text("access_token"), nil, resource, nil},
			{"pairwise: owner", hidden, pairwise.Text("access_token"), "openid profile offline_access", resource, nil},
			{"pairwise: owner, refresh token", hidden, pairwise.Text("refresh_token"), "openid profile offline_access", nil, nil},
			{"pairwise: resource server", w.guard, pairwise.Text("access_token"), "openid profile", resource, nil},
		} {
			got := w.Introspect(test.caller, test.token)
			if got.JSON["active"] != true || got.JSON["scope"] != test.scope || !reflect.DeepEqual(got.JSON["aud"], test.audience) || got.JSON["username"] != test.username {
				t.Errorf("%s: %s", test.name, got.Body)
			}
		}
	})
}

// Whatever ends a token ends it for every caller at once, and nothing is said beside.
func TestWhatEndedIsInactive(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, cl testx.Client, tokens testx.Answer) error{
		"client disabled": func(w *world, cl testx.Client, _ testx.Answer) error {
			return w.Clients.Disable(w.t.Context(), cl.ID)
		},
		"client deleted": func(w *world, cl testx.Client, _ testx.Answer) error {
			return w.Clients.Delete(w.t.Context(), cl.ID)
		},
		"client disabled behind our back": func(w *world, cl testx.Client, _ testx.Answer) error {
			_, err := w.Database().Write(w.t.Context()).Exec(w.t.Context(), `UPDATE clients SET state = 'disabled' WHERE id = $1`, cl.ID)
			return err
		},
		"revoked": func(w *world, cl testx.Client, tokens testx.Answer) error {
			w.Revoke(cl, tokens.Text("access_token"))
			return nil
		},
		"expired": func(w *world, _ testx.Client, _ testx.Answer) error {
			w.Clock.Advance(w.Settings.Tokens.AccessTokenLifetime)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				for _, format := range []client.AccessTokenFormat{client.FormatJWT, client.FormatOpaque} {
					users, machine := appOf(w.Server, format), appOf(w.Server, format)
					for _, test := range []struct {
						known testx.Client
						fetch func() testx.Answer
					}{
						{users, func() testx.Answer { return w.Tokens(users, w.ada, url.Values{"resource": {resource}}) }},
						{machine, func() testx.Answer { return w.own(machine, resource) }},
					} {
						tokens := test.fetch()
						token := tokens.Text("access_token")
						if answer := w.Introspect(w.guard, token); answer.JSON["active"] != true {
							t.Fatalf("%s: not active to begin with: %s", format, answer.Body)
						}
						if err := end(w, test.known, tokens); err != nil {
							t.Fatal(err)
						}
						if answer := w.Introspect(w.guard, token); answer.Body != inactive {
							t.Errorf("%s: %s", format, answer.Body)
						}
					}
				}
			})
		})
	}
}

func TestRotatedRefreshTokenIsInactive(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		rotating := w.Confidential(callback, func(n *client.Metadata) { n.RefreshTokenRotation = client.Rotate })
		first := w.Tokens(rotating, w.ada).Text("refresh_token")
		second := w.Token(rotating, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}}).Text("refresh_token")
		if got := w.Introspect(rotating, first); got.Body != inactive {
			t.Errorf("the rotated one: %s", got.Body)
		}
		if got := w.Introspect(rotating, second); got.JSON["active"] != true {
			t.Errorf("its successor: %s", got.Body)
		}
		w.Clock.Advance(w.Settings.Tokens.RefreshTokenIdleLifetime)
		if got := w.Introspect(rotating, second); got.Body != inactive {
			t.Errorf("an expired one: %s", got.Body)
		}
	})
}

// RFC 7662 section 2.1: it is no oracle for whoever has no credentials.
func TestCallersNeedCredentials(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		native := w.Public("http://127.0.0.1/callback", nil)
		token := w.Tokens(w.app, w.ada).Text("access_token")
		wrong := w.app
		wrong.Secret = w.nobody.Secret
		form := url.Values{"token": {token}}
		named := func(cl testx.Client) url.Values {
			return url.Values{"token": {token}, "client_id": {cl.ClientID}}
		}
		for name, test := range map[string]struct {
			form    url.Values
			options []testx.RequestOption
			status  int
			code    oauth.ErrorCode
		}{
			"nobody":                         {form, nil, 401, oauth.InvalidClient},
			"a name without a secret":        {named(w.app), nil, 401, oauth.InvalidClient},
			"a wrong secret":                 {form, []testx.RequestOption{testx.As(wrong)}, 401, oauth.InvalidClient},
			"a public client":                {named(native), nil, 401, oauth.InvalidClient},
			"a token instead of credentials": {form, []testx.RequestOption{testx.Bearer(token)}, 401, oauth.InvalidClient},
			"no token":                       {url.Values{}, []testx.RequestOption{testx.As(w.app)}, 400, oauth.InvalidRequest},
			"an empty token":                 {url.Values{"token": {""}}, []testx.RequestOption{testx.As(w.app)}, 400, oauth.InvalidRequest},
			"two tokens":                     {url.Values{"token": {token, token}}, []testx.RequestOption{testx.As(w.app)}, 400, oauth.InvalidRequest},
			"an unknown hint":                {url.Values{"token": {token}, "token_type_hint": {"x"}}, []testx.RequestOption{testx.As(w.app)}, 200, ""},
		} {
			answer := w.Post("/oauth/introspect", test.form, test.options...)
			if answer.Status != test.status || answer.Text("error") != string(test.code) {
				t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
			if _, said := answer.JSON["active"]; said != (test.status == 200) {
				t.Errorf("%s: %s", name, answer.Body)
			}
		}
		if answer := w.Get("/oauth/introspect?token="+token, testx.As(w.app)); answer.Status != http.StatusMethodNotAllowed {
			t.Errorf("GET: %d", answer.Status)
		}
	})
}
