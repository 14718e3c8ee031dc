package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/logout"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
	"authly/internal/session"
	"authly/internal/token"
)

// The names of the files in the data directory.
const (
	databaseFile   = "authly.db"
	sealingKeyFile = "sealing.key"
)

// prepareDataDirectory makes the directory, for this user only.
func prepareDataDirectory(settings config.Config) error {
	if !settings.Database.URL.IsZero() && !settings.SealingKey.IsZero() && !settings.Dev {
		return nil // nothing is kept there
	}
	if err := os.MkdirAll(settings.DataDirectory, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	return nil
}

func databaseOptions(settings config.Config, logger *slog.Logger) db.Options {
	return db.Options{
		URL: settings.Database.URL, SQLitePath: filepath.Join(settings.DataDirectory, databaseFile),
		MaxConnections: settings.Database.MaxConnections, AllowPlaintext: settings.Database.AllowPlaintext, Logger: logger,
	}
}

func openDatabase(ctx context.Context, settings config.Config, logger *slog.Logger) (*db.DB, error) {
	database, err := db.Open(ctx, databaseOptions(settings, logger))
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return database, nil
}

func newSealer(settings config.Config) (*secret.Sealer, error) {
	key := settings.SealingKey
	if key.IsZero() {
		var err error
		if key, err = secret.LoadOrCreateSealingKey(filepath.Join(settings.DataDirectory, sealingKeyFile)); err != nil {
			return nil, fmt.Errorf("prepare the sealing key: %w", err)
		}
	}
	return secret.NewSealer(key)
}

func newPasswordHasher(settings config.Passwords) (*secret.PasswordHasher, error) {
	return secret.NewPasswordHasher(secret.PasswordHasherOptions{
		Parameters: secret.PasswordParameters{
			MemoryKiB:   uint32(settings.MemoryKiB),  //nolint:gosec // bounded by the configuration
			Iterations:  uint32(settings.Iterations), //nolint:gosec // bounded by the configuration
			Parallelism: uint8(settings.Parallelism), //nolint:gosec // bounded by the configuration
		},
		PoolMemoryMiB: settings.PoolMemoryMiB,
	})
}

// newCounts returns where sign-in attempts are counted: the database, or Redis with
// the database for when Redis is away.
func newCounts(counts *ratelimit.SQL, redis *ratelimit.Redis, at clock.Clock, logger *slog.Logger) ratelimit.Store {
	if redis == nil {
		return counts
	}
	return ratelimit.NewFallback(redis, counts, at, logger)
}

func openRedis(settings config.Redis) (*ratelimit.Redis, error) {
	if settings.URL.IsZero() {
		return nil, nil //nolint:nilnil // none is configured
	}
	options := ratelimit.RedisOptions{URL: settings.URL, AllowPlaintext: settings.AllowPlaintext}
	if settings.CAFile != "" {
		authorities, err := os.ReadFile(settings.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read redis.ca_file: %w", err)
		}
		options.Roots = x509.NewCertPool()
		if !options.Roots.AppendCertsFromPEM(authorities) {
			return nil, errors.New("read redis.ca_file: there is no certificate in PEM in it")
		}
	}
	return ratelimit.OpenRedis(options)
}

// endings ends everything that a user has: sessions and what was issued. An
// account that is enabled again begins anew; a token that a thief has stays dead.
type endings struct {
	sessions *session.Service
	tokens   *token.Service
}

// EndAllOf joins the transaction of ctx.
func (e *endings) EndAllOf(ctx context.Context, userID uuid.UUID) error {
	if err := e.sessions.EndAllOf(ctx, userID); err != nil {
		return err
	}
	return e.tokens.EndAllOfUser(ctx, userID)
}

// clientsOfTokens finds the clients of tokens: clients end what was issued to them, and tokens ask what their client may have.
type clientsOfTokens struct{ *client.Service }

// participating notes the clients of a session with the codes that they get in it.
type participating struct {
	*token.Service
	outbox *logout.Outbox
}

// IssueCode joins the transaction of ctx.
func (p participating) IssueCode(ctx context.Context, code token.Code) (secret.Redacted, error) {
	if code.SessionID != nil {
		if err := p.outbox.TookPart(ctx, *code.SessionID, code.Client); err != nil {
			return secret.Redacted{}, err
		}
	}
	return p.Service.IssueCode(ctx, code)
}

// closeAll closes what was opened, the last first.
func closeAll(opened []func() error) error {
	var failures []error
	for i := len(opened) - 1; i >= 0; i-- {
		failures = append(failures, opened[i]())
	}
	return errors.Join(failures...)
}
