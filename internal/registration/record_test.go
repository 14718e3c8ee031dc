package registration_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/registration"
	"authly/internal/testx"
)

// RFC 7592: a registration access token opens its own client's record and no other, as long as
// the client may be used, and a replacement keeps identifier and secret.
func TestARecordIsItsOwnClients(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := testx.NewServer(t, engine, testx.WithConfig(func(c *config.Config) { c.Registration.Mode = string(registration.Open) }))
			register := func(name string) testx.Answer {
				answer := s.Call(http.MethodPost, "/oauth/register", nil, testx.JSON(`{"client_name":"`+name+`","redirect_uris":["https://app.example/callback"]}`))
				if answer.Status != http.StatusCreated {
					t.Fatal(answer.Body)
				}
				return answer
			}
			own, other, disabled := register("Own"), register("Other"), register("Disabled")
			known, err := s.Clients.Find(t.Context(), disabled.Text("client_id"))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Clients.Disable(t.Context(), known.ID); err != nil {
				t.Fatal(err)
			}
			body := func(record testx.Answer, changes map[string]any) string {
				members := map[string]any{"client_id": record.Text("client_id"), "client_name": "Changed", "redirect_uris": []string{"https://app.example/callback"}}
				for name, value := range changes {
					members[name] = value
				}
				encoded, err := json.Marshal(members)
				if err != nil {
					t.Fatal(err)
				}
				return string(encoded)
			}
			ask := func(method string, record testx.Answer, token string, changes map[string]any) int {
				options := []testx.RequestOption{testx.Bearer(token)}
				if method == http.MethodPut {
					options = append(options, testx.JSON(body(record, changes)))
				}
				return s.Call(method, record.Text("registration_client_uri"), nil, options...).Status
			}
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				for name, test := range map[string]struct {
					record testx.Answer
					token  string
				}{
					"another client's token":    {own, other.Text("registration_access_token")},
					"a made up token":           {own, secret.New().Reveal()},
					"a part of the token":       {own, own.Text("registration_access_token")[:20]},
					"the client's secret":       {own, own.Text("client_secret")},
					"a disabled client's token": {disabled, disabled.Text("registration_access_token")},
				} {
					if status := ask(method, test.record, test.token, nil); status != http.StatusUnauthorized {
						t.Errorf("%s with %s: %d", method, name, status)
					}
				}
			}
			token := own.Text("registration_access_token")
			for name, changes := range map[string]map[string]any{
				"another client_id":   {"client_id": other.Text("client_id")},
				"no client_id":        {"client_id": nil},
				"a secret of its own": {"client_secret": strings.Repeat("chosen", 8)},
				"another's secret":    {"client_secret": other.Text("client_secret")},
			} {
				if status := ask(http.MethodPut, own, token, changes); status != http.StatusBadRequest {
					t.Errorf("a replacement with %s: %d", name, status)
				}
			}
			if status := ask(http.MethodPut, own, token, map[string]any{"client_secret": own.Text("client_secret")}); status != http.StatusOK {
				t.Errorf("a good replacement: %d", status)
			}
			if status := ask(http.MethodGet, own, token, nil); status != http.StatusOK {
				t.Errorf("the own record: %d", status)
			}
		})
	}
}
