package keys_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/testx/testkeys"
)

const (
	day           = 24 * time.Hour
	rotation      = 90 * day
	lead          = day
	retain        = 60 * day
	parallelTries = 32
)

// world is a database, a time and a sealing key that several nodes share.
type world struct {
	t        *testing.T
	database *db.DB
	clock    *clock.Fake
	sealing  secret.Redacted
	generate func(jose.Algorithm) (crypto.Signer, error)
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		test(&world{t, database, clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), secret.New(), testkeys.Generator()})
	})
}

func (w *world) sealer(sealingKeys ...secret.Redacted) *secret.Sealer {
	w.t.Helper()
	created, err := secret.NewSealer(sealingKeys...)
	if err != nil {
		w.t.Fatal(err)
	}
	return created
}

func (w *world) log() *audit.Log { return audit.New(audit.Deps{Database: w.database, Clock: w.clock}) }

// node returns a service as a further process would have it.
func (w *world) node() *keys.Service { return w.nodeWith(w.sealer(w.sealing)) }

func (w *world) nodeWith(sealer keys.Sealer) *keys.Service {
	return keys.New(keys.Deps{
		Database: w.database, Sealer: sealer, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Audit: w.log(), Actor: audit.Actor{Kind: audit.Server},
		RotationInterval: rotation, PublishLead: lead, RetainRetired: retain, GenerateKey: w.generate,
	})
}

// started returns a node that has bootstrapped and ticked once.
func (w *world) started() *keys.Service {
	w.t.Helper()
	node := w.node()
	w.must(node.Bootstrap(w.t.Context()))
	w.must(node.Tick(w.t.Context()))
	return node
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) list(node *keys.Service) []keys.Key {
	w.t.Helper()
	found, err := node.List(w.t.Context())
	w.must(err)
	return found
}

// only returns the one key of an algorithm in a state.
func (w *world) only(node *keys.Service, algorithm jose.Algorithm, state keys.State) keys.Key {
	w.t.Helper()
	found := slices.DeleteFunc(w.list(node), func(key keys.Key) bool { return key.Algorithm != algorithm || key.State != state })
	if len(found) != 1 {
		w.t.Fatalf("%d %s keys are %s, want 1", len(found), algorithm, state)
	}
	return found[0]
}

func (w *world) sign(node *keys.Service, algorithm jose.Algorithm) string {
	w.t.Helper()
	token, err := node.Sign(algorithm, jose.TypeJWT, map[string]string{"sub": "alice"})
	w.must(err)
	return token
}

func (w *world) verify(node *keys.Service, token string) {
	w.t.Helper()
	payload, err := node.Verify(token, jose.TypeJWT)
	w.must(err)
	if string(payload) != `{"sub":"alice"}` {
		w.t.Fatalf("payload %s", payload)
	}
}

// atOnce runs work in goroutines that start together and returns their errors.
func atOnce(count int, work func(i int) error) []error {
	failures := make([]error, count)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			<-start
			failures[i] = work(i)
		})
	}
	close(start)
	group.Wait()
	return failures
}

type jwk struct {
	KeyID     string         `json:"kid"`
	Algorithm jose.Algorithm `json:"alg"`
	Use       string         `json:"use"`
}

func (w *world) published(node *keys.Service) []jwk {
	w.t.Helper()
	var set struct {
		Keys []jwk `json:"keys"`
	}
	w.must(json.Unmarshal(node.JWKS(), &set))
	return set.Keys
}

func TestBootstrap(t *testing.T) {
	each(t, func(w *world) {
		first := w.node()
		if _, err := first.Sign(jose.RS256, jose.TypeJWT, nil); !errors.Is(err, keys.ErrNoKey) {
			w.t.Errorf("signing without a key: %v", err)
		}
		if got := string(first.JWKS()); got != `{"keys":[]}` {
			w.t.Errorf("JWKS without keys: %s", got)
		}
		w.must(first.Bootstrap(w.t.Context()))
		if got, want := first.Algorithms(), []jose.Algorithm{jose.RS256, jose.ES256}; !slices.Equal(got, want) {
			w.t.Errorf("algorithms %v, want %v", got, want)
		}
		created := w.list(first)
		if len(created) != 2 {
			w.t.Fatalf("%d keys, want 2", len(created))
		}
		for _, key := range created {
			if key.State != keys.Active || !key.CreatedAt.Equal(w.clock.Now()) || !key.ActivatedAt.Equal(w.clock.Now()) || !key.RetiredAt.IsZero() {
				w.t.Errorf("key %+v", key)
			}
		}

		w.clock.Advance(time.Hour)
		second := w.node()
		w.must(second.Bootstrap(w.t.Context()))
		if got := w.list(second); !slices.Equal(got, created) {
			w.t.Errorf("a second start changed the keys: %+v", got)
		}
		w.verify(second, w.sign(first, jose.RS256))
		w.verify(first, w.sign(second, jose.ES256))
	})
}

func TestBootstrapRace(t *testing.T) {
	each(t, func(w *world) {
		nodes := make([]*keys.Service, parallelTries)
		for i := range nodes {
			nodes[i] = w.node()
		}
		for _, err := range atOnce(len(nodes), func(i int) error { return nodes[i].Bootstrap(w.t.Context()) }) {
			w.must(err)
		}
		if got := len(w.list(nodes[0])); got != 2 {
			w.t.Fatalf("%d keys, want 2", got)
		}
		for _, node := range nodes {
			if string(node.JWKS()) != string(nodes[0].JWKS()) {
				w.t.Error("nodes publish different keys")
			}
			for _, algorithm := range node.Algorithms() {
				w.verify(nodes[0], w.sign(node, algorithm))
			}
		}
	})
}

func TestTickMakesTheRest(t *testing.T) {
	each(t, func(w *world) {
		node := w.started()
		if got := node.Algorithms(); !slices.Equal(got, jose.Algorithms()) {
			w.t.Errorf("algorithms %v", got)
		}
		for _, algorithm := range jose.Algorithms() {
			active, next := w.only(node, algorithm, keys.Active), w.only(node, algorithm, keys.Next)
			if active.ID == next.ID || !next.ActivatedAt.IsZero() {
				w.t.Errorf("%s: active %+v, next %+v", algorithm, active, next)
			}
			token := w.sign(node, algorithm)
			w.verify(node, token)
			for _, other := range jose.Algorithms() {
				if _, err := node.Verify(token, jose.TypeJWT, other); (err == nil) != (other == algorithm) {
					w.t.Errorf("a token of %s checked for %s: %v", algorithm, other, err)
				}
			}
			if _, err := node.Verify(token, jose.TypeAccessToken); err == nil {
				w.t.Error("a token of another type was accepted")
			}
		}
		before := w.list(node)
		w.must(node.Tick(w.t.Context()))
		if got := w.list(node); !slices.Equal(got, before) {
			w.t.Errorf("a tick without a reason changed the keys: %+v", got)
		}
	})
}

// rfc7517-4 and 5: public members only, and each key says what it is for.
func TestJWKS(t *testing.T) {
	each(t, func(w *world) {
		node := w.started()
		published := w.published(node)
		listed := w.list(node)
		if len(published) != 8 || len(listed) != 8 {
			w.t.Fatalf("%d keys published, %d listed, want 8", len(published), len(listed))
		}
		for i, key := range published {
			if key.Use != "sig" || key.KeyID != listed[i].ID || key.Algorithm != listed[i].Algorithm {
				w.t.Errorf("published %+v for %+v", key, listed[i])
			}
		}
		for _, private := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`, `"k"`} {
			if strings.Contains(string(node.JWKS()), private) {
				w.t.Errorf("the JWK Set has a private member %s", private)
			}
		}
	})
}

func TestEnsure(t *testing.T) {
	each(t, func(w *world) {
		node, other := w.node(), w.node()
		w.must(node.Bootstrap(w.t.Context()))
		w.must(other.Bootstrap(w.t.Context()))
		failures := atOnce(parallelTries, func(i int) error {
			return []*keys.Service{node, other}[i%2].Ensure(w.t.Context(), jose.EdDSA)
		})
		for _, err := range failures {
			w.must(err)
		}
		w.only(node, jose.EdDSA, keys.Active)
		w.verify(other, w.sign(node, jose.EdDSA))
		if err := node.Ensure(w.t.Context(), "HS256"); !errors.Is(err, jose.ErrUnsupported) {
			w.t.Errorf("HS256: %v", err)
		}
		cancelled, cancel := context.WithCancel(w.t.Context())
		cancel()
		if err := node.Ensure(cancelled, jose.EdDSA); err != nil {
			w.t.Errorf("a key that is there needs no database: %v", err)
		}
		if err := node.Ensure(cancelled, jose.PS256); err == nil {
			w.t.Error("no error although the key could not be stored")
		}
	})
}

func TestSealing(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		w.must(w.node().Bootstrap(ctx))

		stranger := w.nodeWith(w.sealer(secret.New()))
		err := stranger.Bootstrap(ctx)
		if !errors.Is(err, keys.ErrUnfitSealingKey) || !strings.Contains(err.Error(), "the sealing key does not fit this database") {
			w.t.Errorf("another sealing key: %v", err)
		}
		if got := stranger.Algorithms(); len(got) != 0 {
			w.t.Errorf("it signs all the same: %v", got)
		}
		if _, err := stranger.Rotate(ctx, keys.RotateOptions{Force: true}); !errors.Is(err, keys.ErrUnfitSealingKey) {
			w.t.Errorf("rotation with another sealing key: %v", err)
		}
		if got := len(w.list(stranger)); got != 2 {
			w.t.Errorf("%d keys after the failures, want 2", got)
		}
		w.must(w.nodeWith(w.sealer(secret.New(), w.sealing)).Bootstrap(ctx)) // a sealing key that is being replaced

		// Whoever can write to the table must not be able to pass off one key as another.
		_, err = w.database.Write(ctx).Exec(ctx, `
			UPDATE signing_keys SET private_key = (SELECT private_key FROM signing_keys WHERE algorithm = 'ES256')
			WHERE algorithm = 'RS256'`)
		w.must(err)
		if err := w.node().Bootstrap(ctx); !errors.Is(err, secret.ErrNotSealedHere) {
			w.t.Errorf("a key in another row: %v", err)
		}
	})
}

func TestSecret(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		nodes := make([]*keys.Service, parallelTries)
		found := make([]secret.Redacted, len(nodes))
		for i := range nodes {
			nodes[i] = w.node()
		}
		for _, err := range atOnce(len(nodes), func(i int) (err error) {
			found[i], err = nodes[i].Secret(ctx, "refresh")
			return err
		}) {
			w.must(err)
		}
		for _, each := range found {
			if len(each.Reveal()) != 43 || !each.Equal(found[0]) {
				w.t.Fatal("nodes have different secrets")
			}
		}
		other, err := nodes[0].Secret(ctx, "other")
		w.must(err)
		if other.Equal(found[0]) {
			w.t.Error("two names have the same secret")
		}
		later := w.node()
		w.must(later.Bootstrap(ctx))
		again, err := later.Secret(ctx, "refresh")
		w.must(err)
		if !again.Equal(found[0]) {
			w.t.Error("the secret is another one after a restart")
		}
		if _, err := later.Secret(ctx, ""); err == nil {
			w.t.Error("a secret without a name")
		}
		var stored []byte
		w.must(w.database.Read(ctx).QueryRow(ctx, `SELECT value FROM sealed_secrets WHERE name = 'refresh'`).Scan(&stored))
		if strings.Contains(string(stored), found[0].Reveal()) {
			w.t.Error("the secret is stored as it is")
		}
	})
}

// A database that has no keys yet but secrets must not be started with another
// sealing key either.
func TestSecretUnderAnotherSealingKey(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		_, err := w.node().Secret(ctx, "refresh")
		w.must(err)
		stranger := w.nodeWith(w.sealer(secret.New()))
		if err := stranger.Bootstrap(ctx); !errors.Is(err, keys.ErrUnfitSealingKey) {
			w.t.Errorf("bootstrap: %v", err)
		}
		if _, err := stranger.Secret(ctx, "refresh"); !errors.Is(err, keys.ErrUnfitSealingKey) {
			w.t.Errorf("secret: %v", err)
		}
		if got := len(w.list(stranger)); got != 0 {
			w.t.Errorf("%d keys were made", got)
		}
	})
}
