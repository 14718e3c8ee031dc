package http_test

import (
	"net/http"
	"testing"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// A client that registers itself can't take a name that people would take for the server's, neither when it
// registers nor afterwards. An administrator can give it one.
func TestClientsCanNotPretendToBeTheServer(t *testing.T) {
	t.Parallel()
	refused := jsonError(http.StatusBadRequest, oauth.InvalidClientMetadata)
	refused.Body = []string{"client_name"}
	var scenarios []Scenario
	for _, name := range []string{"Authly", "AUTHLY security", "Auth1y command line", "Аuthly", "A u t h l y", "Administration", "Аdmin", "Admin-Console", "Gаrden"} {
		scenarios = append(scenarios,
			Scenario{Name: "registered as " + name, Want: refused, Do: registers(object{"client_name": name})},
			Scenario{Name: "renamed to " + name, Want: refused, Do: func(w *World) testx.Answer { return w.change(w.enrolled("", plain), object{"client_name": name}) }},
			Scenario{Name: "with an initial access token " + name, Want: refused, Do: func(w *World) testx.Answer {
				return w.enroll(w.permit(registration.NewInitialToken{}), plain.with(object{"client_name": name}))
			}})
	}
	scenarios = append(scenarios,
		Scenario{Name: "names of others", Want: created, Do: registers(object{"client_name": "Яндекс Music – Author’s garden administration"})},
		Scenario{Name: "what an administrator has set", Want: Want{Status: http.StatusOK, Body: []string{`"client_name":"Authly Helper"`}}, Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain)
			known := w.stored(made)
			named := known.Metadata
			named.Name = "Authly Helper"
			if _, err := w.Clients.Replace(w.T.Context(), known.ID, named); err != nil {
				w.T.Fatal(err)
			}
			return w.change(made, object{"client_name": "Certified"})
		}},
		Scenario{Name: "an administrator's client", Want: Want{Status: http.StatusOK, Body: []string{"Authly Helper"}}, Do: func(w *World) testx.Answer {
			helper := w.Confidential(callback, func(m *client.Metadata) { m.Name = "Authly Helper" })
			return w.Browser().Open(w.AuthorizeURL(w.Request(helper)))
		}})
	play(t, scenarios, withRegistration(registration.Open), unlimited)
	play(t, []Scenario{
		{Name: "the issuer's host", Want: refused, Do: registers(object{"client_name": "Sign in at ID.Pretend.Example"})},
		{Name: "no name, at the issuer's host", Want: refused, Do: registers(object{"client_name": absent, "redirect_uris": []string{"https://id.pretend.example/callback"}})},
		{Name: "another host", Want: created, Do: registers(object{"client_name": absent, "redirect_uris": []string{"https://app.pretend.example/callback"}})},
	}, withRegistration(registration.Open), unlimited, testx.WithConfig(func(c *config.Config) { c.Issuer = "https://id.pretend.example" }))
}
