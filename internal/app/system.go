package app

import (
	"time"

	"authly/internal/admin"
)

// newDashboard counts what everybody owns.
func (a *App) newDashboard(built *features) *admin.Dashboard {
	return admin.NewDashboard(admin.Counts{Users: a.Users, Clients: a.Clients, Sessions: built.sessions, Tokens: a.Tokens, Events: a.Audit}, a.clock)
}

// switchedOn says what this server was configured to do.
func (a *App) switchedOn(built *features) admin.Features {
	shown := admin.Features{
		Registration: a.settings.Registration.Mode, RequestURI: a.settings.Requests.RequestURI, SessionManagement: a.settings.Logout.SessionManagement,
		AdministrationAddress: a.settings.Admin.Listen != "", TLS: a.settings.TLS.CertificateFile != "", Redis: !a.settings.Redis.URL.IsZero(),
		Development: a.settings.Dev, AuditRetention: int64(a.settings.Audit.Retention / time.Second),
	}
	for _, grant := range built.mounted {
		shown.GrantTypes = append(shown.GrantTypes, string(grant))
	}
	return shown
}
