package testx

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"authly/internal/app"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/testx/testkeys"
	"authly/internal/user"
)

// Server is a whole server that answers at Issuer.
type Server struct {
	*app.App
	Issuer string
	// Administration is where the administration is, without its path: the issuer unless
	// it has an address of its own.
	Administration string
	// Clock is nil unless the server was made with [WithFakeClock].
	Clock *clock.Fake
	// Settings are what it was built from.
	Settings config.Config

	t   testing.TB
	log *Log
	// within gives every request its context, and lets it be answered in this process; nil for
	// requests over the network.
	within func(*http.Request) *http.Request
}

type setup struct {
	host, path string
	fake       *clock.Fake
	changes    []func(*config.Config)
}

// Option changes how a server is made.
type Option func(*setup)

// WithPath gives the issuer a path, such as "/tenant".
func WithPath(path string) Option { return func(s *setup) { s.path = path } }

// WithHost gives the issuer another name than 127.0.0.1; it must lead to it.
func WithHost(host string) Option { return func(s *setup) { s.host = host } }

// WithFakeClock lets the test decide what time it is.
func WithFakeClock(at time.Time) Option {
	return func(s *setup) { s.fake = clock.NewFake(at) }
}

// WithConfig changes the configuration. It is called after everything else was set.
func WithConfig(change func(*config.Config)) Option {
	return func(s *setup) { s.changes = append(s.changes, change) }
}

// stopWithin is far longer than stopping takes.
const stopWithin = 30 * time.Second

// NewServer starts a server on a fresh database of the given engine. It stops
// when the test ends, which fails if a secret was logged.
func NewServer(t testing.TB, engine db.Engine, options ...Option) *Server {
	t.Helper()
	made := &setup{host: "127.0.0.1"}
	for _, option := range options {
		option(made)
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Issuer: "http://" + net.JoinHostPort(made.host, port) + made.path, Clock: made.fake, t: t, log: newLog()}
	s.Settings = s.settings(engine, listener.Addr().String())
	for _, change := range made.changes {
		change(&s.Settings)
	}
	hasher, err := hasherFor(s.Settings.Passwords)
	if err != nil {
		t.Fatal(err)
	}
	built := app.Options{Hasher: hasher, Config: s.Settings, GenerateKey: testkeys.Generator(), Logger: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if made.fake != nil {
		built.Clock = made.fake
	}
	if s.App, err = app.New(t.Context(), built); err != nil {
		_ = listener.Close()
		t.Fatalf("build the server: %v", err)
	}
	on := app.Listeners{Main: listener}
	if s.Administration = s.Issuer; s.AdministrationHandler() != nil {
		if on.Administration, err = listening.Listen(t.Context(), "tcp", s.Settings.Admin.Listen); err != nil {
			t.Fatalf("listen: %v", err)
		}
		s.Administration = "http://" + on.Administration.Addr().String() + made.path
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, on) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the server ended with: %v", err)
			}
		case <-time.After(stopWithin):
			t.Error("the server does not stop")
		}
		if err := s.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
		s.log.check(t)
	})
	return s
}

// settings are the defaults, with limits that a test does not run into by its number of sign-ins.
func (s *Server) settings(engine db.Engine, address string) config.Config {
	s.t.Helper()
	settings, database := config.Default(), dbtest.Options(s.t, engine)
	settings.Issuer, settings.Listen = s.Issuer, address
	settings.DataDirectory = s.t.TempDir()
	if database.SQLitePath != "" {
		settings.DataDirectory = filepath.Dir(database.SQLitePath)
	}
	settings.Database.URL, settings.Database.AllowPlaintext = database.URL, database.AllowPlaintext
	if engine == db.PostgreSQL {
		settings.Database.MaxConnections = 8
		settings.SealingKey = secret.NewSealingKey()
		s.Secret(settings.SealingKey.Reveal())
	}
	settings.Audit.Tokens = false // a job would add events at a time that no test knows
	settings.Throttle.AccountBurst, settings.Throttle.AddressBurst = 100, 10000
	return settings
}

// hasherFor returns one that takes next to no time, as tests sign in thousands of times with
// the same password, or nil, which is the server's own, for a test that sets its costs.
func hasherFor(settings config.Passwords) (*secret.PasswordHasher, error) {
	usual := config.Default().Passwords
	if settings.MemoryKiB != usual.MemoryKiB || settings.Iterations != usual.Iterations || settings.Parallelism != usual.Parallelism {
		return nil, nil //nolint:nilnil // see above
	}
	return secret.NewPasswordHasher(secret.PasswordHasherOptions{
		Parameters: secret.PasswordParameters{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, PoolMemoryMiB: settings.PoolMemoryMiB, AllowWeak: true,
	})
}

// In returns the same server for a subtest, which then fails instead of the test that made it.
func (s *Server) In(t testing.TB) *Server {
	same := *s
	same.t = t
	return &same
}

// Secret remembers a text that must not be in the log.
func (s *Server) Secret(texts ...string) { s.log.forbid(texts...) }

// Log returns what the server has logged so far, as lines of JSON.
func (s *Server) Log() string { return s.log.String() }

// Path returns the path of the issuer, "" if it has none.
func (s *Server) Path() string { return httpx.Path(s.Issuer) }

// Person is a user with the password.
type Person struct {
	user.User
	Password string
}

// Person creates a user with a password of their own.
func (s *Server) Person(username string) Person {
	s.t.Helper()
	password := "correct horse " + secret.New().Reveal()[:16]
	s.Secret(password)
	verified := true
	made, err := s.Users.Create(s.t.Context(), user.New{
		Username: username, Email: username + "@people.example", EmailVerified: true, Password: secret.FromString(password),
		Claims: oidc.StandardClaims{Name: username + " Example", PhoneNumber: "+4915112345678", PhoneNumberVerified: &verified},
	})
	if err != nil {
		s.t.Fatalf("create %s: %v", username, err)
	}
	return Person{made, password}
}

// Client is a registered client with its secret, "" for a public one.
type Client struct {
	client.Client
	Secret string
}

// Confidential registers a client with a secret and every grant; change may be nil.
func (s *Server) Confidential(redirectURI string, change func(*client.Metadata)) Client {
	s.t.Helper()
	return s.register(client.Metadata{
		Name: "Web App", RedirectURIs: []string{redirectURI}, Scopes: allScopes(),
		GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials},
	}, change)
}

// Public registers a native client without a secret; change may be nil.
func (s *Server) Public(redirectURI string, change func(*client.Metadata)) Client {
	s.t.Helper()
	return s.register(client.Metadata{
		Name: "Native App", ApplicationType: oauth.Native, AuthenticationMethod: oauth.AuthenticationMethodNone,
		RedirectURIs: []string{redirectURI}, Scopes: allScopes(), GrantTypes: []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken},
	}, change)
}

func allScopes() oauth.ScopeSet {
	return oauth.ScopeSet{"openid", "profile", "email", "phone", "address", "offline_access"}
}

func (s *Server) register(registration client.Metadata, change func(*client.Metadata)) Client {
	s.t.Helper()
	if change != nil {
		change(&registration)
	}
	made, err := s.Clients.Register(s.t.Context(), registration)
	if err != nil {
		s.t.Fatalf("register a client: %v", err)
	}
	s.Secret(made.Secret.Reveal())
	return Client{made.Client, made.Secret.Reveal()}
}
