package app

import (
	"fmt"
	"net/url"
	"time"

	"authly/internal/client"
	"authly/internal/platform/ui"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
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
	host, err := url.Parse(a.settings.Issuer)
	if err != nil {
		return fmt.Errorf("read the issuer: %w", err)
	}
	requestURIs := registration.RequestURIsRefused
	if a.settings.Requests.RequestURI {
		requestURIs = registration.RequestURIsAllowed
	}
	a.InitialTokens = registration.NewInitialTokens(a.database, a.clock, a.Audit)
	a.Logos = registration.NewLogos(a.database, a.clock, a.Clients, built.egress)
	a.Registrations, err = registration.NewService(registration.Deps{
		Database: a.database, Clock: a.clock, Issuer: a.settings.Issuer, Clients: a.Clients, Outside: built.egress, Logos: a.Logos, Limits: built.limits, Audit: a.Audit,
		Reserved: policy.NewReservedNames("Authly", host.Hostname()),
		Mode:     registration.Mode(settings.Mode), RequestURIs: requestURIs,
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

func (a *App) mountRegistration(renderer *ui.Renderer) {
	if a.registrationEndpoint() != "" {
		registration.NewHandler(a.Registrations).Mount(a.router)
	}
	// Logos stay when registration is turned off, as their clients do.
	registration.NewLogoHandler(a.Logos, renderer).Mount(a.router)
}
