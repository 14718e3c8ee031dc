package admin

import "authly/internal/platform/httpx"

// Mount adds the operations and their description.
func (a *API) Mount(router *httpx.Router) error {
	api := newAPI(router, a.issuer, a.address)
	all := operations{api, a.authority}
	a.clients.mount(all)
	a.scopes.mount(all)
	a.signingKeys.mount(all)
	a.sessions.mount(all)
	a.users.mount(all)
	a.tokens.mount(all)
	a.initial.mount(all)
	a.grants.mount(all)
	a.auditEvents.mount(all)
	a.system.mount(all)
	return mountDescription(router, api, a.authority)
}
