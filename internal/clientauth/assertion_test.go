package clientauth_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/clientauth"
	"authly/internal/clientkeys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/jwks"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// signedAssertion registers a client with a key and returns it with a way to sign
// its assertions, by their jti and what they have left to live.
func signedAssertion(t *testing.T, clients *client.Service, now *clock.Fake) (client.Client, func(id string, lifetime time.Duration) secret.Redacted) {
	t.Helper()
	signer, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	key := jose.SigningKey{KeyID: "1", Algorithm: jose.ES256, Signer: signer}
	document, err := jose.JWKS([]jose.VerificationKey{key.Verification()})
	if err != nil {
		t.Fatal(err)
	}
	made, err := clients.Register(t.Context(), client.Metadata{
		Name: "App", RedirectURIs: []string{"https://app.example/callback"}, AuthenticationMethod: oauth.PrivateKeyJWT, JWKS: document,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made.Client, func(id string, lifetime time.Duration) secret.Redacted {
		token, err := jose.Sign(key, "", map[string]any{
			"iss": made.Client.ClientID, "sub": made.Client.ClientID, "aud": "https://id.example", "jti": id, "exp": now.Now().Add(lifetime).Unix(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return secret.FromString(token)
	}
}

// An assertion is used once among all nodes, also by many at once, and what is known
// about it is kept for as long as it would be accepted, and no longer.
func TestAssertionsAreUsedOnceByAllNodes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		beyond, now := &manyFailures{}, clock.NewFake(noon)
		clients := client.NewService(client.Deps{Database: database, Clock: now, Keys: beyond, Issued: beyond})
		node := func() *clientauth.Service {
			return clientauth.New(clientauth.Deps{
				Database: database, Clients: clients, Keys: clientkeys.New(jwks.New(nil, now, nil)), Clock: now, Failures: beyond, Audit: audit.New(audit.Deps{Database: database, Clock: now}),
				Issuer: "https://id.example", TokenEndpoint: "https://id.example/oauth/token",
			})
		}
		nodes := []*clientauth.Service{node(), node()}
		known, sign := signedAssertion(t, clients, now)
		uses := func(assertion secret.Redacted) error {
			_, err := nodes[1].Authenticate(t.Context(), clientauth.Credentials{ClientID: known.ClientID, Assertion: assertion})
			return err
		}
		assertion := sign("one", time.Minute)
		var accepted atomic.Int32
		var running sync.WaitGroup
		for i := range 32 {
			running.Go(func() {
				_, err := nodes[i%2].Authenticate(t.Context(), clientauth.Credentials{ClientID: known.ClientID, Assertion: assertion})
				if err == nil {
					accepted.Add(1)
				} else if oauth.CodeOf(err) != oauth.InvalidClient {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if accepted.Load() != 1 {
			t.Errorf("accepted %d times", accepted.Load())
		}
		rows := func() (count int) {
			if err := database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM used_assertions`).Scan(&count); err != nil {
				t.Fatal(err)
			}
			return count
		}
		for _, step := range []struct {
			advance time.Duration
			rows    int
		}{{119 * time.Second, 1}, {time.Second, 0}} {
			now.Advance(step.advance)
			if err := nodes[0].Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := rows(); got != step.rows {
				t.Errorf("%d rows, want %d", got, step.rows)
			}
			if err := uses(assertion); oauth.CodeOf(err) != oauth.InvalidClient {
				t.Errorf("used again after a sweep: %v", err)
			}
		}
		if err := uses(sign("one", time.Minute)); err != nil {
			t.Errorf("the same identifier in another assertion, when the first is forgotten: %v", err)
		}
		if err := clients.Delete(t.Context(), known.ID); err != nil || rows() != 0 {
			t.Errorf("the client was deleted: %d rows, %v", rows(), err)
		}
	})
}

// manyFailures never refuses, from many goroutines.
type manyFailures struct{ outside }

func (*manyFailures) Failed(context.Context) error { return nil }
