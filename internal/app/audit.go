package app

import (
	"context"
	"fmt"

	"authly/internal/audit"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/httpx"
)

// newAudit returns the log of what happened.
func newAudit(ctx context.Context, database *db.DB, at clock.Clock, signing *keys.Service) (*audit.Log, error) {
	chainKey, err := signing.Secret(ctx, audit.KeyName)
	if err != nil {
		return nil, fmt.Errorf("prepare the key of the audit log: %w", err)
	}
	return audit.New(audit.Deps{Database: database, Clock: at, ChainKey: chainKey, Origin: origin}), nil
}

// localAudit is for commands on this machine, which add events and seal none.
func localAudit(database *db.DB) *audit.Log {
	return audit.New(audit.Deps{Database: database, Clock: clock.System()})
}

// origin tells where the request of a context came from.
func origin(ctx context.Context) audit.Origin {
	from := audit.Origin{RequestID: httpx.RequestID(ctx)}
	if address := httpx.ClientAddress(ctx); address.IsValid() {
		from.Address = address.String()
	}
	return from
}

// deleteOldEvents returns the job that deletes what was sealed too long ago.
func (a *App) deleteOldEvents(log *audit.Log) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if a.settings.Audit.Retention == 0 {
			return nil
		}
		return log.Delete(ctx, a.clock.Now().Add(-a.settings.Audit.Retention))
	}
}
