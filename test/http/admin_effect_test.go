package http_test

import (
	"net/http"
	"testing"

	"authly/internal/testx"
)

// What would never have an effect is refused at once, when a client is made and when it is changed.
func TestAdministrationRefusesWhatHasNoEffect(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		const app = `"client_name":"App","redirect_uris":["https://app.example/cb"]`
		for _, body := range []string{
			`{` + app + `,"jwks_uri":"https://10.0.0.1/keys"}`, `{` + app + `,"jwks_uri":"https://app.example:22/keys"}`,
			`{` + app + `,"backchannel_logout_uri":"https://localhost/out"}`, `{` + app + `,"request_uris":["https://169.254.169.254/request"]}`,
		} {
			a.wants(a.send(token, http.MethodPost, "/clients", body), http.StatusUnprocessableEntity, "this server never asks such an address")
		}
		a.wants(a.send(token, http.MethodPost, "/clients", `{"client_name":"Job","grant_types":["client_credentials"],"consent":"skip"}`), http.StatusUnprocessableEntity, "body.consent", "skip has no effect here")
		made := a.wants(a.send(token, http.MethodPost, "/clients", `{`+app+`,"consent":"skip","jwks_uri":"https://app.example/keys"}`), http.StatusCreated)
		path := "/clients/" + made.Text("client_id")
		a.wants(a.send(token, http.MethodPatch, path, `{"grant_types":["client_credentials"],"response_types":null}`), http.StatusUnprocessableEntity, "body.consent")
		a.wants(a.send(token, http.MethodPatch, path, `{"jwks_uri":"https://192.168.0.1/keys"}`), http.StatusUnprocessableEntity, "body.jwks_uri")
	})
}
