package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/bootstrap"
	"authly/internal/platform/fault"
	"authly/internal/protocol/policy"
)

// bootstrap makes what a first start needs.
func (a *App) bootstrap(ctx context.Context, built *features) error {
	if err := built.setup.Prepare(ctx); err != nil {
		return err
	}
	if err := a.ensureAdministrator(ctx, built); err != nil {
		return err
	}
	if a.settings.Dev {
		seeded, err := built.setup.Dev(ctx, a.settings.DataDirectory)
		if err != nil {
			return fmt.Errorf("seed the demonstration data: %w", err)
		}
		a.dev = &seeded
	}
	a.setup = built.setup
	return nil
}

// Notice returns what somebody who starts the server has to know, as it is now: files that were
// applied may have made the first administrator. With each call, an earlier set-up address ends.
func (a *App) Notice(ctx context.Context) (Notice, error) {
	notice := Notice{Dev: a.dev}
	if a.dev != nil {
		return notice, nil
	}
	var err error
	if notice.SetupURL, err = a.setup.SetupURL(ctx); err != nil {
		return Notice{}, fmt.Errorf("prepare the setup of the first administrator: %w", err)
	}
	return notice, nil
}

// ensureAdministrator creates the administrator that the configuration names, if it
// names one and there is none yet.
func (a *App) ensureAdministrator(ctx context.Context, built *features) error {
	named := a.settings.Admin
	if !named.NamesAdministrator() {
		return nil
	}
	made, err := built.setup.EnsureAdministrator(ctx, bootstrap.Administrator{Username: named.Username, Email: named.Email, Password: named.Password})
	if err != nil {
		return explainedAdministrator(err, a.settings.Passwords.MinimumLength)
	}
	if made.ID == uuid.Nil {
		a.logger.InfoContext(ctx, "there is an administrator already; admin.username, admin.email and admin.password have no effect")
	} else {
		a.logger.InfoContext(ctx, "the first administrator was created", slog.String("user_id", made.Subject()))
	}
	return nil
}

// explainedAdministrator gives a refusal its reason for whoever wrote the configuration.
func explainedAdministrator(err error, minimum int) error {
	var refusal *fault.Error
	if !errors.As(err, &refusal) || len(refusal.Fields) == 0 {
		return err
	}
	var reasons []string
	for _, field := range slices.Sorted(maps.Keys(refusal.Fields)) {
		reasons = append(reasons, "admin."+field+": "+administratorReason(refusal.Fields[field], minimum))
	}
	return refusal.Because(fmt.Errorf("the first administrator can't be created: %s", strings.Join(reasons, "; ")))
}

func administratorReason(key string, minimum int) string {
	const taken = "has it already, and is never made an administrator by the configuration: choose another one"
	switch key {
	case "user.username_taken":
		return "another account " + taken
	case "user.email_taken":
		return "another account " + taken
	case string(policy.PasswordTooShort):
		return fmt.Sprintf("it is too short: it needs %d characters (passwords.minimum_length)", minimum)
	case string(policy.PasswordTooLong):
		return fmt.Sprintf("it is too long: it can have %d characters", policy.MaxPasswordCodePoints)
	case string(policy.PasswordContextWord):
		return "it is made of the name, the address, or the name of this service"
	case string(policy.PasswordTooCommon):
		return "it is among the first that somebody would guess"
	case string(policy.PasswordNotAllowed):
		return "it has characters that can't be used, such as control characters"
	default:
		return "it can't be used"
	}
}
