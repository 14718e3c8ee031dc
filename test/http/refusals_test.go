package http_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// expectLine looks for a line of the request log that has all parts.
func expectLine(t testing.TB, log string, parts ...string) {
	t.Helper()
	for line := range strings.Lines(log) {
		missing := ""
		for _, part := range parts {
			if !strings.Contains(line, part) {
				missing = part
			}
		}
		if missing == "" {
			return
		}
	}
	t.Errorf("no line of the log has %q", parts)
}

// Who tried what and was refused stands on the line of the request, with the reason that the caller is not told.
func TestLogSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		app, ada := a.Confidential("https://app.example/cb", nil), a.Person("ada")
		ask := url.Values{"grant_type": {"client_credentials"}}
		wrong := app
		wrong.Secret = "not-the-secret-of-this-client"
		a.wants(a.Token(wrong, ask), http.StatusUnauthorized, "invalid_client")
		ask.Set("client_id", "client_nobody")
		a.wants(a.Post("/oauth/token", ask), http.StatusUnauthorized, "invalid_client")
		expectLine(a.t, a.Log(), `"route":"/oauth/token"`, `"status":401`, `"claimed_client_id":"`+app.ClientID+`"`, "client.secret_wrong")
		expectLine(a.t, a.Log(), `"status":401`, `"claimed_client_id":"client_nobody"`, "client.unknown")
		failures := a.logged(audit.ClientAuthenticate)
		if len(failures) != 2 || failures[0].Outcome != audit.Failure || failures[0].Origin.Address != "127.0.0.1" || failures[0].Origin.RequestID == "" {
			a.t.Fatalf("%+v", failures)
		}
		for _, failure := range failures {
			if failure.Details.Reason == "client.secret_wrong" && (failure.Target.ID != app.ClientID || failure.Target.Name != app.Name || failure.ClientID != app.ClientID) {
				a.t.Errorf("%+v", failure)
			}
			if failure.Details.Reason == "client.unknown" && (failure.Target.ID != "client_nobody" || failure.ClientID != "") {
				a.t.Errorf("%q", failure.Target.ID)
			}
		}

		// Of the administration: who, and which scope.
		few := testx.Bearer(a.own(a.robot(), "admin:users:read", a.Issuer+adminPath))
		a.wants(a.send(few, http.MethodDelete, "/users/"+ada.ID.String(), ""), http.StatusForbidden, "insufficient_scope")
		expectLine(a.t, a.Log(), `"status":403`, `"refusal":"insufficient_scope"`, `"scope":"admin:users:write"`, `"actor":"client_`)
		refused := a.logged(audit.AdministrationRefuse)
		if len(refused) != 1 || refused[0].Outcome != audit.Failure || refused[0].Actor.Kind != audit.Client || refused[0].Actor.ID == "" ||
			refused[0].Target.ID != "delete-user" || refused[0].Details.Reason != "insufficient_scope" || refused[0].Details.Scopes[0] != "admin:users:write" {
			a.t.Errorf("%+v", refused)
		}
		a.wants(a.Get(adminPath+"/clients", testx.Header("X-Forwarded-For", "192.0.2.1"), token), http.StatusForbidden, "address_refused")
		expectLine(a.t, a.Log(), `"status":403`, `"refusal":"address_refused"`, `"scope":"admin:clients:read"`)

		// Authorization requests, forms from elsewhere, registrations.
		a.Get("/oauth/authorize?client_id=client_nobody&redirect_uri=https%3A%2F%2Fevil.example%2F")
		expectLine(a.t, a.Log(), `"route":"/oauth/authorize"`, `"claimed_client_id":"client_nobody"`, "invalid_client: there is no client with this client_id")
		a.Get("/oauth/authorize?" + url.Values{"client_id": {app.ClientID}, "redirect_uri": {"https://app.example/cb"}, "response_type": {"code"}, "prompt": {"none"}}.Encode())
		expectLine(a.t, a.Log(), `"route":"/oauth/authorize"`, `"client_id":"`+app.ClientID+`"`, `"refusal":"`)
		a.Post("/login", url.Values{"username": {"ada"}, "password": {"x"}}, testx.Header("Origin", "https://evil.example"), testx.Header("Sec-Fetch-Site", "cross-site"))
		expectLine(a.t, a.Log(), `"route":"/login"`, `"status":403`, `"refusal":"cross-origin request"`)
		a.Post("/login", url.Values{"username": {"ada"}, "password": {"x"}, "csrf_token": {"made up"}})
		expectLine(a.t, a.Log(), `"route":"/login"`, `"status":403`, `"refusal":"form token"`)
	})
}

// Ten thousand requests that are refused leave a few events.
func TestFloodOfRefusedRequests(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			app := a.Confidential("https://app.example/cb", nil)
			handler, before := a.Handler(), len(a.logged(audit.ClientAuthenticate))
			for i := range 10_000 {
				form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {"wrong"}}
				if i%2 == 1 {
					form.Set("client_id", "client_nobody")
				}
				request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, a.Path()+"/oauth/token", strings.NewReader(form.Encode()))
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				request.RemoteAddr = "127.0.0.1:4711"
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				if answer.Code != http.StatusUnauthorized && answer.Code != http.StatusTooManyRequests {
					t.Fatalf("%d: %d %s", i, answer.Code, answer.Body)
				}
			}
			if got := len(a.logged(audit.ClientAuthenticate)); before != 0 || got != 2 {
				t.Errorf("%d events", got)
			}
			a.Clock.Advance(time.Hour)
			wrong := app
			wrong.Secret = "not-the-secret-of-this-client"
			a.Token(wrong, url.Values{"grant_type": {"client_credentials"}})
			omitted := int64(0)
			for _, event := range a.logged(audit.ClientAuthenticate) {
				omitted += event.Details.Omitted
			}
			if omitted != 4999 {
				t.Errorf("%d are said to be left out", omitted)
			}
		})
	}
}
