package userinfo_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

func eachServer(t *testing.T, test func(t *testing.T, server *testx.Server)) {
	t.Helper()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, testx.NewServer(t, engine))
		})
	}
}

const (
	callback = "https://app.example/callback"
	resource = "https://api.example"
)

func TestWhichTokensAreAccepted(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testx.Server) {
		person := server.Person("ada")
		jwt := server.Confidential(callback, func(n *client.Metadata) { n.Resources = []string{resource} })
		opaque := server.Confidential(callback, func(n *client.Metadata) { n.AccessTokenFormat = client.FormatOpaque })
		email := server.Tokens(jwt, person, url.Values{"scope": {"openid email"}})
		machine := server.Token(opaque, url.Values{"grant_type": {"client_credentials"}})
		for name, test := range map[string]struct {
			token   string
			status  int
			problem string
		}{
			"JWT":                               {email.Text("access_token"), http.StatusOK, ""},
			"opaque":                            {server.Tokens(opaque, person).Text("access_token"), http.StatusOK, ""},
			"oidc-core-5.3.1 without openid":    {server.Tokens(jwt, person, url.Values{"scope": {"email"}}).Text("access_token"), http.StatusForbidden, "insufficient_scope"},
			"rfc6749-4.4 a client's own":        {machine.Text("access_token"), http.StatusForbidden, "insufficient_scope"},
			"rfc8707-2 for another resource":    {server.Tokens(jwt, person, url.Values{"resource": {resource}}).Text("access_token"), http.StatusUnauthorized, "invalid_token"},
			"refresh token":                     {server.Tokens(jwt, person).Text("refresh_token"), http.StatusUnauthorized, "invalid_token"},
			"rfc9068-4 ID token":                {email.Text("id_token"), http.StatusUnauthorized, "invalid_token"},
			"JWT with another signature":        {email.Text("access_token")[:len(email.Text("access_token"))-8] + "AAAAAAAA", http.StatusUnauthorized, "invalid_token"},
			"JWT without a signature":           {email.Text("access_token")[:strings.LastIndex(email.Text("access_token"), ".")+1], http.StatusUnauthorized, "invalid_token"},
			"unsigned":                          {"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.", http.StatusUnauthorized, "invalid_token"},
			"nonsense":                          {"nonsense", http.StatusUnauthorized, "invalid_token"},
			"identifier of a token in a JWT":    {"00000000-0000-0000-0000-000000000000", http.StatusUnauthorized, "invalid_token"},
			"longer than anything that is ours": {strings.Repeat("a", 9000), http.StatusBadRequest, "invalid_request"},
		} {
			answer := server.Get("/oidc/userinfo", testx.Bearer(test.token))
			if answer.Status != test.status || answer.Text("error") != test.problem || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			}
			if test.problem != "" && !strings.Contains(answer.Header.Get("WWW-Authenticate"), `error="`+test.problem+`"`) {
				t.Errorf("rfc6750-3 %s: %q", name, answer.Header.Get("WWW-Authenticate"))
			}
			if test.status == http.StatusOK && answer.Text("sub") != person.Subject() {
				t.Errorf("%s: sub %q", name, answer.Text("sub"))
			}
		}
		claims := server.Get("/oidc/userinfo", testx.Bearer(email.Text("access_token")))
		if claims.Text("email") == "" || claims.JSON["email_verified"] != true || claims.Text("name") != "" || claims.Text("phone_number") != "" {
			t.Errorf("oidc-core-5.4: %s", claims.Body)
		}
	})
}

// RFC 6750 section 2: the token is sent in one way, and never in the query.
func TestWhereTheTokenIsSent(t *testing.T) {
	t.Parallel()
	server := testx.NewServer(t, db.SQLite)
	cl := server.Confidential(callback, nil)
	token := server.Tokens(cl, server.Person("ada")).Text("access_token")
	inBody, basic := url.Values{"access_token": {token}}, testx.As(cl)
	twice := func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+token) }
	for name, test := range map[string]struct {
		method, path string
		form         url.Values
		options      []testx.RequestOption
		status       int
		problem      string
	}{
		"header":                     {"GET", "/oidc/userinfo", nil, []testx.RequestOption{testx.Bearer(token)}, 200, ""},
		"header, scheme in capitals": {"GET", "/oidc/userinfo", nil, []testx.RequestOption{testx.Header("Authorization", "BEARER "+token)}, 200, ""},
		"header of a POST":           {"POST", "/oidc/userinfo", nil, []testx.RequestOption{testx.Bearer(token)}, 200, ""},
		"header and an empty form":   {"POST", "/oidc/userinfo", url.Values{}, []testx.RequestOption{testx.Bearer(token)}, 200, ""},
		"body":                       {"POST", "/oidc/userinfo", inBody, nil, 200, ""},
		"both":                       {"POST", "/oidc/userinfo", inBody, []testx.RequestOption{testx.Bearer(token)}, 400, "invalid_request"},
		"body twice":                 {"POST", "/oidc/userinfo", url.Values{"access_token": {token, token}}, nil, 400, "invalid_request"},
		"two headers":                {"GET", "/oidc/userinfo", nil, []testx.RequestOption{testx.Bearer(token), twice}, 400, "invalid_request"},
		"rfc9700-4.3.2 query":        {"GET", "/oidc/userinfo?access_token=" + token, nil, nil, 400, "invalid_request"},
		"query beside the header":    {"GET", "/oidc/userinfo?access_token=x", nil, []testx.RequestOption{testx.Bearer(token)}, 400, "invalid_request"},
		"nothing":                    {"GET", "/oidc/userinfo", nil, nil, 401, ""},
		"another scheme":             {"GET", "/oidc/userinfo", nil, []testx.RequestOption{basic}, 401, ""},
		"body of a GET":              {"GET", "/oidc/userinfo", inBody, nil, 401, ""},
		"body that is JSON":          {"POST", "/oidc/userinfo", inBody, []testx.RequestOption{testx.Header("Content-Type", "application/json")}, 401, ""},
		"cookie":                     {"GET", "/oidc/userinfo", nil, []testx.RequestOption{testx.Header("Cookie", "access_token="+token)}, 401, ""},
	} {
		answer := server.Call(test.method, test.path, test.form, test.options...)
		if answer.Status != test.status || answer.Text("error") != test.problem {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
		if test.status == http.StatusUnauthorized && answer.Header.Get("WWW-Authenticate") != `Bearer realm="authly"` {
			t.Errorf("rfc6750-3.1 %s: %q", name, answer.Header.Get("WWW-Authenticate"))
		}
	}
}
