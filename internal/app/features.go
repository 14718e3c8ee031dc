package app

import (
	"context"
	"fmt"
	"strings"

	"authly/internal/admin"
	"authly/internal/authorize"
	"authly/internal/bootstrap"
	"authly/internal/client"
	"authly/internal/clientauth"
	"authly/internal/clientkeys"
	"authly/internal/consent"
	"authly/internal/interaction"
	"authly/internal/introspect"
	"authly/internal/invitation"
	"authly/internal/login"
	"authly/internal/logout"
	"authly/internal/platform/egress"
	"authly/internal/platform/httpx"
	"authly/internal/platform/jwks"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
	"authly/internal/platform/ui"
	"authly/internal/playground"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
	"authly/internal/revoke"
	"authly/internal/scope"
	"authly/internal/session"
	"authly/internal/subject"
	"authly/internal/token"
	"authly/internal/token/grants"
	"authly/internal/user"
	"authly/internal/userinfo"
)

// successorSecret names the sealed key from which the successors of refresh tokens follow.
const successorSecret = "refresh-token-successor"

// features are the services that only the composition needs.
type features struct {
	counts         *ratelimit.SQL
	throttle       *ratelimit.Limiter
	limits         *addressLimits
	egress         *egress.Client
	clientAuth     *clientauth.Service
	interactions   *interaction.Service
	sessions       *session.Service
	setup          *bootstrap.Service
	subjects       *subject.Service
	outbox         *logout.Outbox
	logout         *logout.Service
	logoutTokens   *logout.Deliverer
	clientKeys     *clientkeys.Service
	login          *login.Service
	invitations    *invitation.Service
	administrators *admin.Administrators
	administration *admin.API
	dashboard      *admin.Dashboard
	mounted        []oauth.GrantType
}

// buildFeatures makes the services, each after those that it needs.
func (a *App) buildFeatures(ctx context.Context) (*features, error) {
	built := &features{counts: ratelimit.NewSQL(a.database)}
	redis, err := openRedis(a.settings.Redis)
	if err != nil {
		return nil, fmt.Errorf("open Redis: %w", err)
	}
	if redis != nil {
		a.opened = append(a.opened, redis.Close)
	}
	if built.throttle, err = newThrottle(a.settings.Throttle, newCounts(built.counts, redis, a.clock, a.logger), a.clock); err != nil {
		return nil, fmt.Errorf("prepare the limits: %w", err)
	}
	hasher := a.hasher
	if hasher == nil {
		if hasher, err = newPasswordHasher(a.settings.Passwords); err != nil {
			return nil, fmt.Errorf("prepare password hashing: %w", err)
		}
	}
	if built.limits, err = newAddressLimits(a.settings.Throttle, a.settings.Registration, a.clock); err != nil {
		return nil, fmt.Errorf("prepare the limits: %w", err)
	}
	if built.egress, err = newEgress(a.settings.Egress); err != nil {
		return nil, fmt.Errorf("prepare requests to others: %w", err)
	}
	built.clientKeys = clientkeys.New(jwks.New(built.egress, a.clock, a.logger))
	successorKey, err := a.keys.Secret(ctx, successorSecret)
	if err != nil {
		return nil, fmt.Errorf("prepare the key of refresh tokens: %w", err)
	}
	subjectKey, err := a.keys.Secret(ctx, subject.KeyName)
	if err != nil {
		return nil, fmt.Errorf("prepare the key of pairwise subjects: %w", err)
	}
	built.subjects = subject.New(subjectKey)
	if a.Audit, err = newAudit(ctx, a.database, a.clock, a.keys, a.sealer); err != nil {
		return nil, err
	}
	built.outbox = logout.NewOutbox(a.database, a.clock)
	built.sessions = session.NewService(session.Deps{
		Database: a.database, Clock: a.clock, Endings: built.outbox,
		Lifetime: policy.Lifetime{Idle: a.settings.Sessions.IdleLifetime, Absolute: a.settings.Sessions.Lifetime},
		Maximum:  a.settings.Sessions.MaximumPerAccount,
	})
	ending := &endings{sessions: built.sessions}
	a.Users = user.NewService(user.Deps{
		Database: a.database, Clock: a.clock, Hasher: hasher, Sessions: ending, Log: a.Audit,
		Rules: policy.PasswordRules{MinimumCodePoints: a.settings.Passwords.MinimumLength}, ServiceWords: []string{policy.ServiceWord},
	})
	built.administrators = admin.NewAdministrators(a.Users)
	a.Scopes = scope.New(scope.Deps{Database: a.database, Clock: a.clock})
	owners := &clientsOfTokens{}
	a.buildTokens(successorKey, owners, built)
	if a.settings.Audit.Tokens {
		a.Audit.Use(a.Tokens.Events())
	}
	ending.tokens = a.Tokens // tokens say who somebody is, and users end what was issued to them
	a.Clients = client.NewService(client.Deps{
		Database: a.database, Clock: a.clock, Keys: a.keys, Issued: a.Tokens, Outside: built.egress,
		IDTokenAlgorithm: jose.Algorithm(a.settings.Tokens.IDTokenSigningAlgorithm), AllowWeakEncryption: a.settings.Tokens.AllowWeakEncryption,
	})
	owners.Service = a.Clients
	a.Grants = consent.New(consent.Deps{Database: a.database, Clock: a.clock})
	built.clientAuth = clientauth.New(clientauth.Deps{
		Database: a.database, Clients: a.Clients, Keys: built.clientKeys, Clock: a.clock, Failures: built.limits, Audit: a.Audit,
		Issuer: a.settings.Issuer, TokenEndpoint: a.settings.Issuer + token.Path,
	})
	built.interactions = interaction.New(interaction.Deps{Database: a.database, Clock: a.clock, Lifetime: a.settings.Sessions.InteractionLifetime})
	built.logout = logout.New(logout.Deps{
		Database: a.database, Clock: a.clock, Issuer: a.settings.Issuer, Keys: a.keys, Clients: a.Clients, Subjects: built.subjects,
		Sessions: built.sessions, Users: a.Users, Outbox: built.outbox, Audit: a.Audit, SessionLifetime: a.settings.Sessions.Lifetime,
	})
	built.logoutTokens = logout.NewDeliverer(logout.DelivererDeps{
		Outbox: built.outbox, Issuer: a.settings.Issuer, Keys: a.keys, Clients: a.Clients, Subjects: built.subjects, ClientKeys: built.clientKeys,
		Poster: built.egress, Logger: a.logger,
	})
	built.setup = bootstrap.New(bootstrap.Deps{
		Database: a.database, Clock: a.clock, Issuer: a.settings.Issuer, Administration: a.settings.Issuer + admin.Path, Scopes: a.Scopes, Keys: a.keys,
		Users: a.Users, Clients: a.Clients, Audit: a.Audit,
	})
	built.login = login.New(login.Deps{
		Throttle: built.throttle, Users: a.Users, Sessions: built.sessions, Interactions: built.interactions, Transactions: a.database, Audit: a.Audit,
	})
	built.invitations = invitation.New(invitation.Deps{Issuer: a.settings.Issuer, Clock: a.clock, Users: a.Users, Transactions: a.database, Audit: a.Audit})
	built.mounted = a.useGrants()
	if err := a.buildRegistration(built); err != nil {
		return nil, fmt.Errorf("prepare client registration: %w", err)
	}
	built.dashboard = a.newDashboard(built)
	if a.jobs, err = a.housekeeping(built); err != nil {
		return nil, fmt.Errorf("prepare the housekeeping: %w", err)
	}
	a.buildAdministration(built)
	return built, nil
}

func (a *App) buildTokens(successorKey secret.Redacted, owners *clientsOfTokens, built *features) {
	lifetimes := token.Lifetimes{
		AuthorizationCode: a.settings.Tokens.AuthorizationCodeLifetime, AccessToken: a.settings.Tokens.AccessTokenLifetime,
		IDToken: a.settings.Tokens.IDTokenLifetime, RefreshTokenIdle: a.settings.Tokens.RefreshTokenIdleLifetime,
		RefreshToken: a.settings.Tokens.RefreshTokenLifetime, ReuseWindow: a.settings.Tokens.RefreshTokenReuseWindow,
		Repetitions: a.settings.Tokens.RefreshTokenRepetitions,
	}
	var keeper token.Keeper // nil unless it is kept in the log what was issued
	if a.settings.Audit.Tokens {
		keeper = a.Audit
	}
	a.Tokens = token.New(token.Deps{
		Database: a.database, Clock: a.clock, Issuer: a.settings.Issuer, Keys: a.keys, SuccessorKey: successorKey,
		AccessTokenAlgorithm: jose.Algorithm(a.settings.Tokens.AccessTokenSigningAlgorithm), Lifetimes: lifetimes,
		Clients: owners, Subjects: built.subjects, People: a.Users, ClientKeys: built.clientKeys, Audit: a.Audit, Keeper: keeper, Catalogue: a.Scopes, Administrators: built.administrators,
		Sessions: built.sessions, Administration: a.settings.Issuer + admin.Path,
	})
}

// useGrants mounts the grants of the token endpoint and returns their types.
func (a *App) useGrants() []oauth.GrantType {
	var mounted []oauth.GrantType
	lifetimes := a.Tokens.Lifetimes()
	for _, grant := range []token.Grant{
		grants.NewAuthorizationCode(a.Tokens, lifetimes.RefreshToken),
		grants.NewRefreshToken(a.Tokens, lifetimes.ReuseWindow),
		grants.NewClientCredentials(a.Scopes),
	} {
		a.Tokens.Use(grant)
		mounted = append(mounted, grant.Type())
	}
	return mounted
}

// mount builds the HTTP interface.
func (a *App) mount(ctx context.Context, built *features) error {
	issuer, prefix := a.settings.Issuer, httpx.Path(a.settings.Issuer)
	renderer, err := ui.New(ui.Options{Prefix: prefix})
	if err != nil {
		return fmt.Errorf("prepare the pages: %w", err)
	}
	routing := httpx.Options{
		Logger: a.logger, Clock: a.clock, Issuer: issuer, TrustedProxies: a.settings.TrustedProxies, ErrorPage: renderer.RenderStatus,
		RequireTLS:            strings.HasPrefix(issuer, "https://") && !a.settings.Server.AllowPlaintext,
		HSTSIncludeSubdomains: a.settings.Headers.HSTSIncludeSubdomains, CSPReportURI: a.settings.Headers.CSPReportURI,
	}
	a.router = httpx.NewRouter(routing)
	cookies := httpx.NewCookies(httpx.CookieOptions{Issuer: issuer})
	browser := interaction.NewBrowser(built.interactions, cookies, issuer+authorize.Path)
	sessions := session.NewBrowser(built.sessions, cookies)
	var states authorize.States // nil unless clients may watch sessions
	if a.settings.Logout.SessionManagement {
		watched := session.NewBrowserStates(cookies, a.clock)
		watched.Mount(a.router)
		sessions, states = sessions.WithStates(watched), watched
	}

	health{a.database}.Mount(a.router, issuer)
	a.router.Browser().Handle(ui.StaticRoute, renderer.Static(), httpx.Quiet())
	authorize.NewHandler(authorize.HandlerDeps{
		Service: authorize.New(authorize.Deps{
			Database: a.database, Clock: a.clock, Issuer: issuer, Clients: a.Clients, Scopes: a.Scopes, Grants: a.Grants,
			Codes: participating{a.Tokens, built.outbox}, Interactions: built.interactions, Subjects: built.subjects, Keys: a.keys,
			ClientKeys: built.clientKeys, Asker: a.requestObjectAsker(built), Audit: a.Audit, Limits: a.Tokens,
		}),
		Browser: limitedBrowser{browser, built.limits, sessions}, Store: limitedStore{built.interactions, built.limits}, Sessions: sessions, Users: a.Users, Renderer: renderer,
		Descriptions: a.Scopes, Logos: a.Logos, States: states, Lifetimes: a.Tokens.Lifetimes(), SignInURL: issuer + "/login", SelectAccountURL: issuer + "/select-account", ConsentURL: issuer + "/consent",
	}).Mount(a.router)
	login.NewHandler(login.HandlerDeps{
		Service: built.login, Browser: sessions, Interactions: browser, Subjects: built.subjects, Cookies: cookies, Renderer: renderer, Logos: a.Logos, Clock: a.clock, Issuer: issuer,
		PasswordMinimum: a.settings.Passwords.MinimumLength,
	}).Mount(a.router)
	logout.NewHandler(logout.HandlerDeps{
		Service: built.logout, Requests: limitedRequests{built.logout, built.limits}, Browser: sessions, Renderer: renderer, Issuer: issuer,
	}).Mount(a.router)
	bootstrap.NewHandler(bootstrap.HandlerDeps{Service: built.setup, Renderer: renderer, Cookies: cookies, Issuer: issuer, PasswordMinimum: a.settings.Passwords.MinimumLength}).Mount(a.router)
	invitation.NewHandler(invitation.HandlerDeps{Service: built.invitations, Renderer: renderer, Cookies: cookies, Issuer: issuer, PasswordMinimum: a.settings.Passwords.MinimumLength}).Mount(a.router)
	token.NewHandler(a.Tokens, built.clientAuth).Mount(a.router)
	revoke.NewHandler(revoke.New(a.Tokens), built.clientAuth).Mount(a.router)
	introspect.NewHandler(introspect.New(introspect.Deps{
		Issuer: issuer, Clock: a.clock, Tokens: a.Tokens, Users: a.Users, Subjects: built.subjects,
	}), built.clientAuth).Mount(a.router)
	userinfo.NewHandler(userinfo.New(userinfo.Deps{
		Issuer: issuer, Clock: a.clock, Tokens: a.Tokens, People: a.Users, Subjects: built.subjects, Signer: a.keys,
		ClientKeys: built.clientKeys,
	})).Mount(a.router)
	a.mountRegistration(renderer)
	if err := a.mountAdministration(built, routing); err != nil { //nolint:contextcheck // each request has its own
		return err
	}
	if err := a.mountDiscovery(ctx, built); err != nil {
		return err
	}
	if err := a.mountPlayground(renderer); err != nil {
		return err
	}
	a.handler = a.router.Handler()
	return nil
}

// requestObjectAsker is nil unless request objects may be fetched.
func (a *App) requestObjectAsker(built *features) authorize.Asker {
	if !a.settings.Requests.RequestURI {
		return nil
	}
	return limitedAsker{built.egress, built.limits}
}

// mountPlayground adds the pages of --dev.
func (a *App) mountPlayground(renderer *ui.Renderer) error {
	if a.dev == nil {
		return nil
	}
	prefix := httpx.Path(a.settings.Issuer)
	page, err := playground.New(playground.Deps{
		Issuer: a.settings.Issuer, ClientID: a.dev.PublicClient.ClientID, Scope: "openid profile email offline_access",
		Assets: renderer, LogoutURL: prefix + "/logout",
	})
	if err != nil {
		return fmt.Errorf("prepare the playground: %w", err)
	}
	page.Mount(a.router)
	a.router.Browser().HandleFunc("GET /{$}", home{renderer, a.settings.Issuer}.show)
	return nil
}
