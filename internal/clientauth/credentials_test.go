package clientauth_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// What a client can send to the token endpoint, from the outside.
func TestCredentialsOverHTTP(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			server := testx.NewServer(t, engine)
			app := server.Confidential("https://app.example/callback", nil)
			native := server.Public("http://127.0.0.1/callback", nil)
			basic := func(clientID, clientSecret string) testx.RequestOption {
				return testx.Header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(clientID+":"+clientSecret)))
			}
			body := func(values ...string) url.Values {
				form := url.Values{"grant_type": {"client_credentials"}}
				for pair := range slices.Chunk(values, 2) {
					form.Add(pair[0], pair[1])
				}
				return form
			}
			for name, test := range map[string]struct {
				form   url.Values
				header testx.RequestOption
				status int
				code   oauth.ErrorCode
			}{
				"rfc6749-2.3.1 header":                    {body(), basic(app.ClientID, app.Secret), 200, ""},
				"rfc6749-2.3.1 body":                      {body("client_id", app.ClientID, "client_secret", app.Secret), nil, 200, ""},
				"header, encoded":                         {body(), basic("%63"+app.ClientID[1:], app.Secret), 200, ""},
				"header, scheme in lower case":            {body(), testx.Header("Authorization", "basic "+base64.StdEncoding.EncodeToString([]byte(app.ClientID+":"+app.Secret))), 200, ""},
				"header, encoded twice":                   {body(), basic("%2563"+app.ClientID[1:], app.Secret), 401, oauth.InvalidClient},
				"header, no padding":                      {body(), testx.Header("Authorization", "Basic "+base64.RawStdEncoding.EncodeToString([]byte(app.ClientID+":"+app.Secret+"xx"))), 401, oauth.InvalidClient},
				"header, empty secret":                    {body(), basic(app.ClientID, ""), 401, oauth.InvalidClient},
				"header, no colon":                        {body(), testx.Header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(app.ClientID))), 401, oauth.InvalidClient},
				"header, wrong escape":                    {body(), basic(app.ClientID, "%zz"), 401, oauth.InvalidClient},
				"header, NUL":                             {body(), basic(app.ClientID+"%00", app.Secret), 401, oauth.InvalidClient},
				"header, not UTF-8":                       {body(), basic("%ff", app.Secret), 401, oauth.InvalidClient},
				"header, secret with a blank":             {body(), basic(app.ClientID, app.Secret+"+"), 401, oauth.InvalidClient},
				"rfc6749-2.3 header and body":             {body("client_id", app.ClientID, "client_secret", app.Secret), basic(app.ClientID, app.Secret), 400, oauth.InvalidRequest},
				"header, another client in the body":      {body("client_id", native.ClientID), basic(app.ClientID, app.Secret), 400, oauth.InvalidRequest},
				"body, no secret":                         {body("client_id", app.ClientID), nil, 401, oauth.InvalidClient},
				"body, two secrets":                       {body("client_id", app.ClientID, "client_secret", app.Secret, "client_secret", app.Secret), nil, 400, oauth.InvalidRequest},
				"body, two names":                         {body("client_id", app.ClientID, "client_id", native.ClientID, "client_secret", app.Secret), nil, 400, oauth.InvalidRequest},
				"body, unknown":                           {body("client_id", "client_nobody", "client_secret", app.Secret), nil, 401, oauth.InvalidClient},
				"nothing":                                 {body(), nil, 401, oauth.InvalidClient},
				"oauth2.1-2.4 public, by header":          {body(), basic(native.ClientID, ""), 400, oauth.UnauthorizedClient},
				"oauth2.1-2.4 public with a secret":       {body("client_id", native.ClientID, "client_secret", app.Secret), nil, 400, oauth.UnauthorizedClient},
				"rfc7521-4.2 an assertion without a type": {body("client_id", native.ClientID, "client_assertion", "x"), nil, 401, oauth.InvalidClient},
			} {
				var options []testx.RequestOption
				if test.header != nil {
					options = append(options, test.header)
				}
				answer := server.Post("/oauth/token", test.form, options...)
				if answer.Status != test.status || answer.Text("error") != string(test.code) {
					t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
				}
				if challenged := answer.Header.Get("WWW-Authenticate") != ""; challenged != (test.status == http.StatusUnauthorized) {
					t.Errorf("OA-13 %s: WWW-Authenticate %q", name, answer.Header.Get("WWW-Authenticate"))
				}
			}
			// Who fails must not learn whether the client is there.
			unknown := server.Post("/oauth/token", body("client_id", "client_nobody", "client_secret", "x"))
			wrong := server.Post("/oauth/token", body("client_id", app.ClientID, "client_secret", "x"))
			if err := server.Clients.Disable(t.Context(), app.ID); err != nil {
				t.Fatal(err)
			}
			disabled := server.Post("/oauth/token", body("client_id", app.ClientID, "client_secret", app.Secret))
			if unknown.Body != wrong.Body || wrong.Body != disabled.Body || unknown.Status != wrong.Status || wrong.Status != disabled.Status {
				t.Errorf("unknown %s, wrong %s, disabled %s", unknown.Body, wrong.Body, disabled.Body)
			}
		})
	}
}
