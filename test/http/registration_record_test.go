package http_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/testx"
)

// record asks the client configuration endpoint that a registration names.
func (w *World) record(method string, made testx.Answer, options ...testx.RequestOption) testx.Answer {
	w.T.Helper()
	own := []testx.RequestOption{testx.Bearer(made.Text("registration_access_token"))}
	return w.Call(method, made.Text("registration_client_uri"), nil, append(own, options...)...)
}

// change replaces a record with what was sent and changes.
func (w *World) change(made testx.Answer, changes object) testx.Answer {
	w.T.Helper()
	sent := plain.with(object{"client_id": made.Text("client_id")}).with(changes)
	return w.record(http.MethodPut, made, testx.JSON(sent.String()))
}

func (w *World) stored(made testx.Answer) client.Client {
	w.T.Helper()
	return w.asClient(made).Client
}

// RFC 7592: reading, replacing and deleting one's own record.
func TestClientConfiguration(t *testing.T) {
	t.Parallel()
	metadataError := jsonError(400, oauth.InvalidClientMetadata)
	changes := func(changes object) func(w *World) testx.Answer {
		return func(w *World) testx.Answer { return w.change(w.enrolled("", plain), changes) }
	}
	shown := func(texts ...string) Want {
		return Want{Status: 200, Header: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}, Body: texts}
	}
	play(t, []Scenario{
		{Name: "DR-09 GET", Want: shown(`"initiate_login_uri":"https://app.example/start"`, `"registration_access_token":"`, `"registration_client_uri":"`, `"client_name":"Certified"`), Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain.with(object{"initiate_login_uri": "https://app.example/start"}))
			answer := w.record(http.MethodGet, made)
			for _, same := range []string{"registration_access_token", "registration_client_uri", "client_id"} {
				if answer.Text(same) != made.Text(same) {
					w.T.Errorf("%s is not the same", same)
				}
			}
			return answer
		}},
		{Name: "DR-09 PUT", Want: shown(`"client_name":"Renamed"`, `"redirect_uris":["https://app.example/other"]`), WantNot: []string{`"client_secret"`, "contacts", "jwks"}, Do: changes(object{
			"client_name": "Renamed", "redirect_uris": []string{"https://app.example/other"}, "contacts": absent, "jwks": absent,
		})},
		{Name: "DR-09 PUT keeps the secret", Want: Want{Status: 400, Error: oauth.InvalidGrant}, Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain)
			if answer := w.change(made, object{"client_secret": made.Text("client_secret")}); answer.Status != http.StatusOK {
				w.T.Errorf("with its own secret: %s", answer.Body)
			}
			return w.Token(w.asClient(made), url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "code_verifier": {strings.Repeat("v", 43)}})
		}},
		{Name: "DR-09 PUT of another secret", Want: metadataError, Do: changes(object{"client_secret": "i-would-rather-have-this"})},
		{Name: "DR-09 PUT without client_id", Want: metadataError, Do: changes(object{"client_id": absent})},
		{Name: "DR-09 PUT of another client_id", Want: metadataError, Do: changes(object{"client_id": "client_other"})},
		{Name: "DR-09 PUT with what is the server's", Want: metadataError, Do: changes(object{"registration_access_token": "x"})},
		{Name: "DR-09 PUT with the time of its issue", Want: metadataError, Do: changes(object{"client_id_issued_at": 1})},
		{Name: "DR-09 PUT with a wrong redirect URI", Want: jsonError(400, oauth.InvalidRedirectURI), Do: changes(object{"redirect_uris": []string{"javascript:alert(1)"}})},
		{Name: "DR-09 PUT of a form", Want: jsonError(400, oauth.InvalidRequest), Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain)
			return w.Call(http.MethodPut, made.Text("registration_client_uri"), url.Values{"client_id": {made.Text("client_id")}}, testx.Bearer(made.Text("registration_access_token")))
		}},
		{Name: "DR-09 PUT that makes it public", Want: metadataError, Do: changes(object{"token_endpoint_auth_method": "none"})},
		{Name: "DR-09 PUT without a method keeps it", Want: shown(`"token_endpoint_auth_method":"none"`), Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain.with(object{"token_endpoint_auth_method": "none"}))
			return w.change(made, nil)
		}},
		{Name: "DR-09 PUT keeps to the policy", Want: shown(`"scope":"openid email"`), Do: changes(object{"scope": "openid admin email"})},
		{Name: "DR-09 PUT of a key that gets a secret no more", Want: Want{Status: 401, Error: oauth.InvalidClient}, Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain)
			if answer := w.change(made, object{"token_endpoint_auth_method": "private_key_jwt"}); answer.Status != http.StatusOK {
				w.T.Fatalf("private_key_jwt: %s", answer.Body)
			}
			return w.Token(w.asClient(made), url.Values{"grant_type": {"client_credentials"}})
		}},
		{Name: "DR-09 PUT back to a secret gives a new one", Want: shown(`"client_secret":"`, `"client_secret_expires_at":0`), Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain.with(object{"token_endpoint_auth_method": "private_key_jwt"}))
			return w.change(made, object{"token_endpoint_auth_method": "client_secret_post"})
		}},
		{Name: "DR-09 PUT undoes nothing of an administrator's", Want: shown(`"client_name":"Renamed"`), Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain)
			known := w.stored(made)
			metadata := known.Metadata
			metadata.Consent, metadata.AccessTokenLifetime, metadata.ProtectedResources = client.ConsentAlways, 60, []string{resource}
			metadata.ResponseModes = []oauth.ResponseMode{oauth.ResponseModeQuery}
			if _, err := w.Clients.Replace(w.T.Context(), known.ID, metadata); err != nil {
				w.T.Fatal(err)
			}
			answer := w.change(made, object{"client_name": "Renamed", "consent": "skip"})
			if got := w.stored(made); got.Consent != client.ConsentAlways || got.AccessTokenLifetime != 60 || len(got.ProtectedResources) != 1 ||
				len(got.ResponseModes) != 1 || got.RegisteredBy != client.ByClient {
				w.T.Errorf("now it is %+v", got.Metadata)
			}
			return answer
		}},
		{Name: "DR-09 DELETE", Want: Want{Status: 204}, WantNot: []string{"Content-Type"}, Do: func(w *World) testx.Answer {
			return w.record(http.MethodDelete, w.enrolled("", plain))
		}},
		{Name: "DR-09 DELETE ends what it was given", Want: Want{Status: 401, Error: oauth.InvalidToken}, Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain.with(object{"grant_types": []string{"authorization_code", "refresh_token"}}))
			known := w.asClient(made)
			tokens := w.Tokens(known, w.Ada)
			w.record(http.MethodDelete, made)
			if answer := w.Token(known, refreshWith(tokens.Text("refresh_token"))); answer.Status != http.StatusUnauthorized {
				w.T.Errorf("the client is still known: %s", answer.Body)
			}
			return w.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
		}},
		{Name: "DR-11 CORS preflight", Want: Want{Status: 204, Header: map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "PUT"}}, Do: func(w *World) testx.Answer {
			return w.Call(http.MethodOptions, "/oauth/register/client_x", nil, testx.Header("Origin", "http://localhost:6274"),
				testx.Header("Access-Control-Request-Method", "PUT"), testx.Header("Access-Control-Request-Headers", "authorization,content-type"))
		}},
	}, withRegistration(registration.Open), unlimited)
}

// DR-09: whatever is wrong, the answer is the same, so that nobody learns which clients there are.
func TestClientConfigurationHasOneRefusal(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, withRegistration(registration.Open), unlimited)
			w.T = t
			own, other, deleted, disabled := w.enrolled("", plain), w.enrolled("", plain), w.enrolled("", plain), w.enrolled("", plain)
			w.record(http.MethodDelete, deleted)
			if err := w.Clients.Disable(t.Context(), w.stored(disabled).ID); err != nil {
				t.Fatal(err)
			}
			base := w.Issuer + "/oauth/register/"
			body := testx.JSON(plain.with(object{"client_id": own.Text("client_id")}).String())
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				want := ""
				for name, try := range map[string]struct{ uri, token string }{
					"wrong token":                   {own.Text("registration_client_uri"), "wrong"},
					"another client's token":        {own.Text("registration_client_uri"), other.Text("registration_access_token")},
					"unknown client":                {base + "client_unknown", "wrong"},
					"unknown client, token of one":  {base + "client_unknown", own.Text("registration_access_token")},
					"an administrator's client":     {base + w.App.ClientID, own.Text("registration_access_token")},
					"its secret for a token":        {own.Text("registration_client_uri"), own.Text("client_secret")},
					"deleted":                       {deleted.Text("registration_client_uri"), deleted.Text("registration_access_token")},
					"disabled":                      {disabled.Text("registration_client_uri"), disabled.Text("registration_access_token")},
					"a client_id that is no such":   {base + "%00", own.Text("registration_access_token")},
					"a client_id that is very long": {base + strings.Repeat("x", 4000), own.Text("registration_access_token")},
				} {
					answer := w.Call(method, try.uri, nil, body, testx.Bearer(try.token))
					said := answer.Body + answer.Header.Get("WWW-Authenticate")
					if want == "" {
						want = said
					}
					if answer.Status != http.StatusUnauthorized || said != want || answer.Text("error") != "invalid_token" {
						t.Errorf("%s %s: %d %s", method, name, answer.Status, said)
					}
				}
				for name, uri := range map[string]string{"known": own.Text("registration_client_uri"), "unknown": base + "client_unknown"} {
					if answer := w.Call(method, uri, nil, body); answer.Status != http.StatusUnauthorized || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
						t.Errorf("%s %s without a token: %d", method, name, answer.Status)
					}
				}
			}
			if answer := w.record(http.MethodGet, own); answer.Status != http.StatusOK || answer.Text("client_name") != "Certified" {
				t.Errorf("an attempt has changed the record: %s", answer.Body)
			}
		})
	}
}

// Tokens that are wrong are counted by address, also here.
func TestRegistrationTokensAreLimited(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{{Name: "too many wrong tokens", Want: Want{Status: http.StatusTooManyRequests}, Do: func(w *World) testx.Answer {
		var answer testx.Answer
		for range 6 {
			answer = w.enroll("wrong", plain)
		}
		return answer
	}}}, withRegistration(registration.InitialAccessToken), testx.WithConfig(func(c *config.Config) { c.Throttle.AddressBurst = 5 }))
}

// Readers and writers of one record at once: no change is lost, and none is half done.
func TestClientConfigurationRaces(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, withRegistration(registration.Open), unlimited)
			w.T = t
			made := w.enrolled("", plain)
			for _, answer := range atOnce(func() testx.Answer { return w.change(made, object{"client_name": "Renamed"}) }) {
				if answer.Status != http.StatusOK && answer.Status != http.StatusConflict {
					t.Errorf("answered with %d: %s", answer.Status, answer.Body)
				}
			}
			gone := 0
			for _, answer := range atOnce(func() testx.Answer { return w.record(http.MethodDelete, made) }) {
				switch answer.Status {
				case http.StatusNoContent:
					gone++
				case http.StatusUnauthorized:
				default:
					t.Errorf("answered with %d: %s", answer.Status, answer.Body)
				}
			}
			if gone != 1 {
				t.Errorf("it was deleted %d times", gone)
			}
		})
	}
}

// sectorHost serves a document, and is what the server may ask.
func sectorHost(t *testing.T, handler http.HandlerFunc) (string, testx.Option) {
	t.Helper()
	host := httptest.NewTLSServer(handler)
	t.Cleanup(host.Close)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return host.URL, testx.WithConfig(func(c *config.Config) { c.Egress.AllowLoopback, c.Egress.AdditionalCAFile = true, authority })
}

// DR-06: the document at sector_identifier_uri has every redirect URI.
func TestSectorIdentifier(t *testing.T) {
	t.Parallel()
	documents := map[string]string{
		"/good": `["https://other.example/x","` + callback + `","https://second.example/callback"]`, "/lacks": `["https://other.example/x"]`,
		"/object": `{"redirect_uris":["` + callback + `"]}`, "/numbers": `[1]`, "/large": `["` + strings.Repeat("x", 70<<10) + `"]`, "/empty": ``,
	}
	host, option := sectorHost(t, func(w http.ResponseWriter, r *http.Request) {
		document, found := documents[r.URL.Path]
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/good", http.StatusFound)
		case !found:
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, document)
		}
	})
	two := object{"redirect_uris": []string{callback, "https://second.example/callback"}, "subject_type": "pairwise"}
	scenarios := []Scenario{
		{Name: "DR-06 listed", Want: saying(`"sector_identifier_uri":"` + host + `/good"`), Do: func(w *World) testx.Answer {
			return w.enroll("", plain.with(two).with(object{"sector_identifier_uri": host + "/good"}))
		}},
		{Name: "DR-06 and no longer after a change", Want: jsonError(400, oauth.InvalidClientMetadata), Do: func(w *World) testx.Answer {
			made := w.enrolled("", plain.with(two).with(object{"sector_identifier_uri": host + "/good"}))
			return w.change(made, two.with(object{"sector_identifier_uri": host + "/good", "redirect_uris": []string{"https://third.example/callback"}}))
		}},
		{Name: "DR-06 the sector decides the subject", Want: Want{Status: 200}, Do: func(w *World) testx.Answer {
			subjects := map[any]bool{}
			for range 2 {
				made := w.asClient(w.enrolled("", plain.with(two).with(object{"sector_identifier_uri": host + "/good"})))
				subjects[w.Get("/oidc/userinfo", testx.Bearer(w.Tokens(made, w.Ada).Text("access_token"))).JSON["sub"]] = true
			}
			if len(subjects) != 1 || subjects[w.Ada.ID.String()] {
				w.T.Errorf("subjects %v", subjects)
			}
			return w.Get("/readyz")
		}},
	}
	descriptions := map[string]bool{}
	for _, path := range []string{"/lacks", "/object", "/numbers", "/large", "/empty", "/nothing", "/moved"} {
		scenarios = append(scenarios, Scenario{Name: "DR-06 " + slug(path), Want: jsonError(400, oauth.InvalidClientMetadata), Do: func(w *World) testx.Answer {
			answer := w.enroll("", plain.with(two).with(object{"sector_identifier_uri": host + path}))
			descriptions[answer.Text("error_description")] = true
			if len(descriptions) != 1 {
				w.T.Errorf("the answers tell what was found there: %v", descriptions)
			}
			return answer
		}})
	}
	for _, engine := range dbtest.Engines(t) { // one after the other: they share what was said
		w := newWorld(t, engine, withRegistration(registration.Open), unlimited, option)
		for _, scenario := range scenarios {
			t.Run(string(engine)+" "+scenario.Name, func(t *testing.T) {
				told := *w
				told.T, told.Server = t, w.In(t)
				scenario.Want.check(t, scenario.Do(&told))
			})
		}
	}
}

// DR-08: a client that nobody uses is deleted, and one that somebody uses stays.
func TestUnusedClientsAreDeleted(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, engine, withRegistration(registration.Open))
			w.T = t
			machines := registration.Policy{GrantTypes: []oauth.GrantType{oauth.ClientCredentials}, UnusedLifetime: 24 * 60 * 60}
			machine := object{"client_name": "Machine", "grant_types": []string{"client_credentials"}}
			unused, used := w.enrolled("", plain), w.enrolled("", plain)
			idle, busy := w.enrolled(w.permit(registration.NewInitialToken{Policy: machines}), machine), w.enrolled(w.permit(registration.NewInitialToken{Policy: machines}), machine)
			kept := w.enrolled(w.permit(registration.NewInitialToken{}), plain)
			w.Tokens(w.asClient(used), w.Ada)
			if answer := w.Token(w.asClient(busy), url.Values{"grant_type": {"client_credentials"}}); answer.Status != http.StatusOK {
				t.Fatal(answer.Body)
			}
			alive := func(when string, want map[string]testx.Answer, gone map[string]testx.Answer) {
				t.Helper()
				if err := w.Registrations.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				for name, made := range want {
					if answer := w.record(http.MethodGet, made); answer.Status != http.StatusOK {
						t.Errorf("%s %s is gone: %d", when, name, answer.Status)
					}
				}
				for name, made := range gone {
					if _, err := w.Clients.Find(t.Context(), made.Text("client_id")); err == nil {
						t.Errorf("%s %s is still there", when, name)
					}
				}
			}
			type all = map[string]testx.Answer
			alive("at once", all{"unused": unused, "used": used, "idle": idle, "busy": busy, "kept": kept}, nil)
			if _, err := w.Database().Write(t.Context()).Exec(t.Context(), `DELETE FROM access_tokens`); err != nil { // as their sweep does
				t.Fatal(err)
			}
			w.Clock.Advance(25 * time.Hour)
			alive("after a day", all{"unused": unused, "used": used, "busy": busy, "kept": kept}, all{"idle": idle})
			w.Clock.Advance(6 * 24 * time.Hour)
			alive("after a week", all{"used": used, "busy": busy, "kept": kept}, all{"unused": unused, "idle": idle})
			w.Clock.Advance(100 * 24 * time.Hour)
			alive("later", all{"used": used, "busy": busy, "kept": kept}, nil)
			told := map[string]bool{}
			deleted, err := w.Audit.List(t.Context(), audit.Query{Action: audit.ClientDelete})
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range deleted.Events {
				if event.Actor.Kind == audit.Server && event.Details.Reason == "unused" {
					told[event.Target.ID] = true
				}
			}
			if want := map[string]bool{idle.Text("client_id"): true, unused.Text("client_id"): true}; !maps.Equal(told, want) {
				t.Errorf("the log tells of %v, want %v", told, want)
			}
		})
	}
}

// What is advertised works: a client registers a key and proves itself with it.
func TestRegisteredKeysAreKept(t *testing.T) {
	t.Parallel()
	play(t, []Scenario{
		{Name: "jwks_uri", Want: saying(`"jwks_uri":"https://app.example/jwks"`, `"token_endpoint_auth_method":"private_key_jwt"`), WantNot: []string{"client_secret"}, Do: func(w *World) testx.Answer {
			return w.enroll("", plain.with(object{"jwks": absent, "jwks_uri": "https://app.example/jwks", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256"}))
		}},
		{Name: "no keys at all", Want: jsonError(400, oauth.InvalidClientMetadata), Do: func(w *World) testx.Answer {
			return w.enroll("", plain.with(object{"jwks": absent, "token_endpoint_auth_method": "private_key_jwt"}))
		}},
		{Name: "request_uris, where they are fetched", Want: saying(`"request_uris":["https://app.example/request#x"]`), Do: func(w *World) testx.Answer {
			return w.enroll("", plain.with(object{"request_uris": []string{"https://app.example/request#x"}}))
		}},
		{Name: "keys as they were sent", Want: created, Do: func(w *World) testx.Answer {
			answer := w.enroll("", plain)
			sent, err := json.Marshal(answer.JSON["jwks"])
			if err != nil || !strings.Contains(string(sent), `"kid":"a"`) {
				w.T.Errorf("jwks %s", sent)
			}
			return answer
		}},
	}, withRegistration(registration.Open), unlimited, testx.WithConfig(func(c *config.Config) { c.Requests.RequestURI = true }))
}
