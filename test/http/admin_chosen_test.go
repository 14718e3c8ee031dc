package http_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"authly/internal/audit"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// A file or another server may have a client's credentials already.
func TestChosenCredentials(t *testing.T) {
	t.Parallel()
	const first, second = "a-secret-that-came-from-elsewhere-0123456789", "another-one-that-came-from-elsewhere-9876543210"
	onEveryEngine(t, func(a *administration, token testx.RequestOption) {
		a.Secret(first, second)
		body := `{"client_id":"shop","client_secret":"` + first + `","client_name":"Shop","redirect_uris":["https://shop.example/cb"],"managed_by":"authly"}`
		made := a.wants(a.send(token, http.MethodPost, "/clients", body), http.StatusCreated, `"client_id":"shop"`, `"managed_by":"authly"`)
		if strings.Contains(made.Body, first) {
			a.t.Error("the answer repeats the secret")
		}
		knows := func(value string, want bool) {
			got := a.wants(a.send(token, http.MethodPost, "/clients/shop/secrets/check", `{"client_secret":"`+value+`"}`), http.StatusOK)
			inside := a.Post("/oauth/introspect", url.Values{"token": {"x"}}, func(r *http.Request) { r.SetBasicAuth("shop", value) }).Status == http.StatusOK
			if got.JSON["valid"] != want || inside != want {
				a.t.Errorf("the check says %v, the client is let in %v, want %v", got.JSON["valid"], inside, want)
			}
		}
		knows(first, true)
		knows(second, false)
		added := a.wants(a.send(token, http.MethodPost, "/clients/shop/secrets", `{"client_secret":"`+second+`"}`), http.StatusCreated)
		if strings.Contains(added.Body, second) {
			a.t.Error("the answer repeats the secret")
		}
		knows(second, true)
		knows(first, false)
		a.wants(a.send(token, http.MethodPost, "/clients/shop/secrets", `{"client_secret":"`+second+`"}`), http.StatusConflict, "client.secret_known")

		public := `"client_name":"App","token_endpoint_auth_method":"none","redirect_uris":["https://app.example/cb"]`
		for wrong, field := range map[string]string{
			`{"client_id":"shop","client_name":"Again","redirect_uris":["https://a.example/"]}`:                                "body.client_id",
			`{"client_id":"0190d8b2-0000-7000-8000-000000000000",` + public + `}`:                                              "body.client_id",
			`{"client_id":"authly-next",` + public + `}`:                                                                       "body.client_id",
			`{"client_id":"two words",` + public + `}`:                                                                         "body.client_id",
			`{"client_id":"https://app.example",` + public + `}`:                                                               "body.client_id",
			`{"client_secret":"` + first + `",` + public + `}`:                                                                 "body.client_secret",
			`{"client_secret":"` + strings.Repeat("ab", 20) + `","client_name":"Weak","redirect_uris":["https://a.example/"]}`: "body.client_secret",
			`{"client_secret":"short","client_name":"Weak","redirect_uris":["https://a.example/"]}`:                            "body.client_secret",
			`{"managed_by":"two words",` + public + `}`:                                                                        "body.managed_by",
		} {
			answer := a.send(token, http.MethodPost, "/clients", wrong)
			if answer.Status != http.StatusUnprocessableEntity && answer.Status != http.StatusConflict || !strings.Contains(answer.Body, `"location":"`+field+`"`) {
				a.t.Errorf("%s: %d %s", wrong, answer.Status, answer.Body)
			}
		}
		listed := a.wants(a.send(token, http.MethodGet, "/clients", ""), http.StatusOK)
		if strings.Contains(listed.Body, "Weak") || strings.Contains(listed.Body, "Again") {
			a.t.Errorf("a refused client is there: %s", listed.Body)
		}
	})
}

// Whoever runs the program needs no token, and follows the same rules.
func TestOperator(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			a := administer(t, engine)
			operator, err := a.Operator("authly.yaml")
			if err != nil {
				t.Fatal(err)
			}
			ask := func(method, path, body string) int {
				recorder := httptest.NewRecorder()
				request := httptest.NewRequestWithContext(t.Context(), method, a.Path()+adminPath+path, strings.NewReader(body))
				request.Header.Set("Content-Type", "application/json")
				operator.ServeHTTP(recorder, request)
				return recorder.Code
			}
			if got := ask(http.MethodPost, "/clients", `{"client_id":"shop","client_name":"Shop","redirect_uris":["https://shop.example/cb"]}`); got != http.StatusCreated {
				t.Errorf("create: %d", got)
			}
			if got := ask(http.MethodPost, "/clients", `{"client_name":"Shop","redirect_uris":["no"]}`); got != http.StatusUnprocessableEntity {
				t.Errorf("create a wrong one: %d", got)
			}
			if got := ask(http.MethodGet, "/clients/shop", ""); got != http.StatusOK {
				t.Errorf("get: %d", got)
			}
			page, err := a.Audit.List(t.Context(), audit.Query{TargetKind: "client", TargetID: "shop"})
			if err != nil || len(page.Events) != 1 || page.Events[0].Actor != (audit.Actor{Kind: audit.Operator, Name: "authly.yaml"}) {
				t.Errorf("the log has %+v, %v", page.Events, err)
			}
			if got := a.Get(adminPath + "/clients/shop"); got.Status != http.StatusUnauthorized {
				t.Errorf("over the network without a token: %d", got.Status)
			}
		})
	}
}
