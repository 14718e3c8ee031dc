package app

import (
	"cmp"
	"fmt"
	"log/slog"

	"authly/internal/admin"
	"authly/internal/platform/httpx"
)

// buildAdministration makes the API of the administration.
func (a *App) buildAdministration(built *features) {
	built.administration = admin.New(admin.Deps{
		Database: a.database, Clock: a.clock, Issuer: a.settings.Issuer, Address: a.addressOfAdministration(), Tokens: a.Tokens, Users: a.Users,
		Clients: a.Clients, Scopes: a.Scopes,
		SigningKeys: a.keys,
		Sessions:    built.sessions, LogoutNotices: built.outbox, Throttle: built.login, Invitations: built.invitations,
		Issued:         a.Tokens,
		InitialTokens:  a.InitialTokens,
		Grants:         a.Grants,
		Administrators: built.administrators, Log: a.Audit, AuditLog: a.Audit, Networks: a.settings.Admin.Networks,
		FreshSignIn: a.settings.Admin.FreshSignIn,
		Jobs:        a.jobs, Dashboard: built.dashboard, Features: a.switchedOn(built), StartedAt: a.clock.Now(),
	})
	a.administration = built.administration
}

// addressOfAdministration is "" for the issuer, or the issuer's path at an address that only
// whoever connects to it knows.
func (a *App) addressOfAdministration() string {
	if a.settings.Admin.Listen == "" {
		return ""
	}
	return cmp.Or(httpx.Path(a.settings.Issuer), "/")
}

// mountAdministration adds the API, unless it is switched off: to what everybody reaches,
// or to a router of its own if it has an address of its own.
func (a *App) mountAdministration(built *features, options httpx.Options) error {
	if !a.settings.Admin.Enabled {
		return nil
	}
	if a.settings.Admin.ReachesOthers() {
		a.logger.Info("the administration answers other machines too, not this one alone", slog.Any("networks", a.settings.Admin.Networks))
	}
	router := a.router
	if a.settings.Admin.Listen != "" {
		router = httpx.NewRouter(options)
	}
	if err := built.administration.Mount(router); err != nil {
		return fmt.Errorf("prepare the administration: %w", err)
	}
	if router != a.router {
		a.administrationRouter, a.administrationHandler = router, router.Handler()
	}
	return nil
}
