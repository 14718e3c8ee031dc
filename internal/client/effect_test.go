package client_test

import (
	"errors"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/egress"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// wantRefusal fails unless exactly one field was refused, for one reason; an empty field means that nothing was.
func wantRefusal(t *testing.T, name string, err error, field, reason string) {
	t.Helper()
	var refusal *fault.Error
	switch {
	case field == "" && err == nil:
	case field == "" || !errors.As(err, &refusal) || len(refusal.Fields) != 1 || refusal.Fields[field] != reason:
		t.Errorf("%s: %v", name, err)
	}
}

// What can never have an effect is refused, so that no one relies on it.
func TestConsentCanOnlyBeSkippedWhereOneIsAsked(t *testing.T) {
	t.Parallel()
	service, _ := newClients(dbtest.Open(t, db.SQLite))
	const field, reason = "consent", "client.consent_without_effect"
	code := client.Metadata{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Consent: client.ConsentSkip}
	own := code
	own.RegisteredBy = client.ByClient
	machine := client.Metadata{Name: "Job", GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, Consent: client.ConsentSkip}
	remembers := machine
	remembers.Consent = client.ConsentRemember
	_, err := service.Register(t.Context(), own)
	wantRefusal(t, "self-registered", err, field, reason)
	_, err = service.Register(t.Context(), machine)
	wantRefusal(t, "without the authorization code grant", err, field, reason)
	_, err = service.Register(t.Context(), remembers)
	wantRefusal(t, "without skip", err, "", "")
	made, err := service.Register(t.Context(), code)
	wantRefusal(t, "an administrator's", err, "", "")
	_, err = service.Replace(t.Context(), made.Client.ID, machine)
	wantRefusal(t, "changed", err, field, reason)
}

// An address that this server would never ask is refused when it is registered.
func TestAddressesThatAreNeverAskedAreRefused(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, db.SQLite)
	for loopback, local := range map[egress.Loopback]string{egress.LoopbackRefused: "client.address_never_asked", egress.LoopbackAllowed: ""} {
		service := client.NewService(client.Deps{
			Database: database, Clock: clock.NewFake(noon), Keys: &outside{}, Issued: &outside{}, Outside: egress.New(egress.Options{Loopback: loopback}),
		})
		for uri, reason := range map[string]string{
			"https://app.example/x": "", "https://app.example:8443/x": "",
			"https://10.0.0.1/x": "client.address_never_asked", "https://169.254.169.254/latest": "client.address_never_asked", "https://[fd00::1]/x": "client.address_never_asked",
			"https://[::ffff:192.168.0.1]/x": "client.address_never_asked", "https://app.example:22/x": "client.address_never_asked",
			"https://localhost/x": local, "http://127.0.0.1:3000/x": local, "https://[::1]/x": local,
		} {
			for field, change := range map[string]func(m *client.Metadata){
				"jwks_uri":               func(m *client.Metadata) { m.JWKSURI = uri },
				"backchannel_logout_uri": func(m *client.Metadata) { m.BackChannelLogoutURI = uri },
				"request_uris[0]":        func(m *client.Metadata) { m.RequestURIs = []string{uri} },
			} {
				wanted := client.Metadata{Name: "App", RedirectURIs: []string{"https://app.example/cb"}}
				change(&wanted)
				_, err := service.Prepare(t.Context(), wanted)
				if reason == "" {
					wantRefusal(t, field+" "+uri, err, "", "")
				} else {
					wantRefusal(t, field+" "+uri, err, field, reason)
				}
			}
		}
	}
}
