package app

import (
	"fmt"

	"authly/internal/admin"
)

// buildAdministration makes the API of the administration.
func (a *App) buildAdministration(built *features) {
	built.administration = admin.New(admin.Deps{
		Database: a.database, Clock: a.clock, Issuer: a.settings.Issuer, Tokens: a.Tokens, Users: a.Users, Clients: a.Clients, Scopes: a.Scopes,
		SigningKeys: a.keys,
		Sessions:    built.sessions, LogoutNotices: built.outbox,
		Administrators: built.administrators, Log: a.Audit, Networks: a.settings.Admin.Networks,
	})
	a.administration = built.administration
}

// mountAdministration adds the API, unless it is switched off.
func (a *App) mountAdministration(built *features) error {
	if !a.settings.Admin.Enabled {
		return nil
	}
	if err := built.administration.Mount(a.router); err != nil {
		return fmt.Errorf("prepare the administration: %w", err)
	}
	return nil
}
