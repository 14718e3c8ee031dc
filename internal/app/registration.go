package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
)

// buildRegistration makes the service even if it is off: what was registered
// before is still looked after.
func (a *App) buildRegistration(built *features) error {
	settings := a.settings.Registration
	scopes, err := oauth.ParseScope(settings.OpenScopes)
	if err != nil {
		return fmt.Errorf("read the scopes of open registration: %w", err)
	}
	requestURIs := registration.RequestURIsRefused
	if a.settings.Requests.RequestURI {
		requestURIs = registration.RequestURIsAllowed
	}
	a.InitialTokens = registration.NewInitialTokens(a.database, a.clock)
	a.Registrations, err = registration.NewService(registration.Deps{
		Database: a.database, Clock: a.clock, Issuer: a.settings.Issuer, Clients: a.Clients, Outside: built.egress, Limits: built.limits,
		Mode: registration.Mode(settings.Mode), RequestURIs: requestURIs,
		OpenPolicy: registration.Policy{
			SecurityProfile: client.ProfileOAuth21, Scopes: scopes, UnusedLifetime: int64(settings.OpenUnusedLifetime / time.Second),
		},
	})
	return err
}

// registrationEndpoint returns where clients are registered, "" if nowhere.
func (a *App) registrationEndpoint() string {
	if registration.Mode(a.settings.Registration.Mode) == registration.Off {
		return ""
	}
	return a.settings.Issuer + registration.Path
}

func (a *App) mountRegistration() {
	if a.registrationEndpoint() != "" {
		registration.NewHandler(a.Registrations).Mount(a.router)
	}
}

// InitialToken is an initial access token without the token itself.
type InitialToken = registration.InitialToken

// NewInitialToken describes an initial access token that is to be made.
type NewInitialToken = registration.NewInitialToken

// MadeInitialToken is a new initial access token with the one sight of it.
type MadeInitialToken = registration.MadeInitialToken

// CreateInitialToken makes an initial access token.
func CreateInitialToken(ctx context.Context, settings config.Config, logger *slog.Logger, wanted NewInitialToken) (made MadeInitialToken, err error) {
	err = withInitialTokens(ctx, settings, logger, func(service *registration.InitialTokens) error {
		made, err = service.Create(ctx, wanted)
		return err
	})
	return made, err
}

// ListInitialTokens lists the initial access tokens.
func ListInitialTokens(ctx context.Context, settings config.Config, logger *slog.Logger) (all []InitialToken, err error) {
	err = withInitialTokens(ctx, settings, logger, func(service *registration.InitialTokens) error {
		all, err = service.List(ctx)
		return err
	})
	return all, err
}

// RevokeInitialToken ends an initial access token.
func RevokeInitialToken(ctx context.Context, settings config.Config, logger *slog.Logger, token uuid.UUID) (revoked InitialToken, err error) {
	err = withInitialTokens(ctx, settings, logger, func(service *registration.InitialTokens) error {
		revoked, err = service.Revoke(ctx, token)
		return err
	})
	return revoked, err
}

func withInitialTokens(ctx context.Context, settings config.Config, logger *slog.Logger, work func(*registration.InitialTokens) error) error {
	return withMigrated(ctx, settings, logger, func(database *db.DB) error {
		return work(registration.NewInitialTokens(database, clock.System()))
	})
}
