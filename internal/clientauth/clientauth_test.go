package clientauth_test

import (
	"context"
	"maps"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/clientauth"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// outside stands for what is beyond these packages.
type outside struct{ failures int }

func (*outside) Ensure(context.Context, jose.Algorithm) error    { return nil }
func (*outside) EndAllOfClient(context.Context, uuid.UUID) error { return nil }
func (o *outside) Failed(context.Context) error {
	o.failures++
	if o.failures > 100 {
		return fault.New(fault.Limited, "too many")
	}
	return nil
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		beyond := &outside{}
		clients := client.NewService(client.Deps{Database: database, Clock: clock.NewFake(noon), Keys: beyond, Issued: beyond})
		log := audit.New(audit.Deps{Database: database, Clock: clock.NewFake(noon)})
		service := clientauth.New(clientauth.Deps{Database: database, Clients: clients, Clock: clock.NewFake(noon), Failures: beyond, Audit: log})
		register := func(method oauth.AuthenticationMethod) client.Registered {
			made, err := clients.Register(t.Context(), client.Metadata{
				Name: "App", RedirectURIs: []string{"https://app.example/callback"}, AuthenticationMethod: method,
			})
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
		basic, post, public := register(oauth.ClientSecretBasic), register(oauth.ClientSecretPost), register(oauth.AuthenticationMethodNone)
		disabled := register(oauth.ClientSecretBasic)
		if err := clients.Disable(t.Context(), disabled.Client.ID); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			clientID string
			secret   secret.Redacted
			accepted bool
		}{
			"rfc6749-2.3.1 the secret":                       {basic.Client.ClientID, basic.Secret, true},
			"rfc6749-2.3.1 the secret of a post client":      {post.Client.ClientID, post.Secret, true},
			"another client's secret":                        {basic.Client.ClientID, post.Secret, false},
			"rfc6749-3.2.1 no secret":                        {basic.Client.ClientID, secret.Redacted{}, false},
			"oauth2.1-2.4 public without a secret":           {public.Client.ClientID, secret.Redacted{}, true},
			"oauth2.1-2.4 public stays public with a secret": {public.Client.ClientID, secret.New(), true},
			"disabled":                   {disabled.Client.ClientID, disabled.Secret, false},
			"unknown":                    {"client_nobody", basic.Secret, false},
			"nobody":                     {"", secret.Redacted{}, false},
			"case of a client_id counts": {"CLIENT" + basic.Client.ClientID[6:], basic.Secret, false},
		} {
			before := beyond.failures
			known, err := service.Authenticate(t.Context(), clientauth.Credentials{ClientID: test.clientID, Secret: test.secret})
			switch {
			case test.accepted && (err != nil || known.ClientID != test.clientID):
				t.Errorf("%s: %v", name, err)
			case !test.accepted && oauth.CodeOf(err) != oauth.InvalidClient:
				t.Errorf("%s: %v", name, err)
			case !test.accepted && test.clientID != "" && beyond.failures == before:
				t.Errorf("%s: the failure was not counted", name)
			}
		}
		_, err := service.Authenticate(t.Context(), clientauth.Credentials{ClientID: "client_\r\n\x1b[31m\u00e9" + strings.Repeat("x", 5000)})
		if oauth.CodeOf(err) != oauth.InvalidClient {
			t.Errorf("a made-up client_id: %v", err)
		}
		page, err := log.List(t.Context(), audit.Query{Action: audit.ClientAuthenticate})
		if err != nil {
			t.Fatal(err)
		}
		reasons := map[string]int{}
		for _, event := range page.Events {
			reasons[event.Details.Reason]++
			if id := event.Target.ID; len(id) > 128 || strings.ContainsAny(id, "\r\n\x1b\u00e9") || event.Target.Kind != "client" {
				t.Errorf("%+v", event)
			}
		}
		// Unknown clients count as one; the same client with another reason is another event.
		if want := map[string]int{"client.secret_wrong": 1, "client.secret_missing": 1, "client.disabled": 1, "client.unknown": 1}; !maps.Equal(reasons, want) {
			t.Errorf("the log says %v", reasons)
		}
		beyond.failures = 100
		_, err = service.Authenticate(t.Context(), clientauth.Credentials{ClientID: basic.Client.ClientID, Secret: post.Secret})
		if fault.KindOf(err) != fault.Limited {
			t.Errorf("after too many failures: %v", err)
		}
		if _, err := service.Authenticate(t.Context(), clientauth.Credentials{ClientID: basic.Client.ClientID, Secret: basic.Secret}); err != nil {
			t.Errorf("somebody else's failures shut out an honest client: %v", err)
		}
	})
}

func TestFromRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		headers []string
		body    url.Values
		want    string // client_id, "" for a refusal
		code    oauth.ErrorCode
	}{
		"rfc6749-2.3.1 header":           {[]string{"Basic YTpi"}, nil, "a", ""},
		"rfc6749-2.3.1 body":             {nil, url.Values{"client_id": {"a"}, "client_secret": {"b"}}, "a", ""},
		"rfc6749-2.3.1 encoded header":   {[]string{"Basic YSUyMGI6Yw=="}, nil, "a b", ""},
		"rfc6749-2.3 both":               {[]string{"Basic YTpi"}, url.Values{"client_id": {"a"}, "client_secret": {"b"}}, "", oauth.InvalidRequest},
		"header with the same client_id": {[]string{"Basic YTpi"}, url.Values{"client_id": {"a"}}, "a", ""},
		"header with another client_id":  {[]string{"Basic YTpi"}, url.Values{"client_id": {"c"}}, "", oauth.InvalidRequest},
		"two headers":                    {[]string{"Basic YTpi", "Basic YTpi"}, nil, "", oauth.InvalidRequest},
		"loosely encoded":                {[]string{"Basic YTpi\n"}, nil, "", oauth.InvalidClient},
		"another scheme":                 {[]string{"Bearer YTpi"}, nil, "", oauth.InvalidClient},
	} {
		r := httptest.NewRequest("POST", "/oauth/token", nil)
		r.Header["Authorization"] = append(r.Header["Authorization"], test.headers...)
		params, err := oauth.ParseParams(test.body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := clientauth.FromRequest(r, params)
		if oauth.CodeOf(err) != test.code || (err == nil && got.ClientID != test.want) {
			t.Errorf("%s: got %q, %v", name, got.ClientID, err)
		}
	}
}
