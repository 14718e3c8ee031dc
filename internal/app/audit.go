package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"authly/internal/audit"
	"authly/internal/config"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
)

// newAudit returns the log of what happened.
func newAudit(ctx context.Context, database *db.DB, at clock.Clock, signing *keys.Service, sealer audit.Sealer) (*audit.Log, error) {
	chainKey, err := signing.Secret(ctx, audit.KeyName)
	if err != nil {
		return nil, fmt.Errorf("prepare the key of the audit log: %w", err)
	}
	return audit.New(audit.Deps{Database: database, Clock: at, ChainKey: chainKey, Sealer: sealer, Origin: origin}), nil
}

// localAudit is for those who add events and seal none: commands on this machine, and the
// signing keys, which have the key of the chain. Without a sealer, events have nothing personal.
func localAudit(database *db.DB, at clock.Clock, sealer audit.Sealer) *audit.Log {
	return audit.New(audit.Deps{Database: database, Clock: at, Sealer: sealer, Origin: origin})
}

// operatorAudit is the log for a command that needs the database only. It makes no sealing key, and uses
// none that does not fit the database: the key of a person that is sealed under another one would
// keep the server from logging anything of that person.
func operatorAudit(ctx context.Context, database *db.DB, settings config.Config, logger *slog.Logger) (*audit.Log, error) {
	if settings.SealingKey.IsZero() {
		if _, err := os.Stat(filepath.Join(settings.DataDirectory, sealingKeyFile)); errors.Is(err, fs.ErrNotExist) {
			return localAudit(database, clock.System(), nil), nil
		}
	}
	sealer, err := newSealer(settings)
	if err != nil {
		return nil, err
	}
	signing := keys.New(keys.Deps{Database: database, Sealer: sealer, Clock: clock.System(), Logger: logger})
	log, err := newAudit(ctx, database, clock.System(), signing, sealer)
	if errors.Is(err, keys.ErrUnfitSealingKey) {
		return localAudit(database, clock.System(), nil), nil
	}
	return log, err
}

// origin tells where the request of a context came from.
func origin(ctx context.Context) audit.Origin {
	from := audit.Origin{RequestID: httpx.RequestID(ctx)}
	if address := httpx.ClientAddress(ctx); address.IsValid() {
		from.Address = address.String()
	}
	return from
}

// deleteOldEvents deletes what was sealed too long ago.
func (a *App) deleteOldEvents(ctx context.Context) error {
	if a.settings.Audit.Retention == 0 {
		return nil
	}
	return a.Audit.Delete(ctx, a.clock.Now().Add(-a.settings.Audit.Retention))
}

// AuditEvent is an event of the audit log.
type AuditEvent = audit.Event

// AuditQuery says which events are wanted.
type AuditQuery struct {
	Action, Outcome, Actor, Client, Target string
	Since, Until                           time.Time
	// Most is how many at the most; 0 means all.
	Most int
}

// AuditVerification is what a look at the whole chain found, and AuditExportVerification a look at an export.
type (
	AuditVerification       = audit.Verification
	AuditExportVerification = audit.ExportVerification
)

// of returns the query for the log, without a bound.
func (q AuditQuery) of() audit.Query {
	return audit.Query{
		Action: audit.Action(q.Action), Outcome: audit.Outcome(q.Outcome), ActorID: q.Actor, ClientID: q.Client,
		TargetID: q.Target, Since: q.Since, Until: q.Until, Limit: audit.MaxLimit,
	}
}

// ExportAudit writes all events that match as JSON lines, the newest first, each as view returns it, and a last
// line that says what was written. The bound of the query is not used.
func ExportAudit(ctx context.Context, settings config.Config, logger *slog.Logger, query AuditQuery, view func(AuditEvent) any, to io.Writer) error {
	return withMigrated(ctx, settings, logger, func(database *db.DB) error {
		log, err := operatorAudit(ctx, database, settings, logger)
		if err != nil {
			return err
		}
		begun, err := log.Export(ctx, query.of(), view)
		if err != nil {
			return err
		}
		return begun.WriteTo(ctx, to)
	})
}

// ReadAudit hands the events that match to each, the newest first, page by page.
func ReadAudit(ctx context.Context, settings config.Config, logger *slog.Logger, query AuditQuery, each func(AuditEvent) error) error {
	return withMigrated(ctx, settings, logger, func(database *db.DB) error {
		log, err := operatorAudit(ctx, database, settings, logger)
		if err != nil {
			return err
		}
		asked := query.of()
		for left := query.Most; ; {
			if query.Most > 0 {
				asked.Limit = min(left, audit.MaxLimit)
			}
			page, err := log.List(ctx, asked)
			if err != nil {
				return err
			}
			for _, event := range page.Events {
				if err := each(event); err != nil {
					return err
				}
			}
			left -= len(page.Events)
			if asked.After = page.Next; page.Next.IsZero() || query.Most > 0 && left <= 0 {
				return nil
			}
		}
	})
}

// VerifyAudit reads the whole chain of the audit log. noted is a head that was noted before, or "".
func VerifyAudit(ctx context.Context, settings config.Config, logger *slog.Logger, noted string) (found AuditVerification, err error) {
	err = withChain(ctx, settings, logger, func(log *audit.Log) error {
		found, err = log.Verify(ctx, noted)
		if fault.KindOf(err) == fault.Invalid {
			return fmt.Errorf("%q is no head of the log, such as an earlier verification printed it", noted)
		}
		return err
	})
	return found, err
}

// VerifyAuditExport reads an export, whether or not its events are still in the log.
func VerifyAuditExport(ctx context.Context, settings config.Config, logger *slog.Logger, from io.Reader) (found AuditExportVerification, err error) {
	err = withChain(ctx, settings, logger, func(log *audit.Log) error {
		found, err = log.VerifyExport(from)
		return err
	})
	return found, err
}

// withChain does something with a log that has the key of the chain, and reads nothing personal.
func withChain(ctx context.Context, settings config.Config, logger *slog.Logger, do func(log *audit.Log) error) error {
	return withMigrated(ctx, settings, logger, func(database *db.DB) error {
		signing, err := keysOf(database, settings, logger)
		if err != nil {
			return err
		}
		log, err := newAudit(ctx, database, clock.System(), signing, nil)
		if err != nil {
			return err
		}
		return do(log)
	})
}
