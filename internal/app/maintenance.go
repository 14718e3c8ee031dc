package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"authly/internal/audit"
	"authly/internal/config"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/jose"
)

// Migration is one step of the database's schema.
type Migration = db.Migration

// Key is a signing key without its material.
type Key = keys.Key

// KeyRotation says which keys are rotated, and how.
type KeyRotation struct {
	// Algorithms whose keys are rotated; none means all.
	Algorithms []string
	// Force doesn't wait until clients have had the time to fetch the next keys.
	Force bool
}

// Migrate brings the schema to the newest version and returns the steps that it applied.
func Migrate(ctx context.Context, settings config.Config, logger *slog.Logger) (applied []Migration, err error) {
	err = withDatabase(ctx, settings, logger, func(database *db.DB) error {
		before, err := database.Migrations(ctx)
		if err != nil {
			return err
		}
		if err := database.Migrate(ctx); err != nil {
			return err
		}
		after, err := database.Migrations(ctx)
		for i, step := range after {
			if i >= len(before) || before[i].AppliedAt == nil {
				applied = append(applied, step)
			}
		}
		return err
	})
	return applied, err
}

// Migrations lists the steps of the schema.
func Migrations(ctx context.Context, settings config.Config, logger *slog.Logger) (all []Migration, err error) {
	err = withDatabase(ctx, settings, logger, func(database *db.DB) error {
		all, err = database.Migrations(ctx)
		return err
	})
	return all, err
}

// ListKeys lists the signing keys.
func ListKeys(ctx context.Context, settings config.Config, logger *slog.Logger) (all []Key, err error) {
	err = withKeys(ctx, settings, logger, func(service *keys.Service) error {
		all, err = service.List(ctx)
		return err
	})
	return all, err
}

// RotateKeys lets the next signing keys follow the active ones; a server that is
// running on the same database takes part within half a minute.
func RotateKeys(ctx context.Context, settings config.Config, logger *slog.Logger, rotation KeyRotation) (active []Key, err error) {
	options := keys.RotateOptions{Force: rotation.Force}
	for _, name := range rotation.Algorithms {
		options.Algorithms = append(options.Algorithms, jose.Algorithm(name))
	}
	err = withKeys(ctx, settings, logger, func(service *keys.Service) error {
		if err := service.Bootstrap(ctx); err != nil {
			return err
		}
		active, err = service.Rotate(ctx, options)
		return err
	})
	return active, err
}

func withDatabase(ctx context.Context, settings config.Config, logger *slog.Logger, work func(*db.DB) error) error {
	if err := prepareDataDirectory(settings); err != nil {
		return err
	}
	database, err := openDatabase(ctx, settings, logger)
	if err != nil {
		return err
	}
	return errors.Join(work(database), database.Close())
}

// withMigrated works on a migrated database only: the commands that use it do not
// change the schema, and make no empty database where there is none.
func withMigrated(ctx context.Context, settings config.Config, logger *slog.Logger, work func(*db.DB) error) error {
	if settings.Database.URL.IsZero() {
		if _, err := os.Stat(filepath.Join(settings.DataDirectory, databaseFile)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database in %s: start the server once, or run `authly migrate up`", settings.DataDirectory)
		}
	}
	return withDatabase(ctx, settings, logger, func(database *db.DB) error {
		steps, err := database.Migrations(ctx)
		if err != nil {
			return err
		}
		for _, step := range steps {
			if step.AppliedAt == nil {
				return errors.New("the database is not up to date: run `authly migrate up`")
			}
		}
		return work(database)
	})
}

func withKeys(ctx context.Context, settings config.Config, logger *slog.Logger, work func(*keys.Service) error) error {
	return withMigrated(ctx, settings, logger, func(database *db.DB) error {
		service, err := keysOf(database, settings, logger)
		if err != nil {
			return err
		}
		return work(service)
	})
}

func keysOf(database *db.DB, settings config.Config, logger *slog.Logger) (*keys.Service, error) {
	sealer, err := newSealer(settings)
	if err != nil {
		return nil, err
	}
	return keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: clock.System(), Logger: logger, Audit: localAudit(database, clock.System(), sealer), Actor: audit.Actor{Kind: audit.Operator},
		RotationInterval: settings.Keys.RotationInterval, PublishLead: settings.Keys.PublishLead, RetainRetired: settings.Keys.RetainRetired, GenerateKey: jose.Generator(settings.Keys.RSABits),
	}), nil
}
