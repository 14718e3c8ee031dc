package discovery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/audit"
	"authly/internal/discovery"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/metadata"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/testx/testkeys"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is another than in the file (-file +got); run with -update if that is meant:\n%s", name, diff)
	}
}

func indented(t *testing.T, document []byte) []byte {
	t.Helper()
	var shown bytes.Buffer
	if err := json.Indent(&shown, document, "", "  "); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, document)
	}
	return append(shown.Bytes(), '\n')
}

func parts(issuer string) discovery.Parts {
	confidential := []oauth.AuthenticationMethod{oauth.ClientSecretBasic, oauth.ClientSecretPost}
	all := append([]oauth.AuthenticationMethod{oauth.AuthenticationMethodNone}, confidential...)
	return discovery.Parts{
		Issuer:                issuer,
		AuthorizationEndpoint: issuer + "/oauth/authorize", TokenEndpoint: issuer + "/oauth/token",
		UserInfoEndpoint: issuer + "/oidc/userinfo", RevocationEndpoint: issuer + "/oauth/revoke",
		IntrospectionEndpoint:      issuer + "/oauth/introspect",
		ResponseTypes:              []oauth.ResponseType{oauth.ResponseTypeCode},
		ResponseModes:              []oauth.ResponseMode{oauth.ResponseModeQuery},
		GrantTypes:                 []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials},
		TokenAuthenticationMethods: all, RevocationAuthenticationMethods: all, IntrospectionAuthenticationMethods: confidential,
		Claims:       []string{"sub", "name"},
		PromptValues: oidc.Prompts(), IDTokenSigningAlgorithms: jose.Algorithms(),
	}
}

// lists are what a test changes while the server runs.
type lists struct {
	discovery.Lists
	err error
}

func (l *lists) get(context.Context) (discovery.Lists, error) { return l.Lists, l.err }

func serve(t *testing.T, deps discovery.Deps) (*discovery.Service, *httptest.Server) {
	t.Helper()
	router := httpx.NewRouter(httpx.Options{Logger: slog.New(slog.DiscardHandler), Clock: clock.System(), Issuer: deps.Parts.Issuer})
	service, handler := discovery.New(deps)
	handler.Mount(router)
	server := httptest.NewServer(router.Handler())
	t.Cleanup(server.Close)
	return service, server
}

// answer is a response that was read to its end.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

func get(t *testing.T, address string, header http.Header) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "evil.example" // nothing may be built from it
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, body}
}

func standard() *lists {
	return &lists{Lists: discovery.Lists{Scopes: []string{"openid", "profile", "offline_access"}}}
}

func emptySet() []byte { return []byte(`{"keys":[]}`) }

// DI-01 and DI-02: the same document at every address, for everybody, cacheable.
func TestDocument(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, issuer, golden string
		paths                []string
	}{
		{"rfc8414-3 issuer without a path", "https://id.example.com", "metadata.json", []string{
			"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		}},
		{"rfc8414-3.1 issuer with a path", "https://id.example.com/t1", "metadata_path.json", []string{
			"/.well-known/openid-configuration/t1", "/.well-known/oauth-authorization-server/t1",
			"/t1/.well-known/openid-configuration", "/t1/.well-known/oauth-authorization-server",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, server := serve(t, discovery.Deps{Parts: parts(test.issuer), Lists: standard().get, JWKS: emptySet})
			for _, path := range test.paths {
				got := get(t, server.URL+path, http.Header{"Origin": {"https://app.example"}})
				if got.code != http.StatusOK {
					t.Fatalf("%s: %d", path, got.code)
				}
				golden(t, test.golden, indented(t, got.body))
				for name, want := range map[string]string{
					"Content-Type": "application/json", "Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*",
					"Access-Control-Allow-Credentials": "", "Set-Cookie": "",
				} {
					if value := got.header.Get(name); value != want {
						t.Errorf("%s: %s is %q, want %q", path, name, value, want)
					}
				}
				again := get(t, server.URL+path, http.Header{"If-None-Match": {got.header.Get("ETag")}})
				if again.code != http.StatusNotModified || len(again.body) != 0 {
					t.Errorf("%s: with the ETag %d and %d bytes", path, again.code, len(again.body))
				}
			}
			for _, path := range metadata.WellKnownPaths(test.issuer) {
				if !slices.Contains(test.paths, path) {
					t.Errorf("%s is not tested", path)
				}
			}
		})
	}
}

func TestDocumentFollowsTheLists(t *testing.T) {
	t.Parallel()
	now := standard()
	service, server := serve(t, discovery.Deps{Parts: parts("https://id.example.com"), Lists: now.get, JWKS: emptySet})
	address := server.URL + "/.well-known/openid-configuration"
	type document struct {
		Scopes []string `json:"scopes_supported"`
	}
	read := func() document {
		got := get(t, address, nil)
		if got.code != http.StatusOK {
			t.Fatalf("got %d", got.code)
		}
		var found document
		if err := json.Unmarshal(got.body, &found); err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got := read().Scopes; !slices.Equal(got, now.Scopes) {
		t.Errorf("scopes %v", got)
	}
	first := service.Document()
	if read(); &first[0] != &service.Document()[0] {
		t.Error("the document was made anew without a reason")
	}
	now.Scopes[0] = "orders" // in the slice that was handed over before
	if got := read().Scopes; !slices.Equal(got, now.Scopes) {
		t.Errorf("scopes %v after one was changed", got)
	}
	now.err = errors.New("the database is gone")
	if got := read().Scopes; !slices.Equal(got, now.Scopes) {
		t.Errorf("scopes %v while the lists can't be had", got)
	}
}

func TestIncomplete(t *testing.T) {
	t.Parallel()
	incomplete := parts("https://id.example.com")
	incomplete.TokenEndpoint = ""
	service, server := serve(t, discovery.Deps{Parts: incomplete, Lists: standard().get, JWKS: emptySet})
	if err := service.Refresh(t.Context()); !errors.Is(err, metadata.ErrIncomplete) {
		t.Errorf("got %v", err)
	}
	if got := get(t, server.URL+"/.well-known/openid-configuration", nil); got.code != http.StatusInternalServerError {
		t.Errorf("a document that can't be made is answered with %d", got.code)
	}
	failing := &lists{err: errors.New("the database is gone")}
	service, _ = serve(t, discovery.Deps{Parts: parts("https://id.example.com"), Lists: failing.get, JWKS: emptySet})
	if err := service.Refresh(t.Context()); !errors.Is(err, failing.err) {
		t.Errorf("got %v", err)
	}
}

// DI-05: public keys with kid, use and alg; the old and the new key side by side.
func TestJWKS(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	sealer, err := secret.NewSealer(secret.New())
	if err != nil {
		t.Fatal(err)
	}
	now := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	database := dbtest.Open(t, db.SQLite)
	signing := keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: now, Logger: slog.New(slog.DiscardHandler), Audit: audit.New(audit.Deps{Database: database, Clock: now}),
		RotationInterval: 90 * day, PublishLead: day, RetainRetired: 60 * day, GenerateKey: testkeys.Generator(),
	})
	if err := signing.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	issuer := "https://id.example.com/t1"
	_, server := serve(t, discovery.Deps{Parts: parts(issuer), Lists: standard().get, JWKS: signing.JWKS})
	document := get(t, server.URL+"/t1/.well-known/openid-configuration", nil).body
	var found struct {
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(document, &found); err != nil || found.JWKSURI != issuer+"/.well-known/jwks.json" {
		t.Errorf("jwks_uri %q, %v", found.JWKSURI, err)
	}
	address := server.URL + "/t1/.well-known/jwks.json"
	before := get(t, address, nil)
	if before.code != http.StatusOK || before.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d, %v", before.code, before.header)
	}
	golden(t, "jwks_shape.json", shape(t, before.body))

	now.Advance(90 * day)
	if err := signing.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := get(t, address, http.Header{"If-None-Match": {before.header.Get("ETag")}, "Origin": {"https://app.example"}})
	if after.code != http.StatusOK || after.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("after the rotation: %d, %v", after.code, after.header)
	}
	published := keyIDs(t, after.body)
	for _, id := range keyIDs(t, before.body) {
		if !slices.Contains(published, id) {
			t.Errorf("key %s is gone as soon as it was rotated", id)
		}
	}
	if len(published) != 12 {
		t.Errorf("%d keys are published after the rotation, want 12", len(published))
	}
}

func keyIDs(t *testing.T, set []byte) []string {
	t.Helper()
	var found struct {
		Keys []struct {
			KeyID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set, &found); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range found.Keys {
		ids = append(ids, key.KeyID)
	}
	return ids
}

// shape replaces what is random in a JWK Set by its length.
func shape(t *testing.T, set []byte) []byte {
	t.Helper()
	var found map[string][]map[string]string
	if err := json.Unmarshal(set, &found); err != nil {
		t.Fatal(err)
	}
	for _, key := range found["keys"] {
		for _, name := range []string{"kid", "n", "x", "y", "d", "p", "q"} {
			if value, there := key[name]; there {
				key[name] = strconv.Itoa(len(value)) + " characters"
			}
		}
	}
	encoded, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	return indented(t, encoded)
}
