package http_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
)

// TestFoundByAttack has what an attack on the whole server brought up.
func TestFoundByAttack(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			server := testx.NewServer(t, engine)
			person := server.Person("ada")
			known := server.Confidential("https://app.example/callback", func(n *client.Metadata) { n.Resources = []string{"https://api.example"} })

			tokens := server.Tokens(known, person, url.Values{"resource": {"https://api.example"}})
			if got := server.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token"))); got.Status != http.StatusUnauthorized {
				t.Errorf("rfc9068-4 a token for another resource reads about its owner: %d", got.Status)
			}

			request := server.Request(known, url.Values{"prompt": {"none login"}})
			location := server.Get(server.AuthorizeURL(request)).Header.Get("Location")
			if !strings.HasPrefix(location, "https://app.example/callback?") || !strings.Contains(location, "error=invalid_request") {
				t.Errorf("oidc-core-3.1.2.1 prompt=none with another shows a page: %s", location)
			}

			address := server.AuthorizeURL(server.Request(known, url.Values{"prompt": {"none"}}))
			location = server.Get(address + "&%3Cb%3E=1&%3Cb%3E=2").Header.Get("Location")
			parsed, err := url.Parse(location)
			if err != nil || strings.ContainsAny(parsed.Query().Get("error_description"), `<>&"\`) || parsed.Query().Get("error") == "" {
				t.Errorf("rfc6749-4.1.2.1 whoever makes up a request writes into the client's page: %s", location)
			}
		})
	}
}
