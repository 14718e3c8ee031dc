package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/testx"
	"authly/internal/user"
)

// Once an account is deleted, the log has its identifier and what happened, and nothing else of the
// person: neither over HTTP nor in the database. The chain is as it was.
func TestDeletedPersonIsErasedFromTheLog(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		made := a.wants(a.send(token, http.MethodPost, "/users", `{"username":"grace.hopper","email":"grace@navy.example","given_name":"Grace",
			"phone_number":"+12025550143","password":"a-long-enough-password-1906","require_password_change":false}`), http.StatusCreated).Text("id")
		path := "/users/" + made
		a.wants(a.send(token, http.MethodPatch, path, `{"email":"hopper@navy.example","address":{"locality":"Arlington"}}`), http.StatusOK)
		grace := testx.Person{User: user.User{ID: uuid.MustParse(made), Username: "grace.hopper"}, Password: "a-long-enough-password-1906"}
		app := a.Confidential("https://app.example/cb", nil)
		tokens := a.wants(a.Tokens(app, grace), http.StatusOK)
		a.wants(a.Post("/oauth/revoke", url.Values{"token": {tokens.Text("refresh_token")}}, testx.As(app)), http.StatusOK)
		must(t, a.Audit.Seal(t.Context()))

		personal := []string{"grace", "Grace", "hopper", "navy.example", "+12025550143", "Arlington"}
		read := func() string {
			return a.wants(a.send(token, http.MethodGet, "/audit-events/export", ""), http.StatusOK).Body
		}
		for _, text := range personal {
			if !strings.Contains(read(), text) {
				a.t.Errorf("%q is not in the log while there is the account", text)
			}
		}
		before, err := a.Audit.Verify(t.Context(), "")
		must(t, err)

		a.wants(a.send(token, http.MethodDelete, path, ""), http.StatusNoContent)
		rows, err := a.Database().Read(t.Context()).Query(t.Context(), `SELECT actor_name || target_name || address || details || personal FROM audit_events`)
		stored, err := db.Collect(rows, err, func(row db.Row) (text string, err error) {
			err = row.Scan(&text)
			return text, err
		})
		must(t, err)
		for _, text := range personal {
			if strings.Contains(read(), text) {
				a.t.Errorf("%q can be read", text)
			}
			if strings.Contains(strings.Join(stored, "\n"), text) {
				a.t.Errorf("%q is stored", text)
			}
		}
		for _, action := range []string{"user.create", "user.update", "user.delete"} {
			a.wants(a.send(token, http.MethodGet, "/audit-events?target_id="+made+"&action="+action, ""), http.StatusOK, `"target_name":"(erased)"`, `"field":"email"`, made)
		}
		a.wants(a.send(token, http.MethodGet, "/audit-events?actor_id="+made+"&action=session.sign_in", ""), http.StatusOK, `"actor_name":"(erased)"`, `"address":"(erased)"`)
		a.wants(a.send(token, http.MethodGet, "/audit-events?actor_id="+app.ClientID+"&action=token.revoke", ""), http.StatusOK, `"address":"(erased)"`)
		must(t, a.Audit.Seal(t.Context()))
		if after, err := a.Audit.Verify(t.Context(), before.Head); err != nil || !after.OK() || after.Events <= before.Events {
			a.t.Errorf("the chain: %+v %v", after, err)
		}
	})
}

// The addresses of whom to ask about a client belong to people who may have no account: the log has how many there are.
func TestContactsAreNotLogged(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		made := a.wants(a.send(token, http.MethodPost, "/clients", `{"client_name":"App","redirect_uris":["https://app.example/cb"],"contacts":["eve@example.com","oscar@example.com"]}`), http.StatusCreated).Text("client_id")
		a.wants(a.send(token, http.MethodPatch, "/clients/"+made, `{"contacts":["mallory@example.com"]}`), http.StatusOK)
		body := a.wants(a.send(token, http.MethodGet, "/audit-events?target_id="+made, ""), http.StatusOK, `{"field":"contacts","before":2,"after":1}`).Body
		if strings.Contains(body, "@example.com") {
			a.t.Errorf("%s", body)
		}
	})
}
