package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/testx"
)

func TestScopeFromItsCreationToItsEnd(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		robot := a.Confidential("https://app.example/callback", func(m *client.Metadata) { m.Scopes = append(m.Scopes, "orders:read") })
		ask := func() testx.Answer {
			return a.Token(robot, url.Values{"grant_type": {"client_credentials"}, "scope": {"orders:read"}})
		}
		a.wants(ask(), http.StatusBadRequest)
		key, order := testx.Header("Idempotency-Key", "k"), `{"name":"orders:read","description":"See your orders"}`
		made := a.wants(a.send(token, http.MethodPost, "/scopes", order, key), http.StatusCreated, `"active":true`, `"default":false`)
		if again := a.wants(a.send(token, http.MethodPost, "/scopes", order, key), http.StatusCreated); again.Header.Get("Idempotent-Replayed") != "true" {
			a.t.Errorf("sent again: %v", again.Header)
		}
		a.wants(ask(), http.StatusOK) // at once on this node
		ifMatch := testx.Header("If-Match", made.Header.Get("ETag"))
		a.wants(a.send(token, http.MethodPatch, "/scopes/orders:read", `{"active":false}`, ifMatch), http.StatusOK, `"active":false`, "See your orders")
		a.wants(a.send(token, http.MethodPatch, "/scopes/orders:read", `{"default":true}`, ifMatch), http.StatusPreconditionFailed)
		a.wants(ask(), http.StatusBadRequest)
		a.wants(a.send(token, http.MethodPatch, "/scopes/orders:read", `{"active":null}`), http.StatusOK, `"active":true`)
		a.wants(ask(), http.StatusOK)
		a.wants(a.send(token, http.MethodDelete, "/scopes/orders:read", ""), http.StatusNoContent)
		a.wants(ask(), http.StatusBadRequest)
		a.wants(a.send(token, http.MethodGet, "/scopes/orders:read", ""), http.StatusNotFound)
		page, err := a.Audit.List(a.t.Context(), audit.Query{TargetKind: "scope", TargetID: "orders:read"})
		if err != nil || len(page.Events) != 4 {
			a.t.Errorf("%d events, %v", len(page.Events), err)
		}
	})
}

// The catalogue is asked for its parts, which are all of it.
func TestScopesByWhatTheyAre(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		a.wants(a.send(token, http.MethodPost, "/scopes", `{"name":"old","description":"See what was","active":false}`), http.StatusCreated)
		a.wants(a.send(token, http.MethodPost, "/scopes", `{"name":"older","description":"See what was","active":false,"default":true}`), http.StatusCreated)
		of := func(query string) string {
			return strings.Join(a.listed(token, "/scopes?"+query, "scopes", "name"), " ")
		}
		for query, want := range map[string]string{
			"active=false": "old older", "active=false&default=true": "older", "active=false&default=false": "old", "active=true&default=true": "email openid profile",
		} {
			if got := of(query); got != want {
				a.t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		if parts := len(of("default=true")) + 1 + len(of("default=false")); parts != len(of("")) {
			a.t.Errorf("%s and %s are not %s", of("default=true"), of("default=false"), of(""))
		}
		a.wants(a.send(token, http.MethodGet, "/scopes?active=yes", ""), http.StatusUnprocessableEntity, "query.active")
	})
}

// Scopes with slashes are as good as any (RFC 6749 section 3.3), and have an address too.
func TestScopeThatIsAnAddress(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const name = "https://api.example/orders.read"
		a.wants(a.send(token, http.MethodPost, "/scopes", `{"name":"`+name+`","description":"See your orders"}`), http.StatusCreated)
		at := "/scopes/" + url.PathEscape(name)
		a.wants(a.send(token, http.MethodGet, at, ""), http.StatusOK, name)
		a.wants(a.send(token, http.MethodPatch, at, `{"active":false}`), http.StatusOK, `"active":false`)
		a.wants(a.send(token, http.MethodDelete, at, ""), http.StatusNoContent)
	})
}

func TestWrongInputForScopes(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		before := a.wants(a.send(token, http.MethodGet, "/scopes", ""), http.StatusOK, `"admin:clients:write"`).Body
		for _, wrong := range []struct {
			method, path, body string
			status             int
			part               string
		}{
			{http.MethodPost, "/scopes", `{"description":"No name"}`, 422, "name"},
			{http.MethodPost, "/scopes", `{"name":"a b","description":"A space"}`, 422, "body.name"},
			{http.MethodPost, "/scopes", `{"name":"https://api.example/../orders","description":"Dots"}`, 422, "body.name"},
			{http.MethodPost, "/scopes", `{"name":".","description":"A dot"}`, 422, "body.name"},
			{http.MethodPost, "/scopes", `{"name":"orders"}`, 422, "body.description"},
			{http.MethodPost, "/scopes", `{"name":"admin:everything","description":"All"}`, 409, "body.name"},
			{http.MethodPost, "/scopes", `{"name":"openid","description":"Mine"}`, 409, "body.name"},
			{http.MethodPatch, "/scopes/openid", `{"active":false}`, 422, "body.active"},
			{http.MethodPatch, "/scopes/admin:users:write", `{"default":true}`, 422, "body.default"},
			{http.MethodPatch, "/scopes/admin:users:write", `{"active":false}`, 422, "body.active"},
			{http.MethodPatch, "/scopes/openid", `{"name":"other"}`, 422, "body.name"},
			{http.MethodPatch, "/scopes/nothing", `{}`, 404, ""},
			{http.MethodDelete, "/scopes/profile", "", 409, ""},
			{http.MethodDelete, "/scopes/admin:users:write", "", 409, ""},
			{http.MethodDelete, "/scopes/nothing", "", 404, ""},
		} {
			a.wants(a.send(token, wrong.method, wrong.path, wrong.body), wrong.status, wrong.part)
		}
		if after := a.send(token, http.MethodGet, "/scopes", "").Body; after != before {
			a.t.Errorf("something changed:\n%s", after)
		}
	})
}
