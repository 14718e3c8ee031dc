package token_test

import (
	"context"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/consent"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
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
	issuer      = "https://id.example"
	redirectURI = "https://app.example/callback"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	challenge   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var lifetimes = token.Lifetimes{
	AuthorizationCode: time.Minute, AccessToken: 10 * time.Minute, IDToken: 10 * time.Minute,
	RefreshTokenIdle: 14 * 24 * time.Hour, RefreshToken: 90 * 24 * time.Hour, ReuseWindow: 30 * time.Second, Repetitions: 3,
}

// environment is the token service with everything real around it.
type environment struct {
	t              *testing.T
	database       *db.DB
	clock          *clock.Fake
	keys           *keys.Service
	clients        *client.Service
	grants         *consent.Service
	scopes         *scope.Service
	tokens         *token.Service
	user           uuid.UUID
	administrators token.Administrators
	keeper         token.Keeper
	sessions       token.Sessions
	catalogue      token.Catalogue
	signing        token.Keys   // nil: keys
	from           audit.Origin // of the requests
}

func newEnvironment(t *testing.T, database *db.DB) *environment {
	t.Helper()
	e := &environment{t: t, database: database, clock: clock.NewFake(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), user: id.New()}
	sealer, err := secret.NewSealer(secret.NewSealingKey())
	e.must(err)
	e.keys = keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: e.clock, Logger: slog.New(slog.DiscardHandler), Audit: audit.New(audit.Deps{Database: database, Clock: e.clock}),
		RotationInterval: 90 * 24 * time.Hour, PublishLead: 24 * time.Hour, RetainRetired: 60 * 24 * time.Hour, GenerateKey: testkeys.Generator(),
	})
	e.must(e.keys.Bootstrap(t.Context()))
	e.grants = consent.New(consent.Deps{Database: database, Clock: e.clock})
	e.scopes = scope.New(scope.Deps{Database: database, Clock: e.clock})
	e.must(e.scopes.Seed(t.Context()))
	e.tokens = e.newService()
	e.clients = client.NewService(client.Deps{Database: database, Clock: e.clock, Keys: e.keys, Issued: e.tokens})
	_, err = database.Write(t.Context()).Exec(t.Context(), `INSERT INTO users (id, username, username_folded, email_verified, state, administrator,
		require_password_change, phone_number_verified, created_at, updated_at) VALUES ($1, $2, $2, $3, $4, $3, $3, $3, $5, $5)`,
		e.user, "ada", false, "active", e.clock.Now())
	e.must(err)
	return e
}

// FindByRecord finds the client of a token: the service of clients is made after that of tokens.
func (e *environment) FindByRecord(ctx context.Context, record uuid.UUID) (client.Client, error) {
	return e.clients.FindByRecord(ctx, record)
}

// session begins a session of the user that lasts an hour.
func (e *environment) session() uuid.UUID {
	e.t.Helper()
	made := id.New()
	_, err := e.database.Write(e.t.Context()).Exec(e.t.Context(), `INSERT INTO sessions (id, token_hash, user_id, authentication_methods, authenticated_at,
		created_at, last_seen_at, idle_expires_at, expires_at, user_agent, address) VALUES ($1, $2, $3, '[]', $4, $4, $4, $5, $5, '', '')`,
		made, made[:], e.user, e.clock.Now(), e.clock.Now().Add(time.Hour))
	e.must(err)
	return made
}

// newService returns another node on the same database.
func (e *environment) newService() *token.Service { return e.serviceWith(lifetimes) }

func (e *environment) serviceWith(lifetimes token.Lifetimes) *token.Service {
	e.t.Helper()
	successorKey, err := e.keys.Secret(e.t.Context(), "refresh-token-successor")
	e.must(err)
	var signing token.Keys = e.keys
	if e.signing != nil {
		signing = e.signing
	}
	made := token.New(token.Deps{
		Database: e.database, Clock: e.clock, Issuer: issuer, Keys: signing, SuccessorKey: successorKey,
		AccessTokenAlgorithm: jose.ES256, Lifetimes: lifetimes, Clients: e, Subjects: subject.New(secret.New()), Administrators: e.administrators, Keeper: e.keeper, Sessions: e.sessions, Catalogue: e.catalogue, Audit: audit.New(audit.Deps{Database: e.database, Clock: e.clock}),
	})
	made.Use(
		grants.NewAuthorizationCode(made, lifetimes.RefreshToken),
		grants.NewRefreshToken(made, lifetimes.ReuseWindow),
		grants.NewClientCredentials(e.scopes),
	)
	return made
}

func (e *environment) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *environment) register(change func(*client.Metadata)) client.Client {
	e.t.Helper()
	registration := client.Metadata{
		Name: "App", RedirectURIs: []string{redirectURI}, AuthenticationMethod: oauth.AuthenticationMethodNone,
		GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken},
		Scopes:     oauth.ScopeSet{"openid", "profile", "offline_access"},
		Resources:  []string{"https://api.example", "https://other.example/v1"},
	}
	if change != nil {
		change(&registration)
	}
	made, err := e.clients.Register(e.t.Context(), registration)
	e.must(err)
	return made.Client
}

func confidential(n *client.Metadata) {
	n.AuthenticationMethod = oauth.ClientSecretBasic
	n.GrantTypes = append(n.GrantTypes, oauth.ClientCredentials)
}

// code issues an authorization code, as the authorization endpoint does.
func (e *environment) code(known client.Client, change func(*token.Code)) secret.Redacted {
	e.t.Helper()
	given, err := e.grants.Allow(e.t.Context(), consent.Grant{Client: known.ID, UserID: e.user, Permissions: oauth.PermissionsOf(oauth.ScopeSet{"openid", "offline_access"}, nil)})
	e.must(err)
	code := token.Code{
		RedirectURI: redirectURI, CodeChallenge: challenge, Nonce: "n-0S6_WzA2Mj",
		Delegation: token.Delegation{
			Client: known.ID, ClientEpoch: known.Epoch, UserID: e.user, GrantID: given.ID,
			Scopes: oauth.ScopeSet{"openid", "offline_access"}, AuthenticationMethods: []string{"pwd"}, AuthenticatedAt: e.clock.Now(),
		},
	}
	if change != nil {
		change(&code)
	}
	value, err := e.tokens.IssueCode(e.t.Context(), code)
	e.must(err)
	return value
}

// exchange sends a token request on behalf of a client.
func (e *environment) exchange(service *token.Service, known client.Client, parameters url.Values) (token.Response, error) {
	e.t.Helper()
	params, err := oauth.ParseParams(parameters, "resource")
	e.must(err)
	return service.Exchange(e.t.Context(), params, func(context.Context) (client.Client, error) { return known, nil })
}

func (e *environment) redeem(known client.Client, code secret.Redacted) (token.Response, error) {
	return e.exchange(e.tokens, known, codeRequest(code))
}

func codeRequest(code secret.Redacted) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code.Reveal()}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	}
}

func (e *environment) refresh(known client.Client, refreshToken string) (token.Response, error) {
	return e.exchange(e.tokens, known, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
}

// counts tells whether an access token counts right now.
func (e *environment) counts(accessToken string) bool {
	_, err := e.tokens.Lookup(e.t.Context(), secret.FromString(accessToken))
	return err == nil
}

func (e *environment) wantCode(err error, want oauth.ErrorCode) {
	e.t.Helper()
	if oauth.CodeOf(err) != want {
		e.t.Errorf("got %v, want %s", err, want)
	}
}
