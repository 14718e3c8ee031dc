package app

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"authly/internal/admin"
	"authly/internal/audit"
	"authly/internal/bootstrap"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/consent"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/httpx"
	"authly/internal/platform/jobs"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/registration"
	"authly/internal/scope"
	"authly/internal/token"
	"authly/internal/user"
)

// Options are what an App is built from.
type Options struct {
	Config config.Config
	// Clock is the operating system's if nil.
	Clock  clock.Clock
	Logger *slog.Logger
	// GenerateKey makes the signing keys: jose.Generator of keys.rsa_bits if nil.
	GenerateKey func(jose.Algorithm) (crypto.Signer, error)
	// Hasher hashes and verifies passwords: one with the costs of passwords.* if nil.
	Hasher *secret.PasswordHasher
}

// App is the whole program without its command line.
type App struct {
	settings config.Config
	// generateKey makes the signing keys; see Options.
	generateKey func(jose.Algorithm) (crypto.Signer, error)
	hasher      *secret.PasswordHasher

	clock    clock.Clock
	logger   *slog.Logger
	database *db.DB
	keys     *keys.Service
	sealer   *secret.Sealer
	router   *httpx.Router
	handler  http.Handler
	// These two are nil unless the administration has an address of its own.
	administrationRouter  *httpx.Router
	administrationHandler http.Handler
	jobs                  *jobs.Runner
	setup                 *bootstrap.Service
	dev                   *bootstrap.Dev
	// administration is there also when its API is switched off; see [App.Operator].
	administration *admin.API
	opened         []func() error
	closing        sync.Once
	closed         error

	// The services, for tests and for the seeding of --dev.
	Users         *user.Service
	Clients       *client.Service
	Grants        *consent.Service
	Scopes        *scope.Service
	Tokens        *token.Service
	Registrations *registration.Service
	Logos         *registration.Logos
	Audit         *audit.Log
	// InitialTokens makes initial access tokens for client registration.
	InitialTokens *registration.InitialTokens
}

// Notice is what somebody who starts the server has to know.
type Notice struct {
	// SetupURL is the one-time address at which the first administrator is made,
	// for an hour; zero if there is one.
	SetupURL secret.Redacted
	// Dev has the demonstration credentials; nil without --dev.
	Dev *bootstrap.Dev
}

// New opens the database, brings its schema up to date, and builds every
// module. Close must be called. Nothing runs by itself before Run.
func New(ctx context.Context, options Options) (_ *App, err error) {
	a := &App{settings: options.Config, clock: options.Clock, logger: options.Logger, generateKey: options.GenerateKey, hasher: options.Hasher}
	if a.generateKey == nil {
		a.generateKey = jose.Generator(a.settings.Keys.RSABits)
	}
	if a.clock == nil {
		a.clock = clock.System()
	}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := prepareDataDirectory(a.settings); err != nil {
		return nil, err
	}
	if a.database, err = openDatabase(ctx, a.settings, a.logger); err != nil {
		return nil, err
	}
	a.opened = append(a.opened, a.database.Close)
	if err := a.database.Migrate(ctx); err != nil {
		return nil, err
	}
	if err := a.buildKeys(); err != nil {
		return nil, err
	}
	built, err := a.buildFeatures(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.bootstrap(ctx, built); err != nil {
		return nil, err
	}
	if err := a.mount(ctx, built); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *App) buildKeys() error {
	var err error
	if a.sealer, err = newSealer(a.settings); err != nil {
		return err
	}
	a.keys = keys.New(keys.Deps{
		Database: a.database, Sealer: a.sealer, Clock: a.clock, Logger: a.logger, Audit: localAudit(a.database, a.clock, a.sealer), Actor: audit.Actor{Kind: audit.Server},
		RotationInterval: a.settings.Keys.RotationInterval, PublishLead: a.settings.Keys.PublishLead, RetainRetired: a.settings.Keys.RetainRetired, GenerateKey: a.generateKey,
	})
	return nil
}

// Handler returns the whole HTTP interface, without what has an address of its own.
func (a *App) Handler() http.Handler { return a.handler }

// AdministrationHandler returns the administration if it has an address of its own, else nil.
func (a *App) AdministrationHandler() http.Handler { return a.administrationHandler }

// Routes lists what is mounted, wherever it is.
func (a *App) Routes() []httpx.Route {
	all := a.router.Routes()
	if a.administrationRouter != nil {
		all = append(all, a.administrationRouter.Routes()...)
	}
	return all
}

// Keys returns the signing keys.
func (a *App) Keys() *keys.Service { return a.keys }

// Database returns the open database, for tests that look behind the services.
func (a *App) Database() *db.DB { return a.database }

// Close closes the database and everything else that New opened.
func (a *App) Close() error {
	a.closing.Do(func() { a.closed = closeAll(a.opened) })
	return a.closed
}

// The intervals of housekeeping.
const (
	deliveryInterval = 5 * time.Second
	sweepInterval    = 5 * time.Minute
	sessionInterval  = time.Hour
	// A client that only gets tokens of its own is used while one of them has its row: for no
	// less than the shortest lifetime that can be configured.
	logoInterval         = time.Minute
	sealInterval         = time.Minute
	collectInterval      = 15 * time.Second
	registrationInterval = 20 * time.Second
)

// housekeeping deletes what has expired. Every sweep is a conditional
// statement, so several nodes may do the same at once.
func (a *App) housekeeping(built *features) (*jobs.Runner, error) {
	return jobs.NewRunner(a.logger, a.clock,
		jobs.Job{Name: "sweep interactions", Every: sweepInterval, Run: built.interactions.Sweep},
		jobs.Job{Name: "deliver logout tokens", Every: deliveryInterval, Wake: built.outbox.Woken(), Run: built.logoutTokens.Deliver},
		jobs.Job{Name: "sweep logout requests", Every: sweepInterval, Run: built.logout.Sweep},
		jobs.Job{Name: "sweep logout deliveries", Every: sweepInterval, Run: built.outbox.Sweep},
		jobs.Job{Name: "sweep tokens", Every: sweepInterval, Run: a.Tokens.Sweep},
		jobs.Job{Name: "sweep used assertions", Every: sweepInterval, Run: built.clientAuth.Sweep},
		jobs.Job{Name: "sweep sessions", Every: sessionInterval, Run: built.sessions.Sweep},
		jobs.Job{Name: "sweep client registrations", Every: registrationInterval, Run: a.Registrations.Sweep},
		jobs.Job{Name: "fetch client logos", Every: logoInterval, Run: a.Logos.FetchDue},
		jobs.Job{Name: "sweep idempotency keys", Every: sessionInterval, Run: func(ctx context.Context) error {
			return built.administration.Sweep(ctx) // which is made after this, as it shows the jobs
		}},
		jobs.Job{Name: "log what was issued", Every: collectInterval, Run: a.Audit.Collect},
		jobs.Job{Name: "log what was promised", Every: collectInterval, Run: a.Audit.Deliver},
		jobs.Job{Name: "seal the audit log", Every: sealInterval, Run: a.Audit.Seal},
		jobs.Job{Name: "sweep audit keys", Every: sessionInterval, Run: a.Audit.SweepKeys},
		jobs.Job{Name: "delete old audit events", Every: sessionInterval, Run: a.deleteOldEvents},
		jobs.Job{Name: "sweep password tickets", Every: sessionInterval, Run: a.Users.Sweep},
		jobs.Job{Name: "sweep setup tokens", Every: sessionInterval, Run: built.setup.Sweep},
		jobs.Job{Name: "count for the dashboard", Every: admin.CountEvery, Wake: built.dashboard.Woken(), Run: built.dashboard.Refresh},
		jobs.Job{Name: "sweep rate limits", Every: sweepInterval, Run: func(ctx context.Context) error {
			_, err := built.counts.Sweep(ctx, a.clock.Now())
			return err
		}},
	)
}
