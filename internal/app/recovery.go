package app

import (
	"context"
	"log/slog"

	"authly/internal/bootstrap"
	"authly/internal/config"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/user"
)

// Recovery is a way back in for whoever has this server's own machine.
type Recovery = bootstrap.Recovery

// Recover makes a one-time URL at which the administrator of that username chooses a new
// password, or with "" a new administrator is created. It needs the database, not the server.
func Recover(ctx context.Context, settings config.Config, logger *slog.Logger, username string) (made Recovery, err error) {
	err = withMigrated(ctx, settings, logger, func(database *db.DB) error {
		log, err := operatorAudit(ctx, database, settings, logger)
		if err != nil {
			return err
		}
		service := bootstrap.New(bootstrap.Deps{
			Database: database, Clock: clock.System(), Issuer: settings.Issuer, Audit: log,
			Users: user.NewService(user.Deps{Database: database, Clock: clock.System()}),
		})
		made, err = service.Recover(ctx, username)
		return err
	})
	return made, err
}
