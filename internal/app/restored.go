package app

import (
	"context"
	"fmt"
	"log/slog"

	"authly/internal/audit"
	"authly/internal/bootstrap"
	"authly/internal/config"
	"authly/internal/consent"
	"authly/internal/interaction"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/registration"
	"authly/internal/session"
	"authly/internal/token"
	"authly/internal/user"
)

// EndedKind is how many of one kind [RecoverBackup] has ended.
type EndedKind struct {
	// Name is in the plural, with underscores.
	Name  string
	Count int64
}

// reasonBackup is the reason of the event of [RecoverBackup].
const reasonBackup = "backup"

// BackupRecovery says what [RecoverBackup] ends beside everything that clients and people can get again.
type BackupRecovery struct {
	// RegistrationTokens is set to end registration access tokens (RFC 7592) as well: a client can't get another one.
	RegistrationTokens bool
}

// RecoverBackup ends everything that was issued up to now, in one transaction with its event, and returns how many of each
// kind there were, expired ones included. It is for a database that was restored from a backup, in which everything
// that was ended after the backup was made counts again. A database that another process has open is refused with
// [db.ErrInUse]. It can be repeated.
func RecoverBackup(ctx context.Context, settings config.Config, logger *slog.Logger, recovery BackupRecovery) (all []EndedKind, err error) {
	if err := db.CheckUnused(ctx, databaseOptions(settings, logger)); err != nil {
		return nil, err
	}
	err = withMigrated(ctx, settings, logger, func(database *db.DB) error {
		log, err := operatorAudit(ctx, database, settings, logger)
		if err != nil {
			return err
		}
		return database.Tx(ctx, func(ctx context.Context) error {
			if all, err = endEverything(ctx, database, recovery); err != nil {
				return err
			}
			changes := make([]audit.Change, len(all))
			for i, kind := range all {
				changes[i] = audit.Change{Field: kind.Name, Before: kind.Count, After: 0}
			}
			return log.Record(ctx, audit.Event{
				Action: audit.Recover, Outcome: audit.Success, Actor: audit.Actor{Kind: audit.Operator}, Target: audit.Target{Kind: "server"},
				Details: audit.Details{Reason: reasonBackup, Changes: changes},
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("end what was issued: %w", err)
	}
	return all, nil
}

// endEverything joins the transaction of ctx.
func endEverything(ctx context.Context, database *db.DB, recovery BackupRecovery) ([]EndedKind, error) {
	at := clock.System()
	issued, err := token.New(token.Deps{Database: database, Clock: at}).EndAll(ctx)
	if err != nil {
		return nil, err
	}
	all := []EndedKind{{"authorization_codes", issued.Codes}, {"token_families", issued.Families}, {"access_tokens_of_clients", issued.OwnTokens}}
	users, initial := user.NewService(user.Deps{Database: database, Clock: at}), registration.NewInitialTokens(database, at, nil)
	steps := []struct {
		name string
		end  func(ctx context.Context) (int64, error)
	}{
		{"sessions", session.NewService(session.Deps{Database: database, Clock: at}).EndAll},
		{"consents", consent.New(consent.Deps{Database: database, Clock: at}).RevokeAll},
		{"pending_sign_ins", interaction.New(interaction.Deps{Database: database, Clock: at}).DeleteAll},
		{"invitations", func(ctx context.Context) (int64, error) { return users.DeleteTickets(ctx, user.ForInvitation) }},
		{"pending_password_changes", func(ctx context.Context) (int64, error) { return users.DeleteTickets(ctx, user.ForChange) }},
		{"setup_and_recovery_links", bootstrap.New(bootstrap.Deps{Database: database, Clock: at}).EndLinks},
		{"initial_access_tokens", initial.RevokeAll},
	}
	if recovery.RegistrationTokens {
		steps = append(steps, struct {
			name string
			end  func(ctx context.Context) (int64, error)
		}{"registration_access_tokens", initial.EndRegistrationTokens})
	}
	for _, step := range steps {
		count, err := step.end(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, EndedKind{step.name, count})
	}
	return all, nil
}
