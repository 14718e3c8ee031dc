package grants_test

import (
	"context"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
	"authly/internal/subject"
	"authly/internal/testx/testkeys"
	"authly/internal/token"
	"authly/internal/token/grants"
)

const (
	redirectURI = "https://app.example/callback"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	challenge   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// world has the grants with everything real that they ask.
type world struct {
	t          *testing.T
	clock      *clock.Fake
	tokens     *token.Service
	clients    *client.Service
	grants     *consent.Service
	user       uuid.UUID
	app, other client.Client
}

func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, database *db.DB) { test(t, newWorld(t, database)) })
}

func newWorld(t *testing.T, database *db.DB) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), user: id.New()}
	sealer, err := secret.NewSealer(secret.NewSealingKey())
	w.must(err)
	log := audit.New(audit.Deps{Database: database, Clock: w.clock})
	signing := keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Audit: log,
		RotationInterval: 90 * 24 * time.Hour, PublishLead: 24 * time.Hour, RetainRetired: 60 * 24 * time.Hour, GenerateKey: testkeys.Generator(),
	})
	w.must(signing.Bootstrap(t.Context()))
	w.grants = consent.New(consent.Deps{Database: database, Clock: w.clock})
	scopes := scope.New(scope.Deps{Database: database, Clock: w.clock})
	w.must(scopes.Seed(t.Context()))
	successors, err := signing.Secret(t.Context(), "refresh-token-successor")
	w.must(err)
	lifetimes := token.Lifetimes{
		AuthorizationCode: time.Minute, AccessToken: 10 * time.Minute, IDToken: 10 * time.Minute,
		RefreshTokenIdle: 14 * 24 * time.Hour, RefreshToken: 90 * 24 * time.Hour, ReuseWindow: 30 * time.Second,
	}
	w.tokens = token.New(token.Deps{
		Database: database, Clock: w.clock, Issuer: "https://id.example", Keys: signing, SuccessorKey: successors,
		AccessTokenAlgorithm: jose.ES256, Lifetimes: lifetimes, Subjects: subject.New(secret.New()), Audit: log,
	})
	w.tokens.Use(grants.NewAuthorizationCode(w.tokens, lifetimes.RefreshToken), grants.NewRefreshToken(w.tokens, lifetimes.ReuseWindow), grants.NewClientCredentials(scopes))
	w.clients = client.NewService(client.Deps{Database: database, Clock: w.clock, Keys: signing, Issued: w.tokens})
	_, err = database.Write(t.Context()).Exec(t.Context(), `INSERT INTO users (id, username, username_folded, email_verified, state, administrator,
		require_password_change, phone_number_verified, created_at, updated_at) VALUES ($1, $2, $2, $3, $4, $3, $3, $3, $5, $5)`,
		w.user, "ada", false, "active", w.clock.Now())
	w.must(err)
	w.app, w.other = w.register(), w.register()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) register() client.Client {
	w.t.Helper()
	made, err := w.clients.Register(w.t.Context(), client.Metadata{
		Name: "App", RedirectURIs: []string{redirectURI}, AuthenticationMethod: oauth.AuthenticationMethodNone, PKCE: client.PKCERequired,
		GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken}, Scopes: oauth.ScopeSet{"openid", "profile", "offline_access"},
	})
	w.must(err)
	return made.Client
}

// code issues a code of app, as the authorization endpoint does.
func (w *world) code(codeChallenge string) string {
	w.t.Helper()
	given, err := w.grants.Allow(w.t.Context(), consent.Grant{Client: w.app.ID, UserID: w.user, Permissions: oauth.PermissionsOf(oauth.ScopeSet{"openid", "offline_access"}, nil)})
	w.must(err)
	value, err := w.tokens.IssueCode(w.t.Context(), token.Code{
		RedirectURI: redirectURI, CodeChallenge: codeChallenge,
		Delegation: token.Delegation{
			Client: w.app.ID, UserID: w.user, GrantID: given.ID,
			Scopes: oauth.ScopeSet{"openid", "offline_access"}, AuthenticationMethods: []string{"pwd"}, AuthenticatedAt: w.clock.Now(),
		},
	})
	w.must(err)
	return value.Reveal()
}

// exchange sends a token request of a client.
func (w *world) exchange(caller client.Client, parameters url.Values) (token.Response, error) {
	w.t.Helper()
	params, err := oauth.ParseParams(parameters, "resource")
	w.must(err)
	return w.tokens.Exchange(w.t.Context(), params, func(context.Context) (client.Client, error) { return caller, nil })
}

// Everything that a code is bound to (RFC 6749 section 4.1.3, RFC 7636 section 4.6, RFC 9700
// section 4.8.2): each request differs from a good one in one thing.
func TestWhatACodeIsBoundTo(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, test := range []struct {
			name      string
			challenge string
			caller    client.Client
			changes   url.Values // an empty list removes a parameter
			after     time.Duration
			want      oauth.ErrorCode
		}{
			{"a good request", challenge, w.app, nil, 0, ""},
			{"at the end of its life", challenge, w.app, nil, 59 * time.Second, ""},
			{"PKCE instead of redirect_uri", challenge, w.app, url.Values{"redirect_uri": nil}, 0, ""},
			{"neither PKCE nor a verifier", "", w.app, url.Values{"code_verifier": nil}, 0, ""},
			{"another redirect_uri", challenge, w.app, url.Values{"redirect_uri": {redirectURI + "/"}}, 0, oauth.InvalidGrant},
			{"redirect_uri in another case", challenge, w.app, url.Values{"redirect_uri": {"https://APP.example/callback"}}, 0, oauth.InvalidGrant},
			{"another redirect_uri without PKCE", "", w.app, url.Values{"code_verifier": nil, "redirect_uri": {"https://evil.example/"}}, 0, oauth.InvalidGrant},
			{"no redirect_uri without PKCE", "", w.app, url.Values{"code_verifier": nil, "redirect_uri": nil}, 0, oauth.InvalidRequest},
			{"another verifier", challenge, w.app, url.Values{"code_verifier": {strings.Repeat("v", 43)}}, 0, oauth.InvalidGrant},
			{"the challenge as the verifier", challenge, w.app, url.Values{"code_verifier": {challenge}}, 0, oauth.InvalidGrant},
			{"no verifier", challenge, w.app, url.Values{"code_verifier": nil}, 0, oauth.InvalidGrant},
			{"a verifier without a challenge", "", w.app, nil, 0, oauth.InvalidGrant},
			{"another client", challenge, w.other, nil, 0, oauth.InvalidGrant},
			{"too late", challenge, w.app, nil, time.Minute, oauth.InvalidGrant},
			{"no code", challenge, w.app, url.Values{"code": nil}, 0, oauth.InvalidRequest},
			{"a code of nobody", challenge, w.app, url.Values{"code": {"unknown"}}, 0, oauth.InvalidGrant},
		} {
			parameters := url.Values{
				"grant_type": {"authorization_code"}, "code": {w.code(test.challenge)}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
			}
			maps.Copy(parameters, test.changes)
			maps.DeleteFunc(parameters, func(_ string, values []string) bool { return len(values) == 0 })
			w.clock.Advance(test.after)
			if _, err := w.exchange(test.caller, parameters); oauth.CodeOf(err) != test.want || err != nil && test.want == "" {
				t.Errorf("%s: %v, want %q", test.name, err, test.want)
			}
		}
	})
}

// A refresh token is its client's alone, and lives for as long as it says (RFC 6749 section
// 6, RFC 9700 section 4.14.2).
func TestWhatARefreshTokenIsBoundTo(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		begin := func() string {
			first, err := w.exchange(w.app, url.Values{"grant_type": {"authorization_code"}, "code": {w.code(challenge)}, "code_verifier": {verifier}})
			w.must(err)
			return first.RefreshToken
		}
		refresh := func(caller client.Client, presented string) error {
			_, err := w.exchange(caller, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {presented}})
			return err
		}
		held := begin()
		if err := refresh(w.other, held); oauth.CodeOf(err) != oauth.InvalidGrant {
			t.Errorf("another client: %v", err)
		}
		if err := refresh(w.app, held); err != nil {
			t.Errorf("the client itself, after another one: %v", err)
		}
		if err := refresh(w.app, ""); oauth.CodeOf(err) != oauth.InvalidRequest {
			t.Errorf("no token: %v", err)
		}
		if err := refresh(w.app, "unknown"); oauth.CodeOf(err) != oauth.InvalidGrant {
			t.Errorf("a token of nobody: %v", err)
		}
		idle := begin()
		w.clock.Advance(14 * 24 * time.Hour)
		if err := refresh(w.app, idle); oauth.CodeOf(err) != oauth.InvalidGrant {
			t.Errorf("a token that was not used for its idle time: %v", err)
		}
		again := begin()
		w.must(refresh(w.app, again))
		w.clock.Advance(29 * time.Second)
		if err := refresh(w.app, again); err != nil {
			t.Errorf("again within the window: %v", err)
		}
		w.clock.Advance(time.Second)
		if err := refresh(w.app, again); oauth.CodeOf(err) != oauth.InvalidGrant {
			t.Errorf("again after the window: %v", err)
		}
	})
}

// A public client has nothing to act on its own behalf with (RFC 6749 section 4.4), even if
// its record were to list the grant.
func TestPublicClientsHaveNoCredentials(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		forced := w.app
		forced.GrantTypes = append([]oauth.GrantType{oauth.ClientCredentials}, forced.GrantTypes...)
		if _, err := w.exchange(forced, url.Values{"grant_type": {"client_credentials"}}); oauth.CodeOf(err) != oauth.UnauthorizedClient {
			t.Errorf("%v", err)
		}
	})
}
