package keys_test

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
)

// Two nodes live through two years, of which one looks after its keys a day later
// than the other. What a client relies on must hold on each day.
func TestRotationOverTwoYears(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		punctual, late := w.started(), w.started()
		type issued struct {
			token string
			at    time.Time
		}
		var tokens []issued
		firstSeen := map[string]time.Time{} // when a key was first in the late node's set
		started := w.clock.Now()
		signers := map[string]bool{}
		for range 2 * 365 {
			for _, node := range []*keys.Service{punctual, late} {
				for _, key := range w.published(node) {
					if _, seen := firstSeen[key.KeyID]; !seen {
						firstSeen[key.KeyID] = w.clock.Now()
					}
				}
			}
			for _, node := range []*keys.Service{punctual, late} {
				tokens = append(tokens, issued{w.sign(node, jose.ES256), w.clock.Now()})
			}
			active := w.only(punctual, jose.ES256, keys.Active)
			signers[active.ID] = true
			if published := firstSeen[active.ID]; active.ActivatedAt.Sub(published) < lead && published.After(started) {
				w.t.Fatalf("key %s signs from %s and was published at %s", active.ID, active.ActivatedAt, published)
			}
			w.only(punctual, jose.ES256, keys.Next)
			tokens = slices.DeleteFunc(tokens, func(token issued) bool { return w.clock.Now().Sub(token.at) >= retain-day })
			for i, token := range tokens {
				if i%7 == 0 || i >= len(tokens)-2 {
					w.verify(punctual, token.token)
					w.verify(late, token.token)
				}
			}
			w.must(late.Tick(ctx))
			w.clock.Advance(day)
			w.must(punctual.Tick(ctx))
		}
		if len(signers) != 9 { // 730 days of 90 each
			w.t.Errorf("%d keys have signed, want 9", len(signers))
		}
		if got := len(w.list(punctual)); got > 3*len(jose.Algorithms()) {
			w.t.Errorf("%d keys are left: retired ones are not deleted", got)
		}
	})
}

// A server that comes back after a long time publishes the next key before it lets it sign.
func TestOverdueRotationWaitsForTheLead(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		w.must(w.node().Bootstrap(ctx))
		active := w.only(w.node(), jose.RS256, keys.Active)
		w.clock.Advance(2 * rotation)
		node := w.started()
		w.clock.Advance(lead - time.Microsecond)
		w.must(node.Tick(ctx))
		if got := w.only(node, jose.RS256, keys.Active); got.ID != active.ID {
			w.t.Errorf("%s signs before the lead is over", got.ID)
		}
		w.clock.Advance(time.Microsecond)
		w.must(node.Tick(ctx))
		if got := w.only(node, jose.RS256, keys.Retired); got.ID != active.ID {
			w.t.Errorf("%s is retired, want %s", got.ID, active.ID)
		}
	})
}

func TestRetiredKeysAreDeleted(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		node := w.started()
		token := w.sign(node, jose.RS256)
		w.clock.Advance(rotation)
		w.must(node.Tick(ctx))
		retired := w.only(node, jose.RS256, keys.Retired)
		if !retired.RetiredAt.Equal(w.clock.Now()) {
			w.t.Errorf("retired at %s", retired.RetiredAt)
		}
		w.clock.Advance(retain - time.Microsecond)
		w.must(node.Tick(ctx))
		w.verify(node, token)
		w.clock.Advance(time.Microsecond)
		w.must(node.Tick(ctx))
		if _, err := node.Verify(token, jose.TypeJWT); !errors.Is(err, jose.ErrInvalidToken) {
			w.t.Errorf("the key of the token is deleted, and it is still accepted: %v", err)
		}
		if got := len(w.published(node)); got != 8 {
			w.t.Errorf("%d keys are published, want 8", got)
		}
	})
}

func TestRotationRace(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		nodes := make([]*keys.Service, 4)
		for i := range nodes {
			nodes[i] = w.started()
		}
		before := w.list(nodes[0])
		w.clock.Advance(rotation)
		for _, err := range atOnce(parallelTries, func(i int) error { return nodes[i%len(nodes)].Tick(ctx) }) {
			w.must(err)
		}
		for _, algorithm := range jose.Algorithms() {
			isBefore := func(state keys.State) func(keys.Key) bool {
				return func(key keys.Key) bool { return key.Algorithm == algorithm && key.State == state }
			}
			wasNext := before[slices.IndexFunc(before, isBefore(keys.Next))]
			wasActive := before[slices.IndexFunc(before, isBefore(keys.Active))]
			if got := w.only(nodes[0], algorithm, keys.Active); got.ID != wasNext.ID {
				w.t.Errorf("%s: %s signs, want %s", algorithm, got.ID, wasNext.ID)
			}
			if got := w.only(nodes[0], algorithm, keys.Retired); got.ID != wasActive.ID {
				w.t.Errorf("%s: %s is retired, want %s", algorithm, got.ID, wasActive.ID)
			}
			w.only(nodes[0], algorithm, keys.Next)
		}
		for _, node := range nodes {
			w.must(node.Tick(ctx))
			if string(node.JWKS()) != string(nodes[0].JWKS()) {
				w.t.Error("nodes publish different keys")
			}
		}
	})
}

func TestRotate(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		if _, err := w.node().Rotate(ctx, keys.RotateOptions{Force: true}); fault.KindOf(err) != fault.NotFound {
			w.t.Errorf("without any key: %v", err)
		}
		server, command := w.started(), w.node()
		before := w.list(server)
		w.clock.Advance(lead - time.Microsecond)
		if _, err := command.Rotate(ctx, keys.RotateOptions{}); fault.KindOf(err) != fault.Conflict {
			w.t.Errorf("before the lead is over: %v", err)
		}
		if _, err := command.Rotate(ctx, keys.RotateOptions{Algorithms: []jose.Algorithm{"HS256"}}); fault.KindOf(err) != fault.NotFound {
			w.t.Errorf("an algorithm without a key: %v", err)
		}
		if got := w.list(server); !slices.Equal(got, before) {
			w.t.Fatalf("a refusal changed the keys: %+v", got)
		}

		w.clock.Advance(time.Microsecond)
		next := w.only(server, jose.ES256, keys.Next)
		token := w.sign(server, jose.ES256)
		rotated, err := command.Rotate(ctx, keys.RotateOptions{Algorithms: []jose.Algorithm{jose.ES256}})
		w.must(err)
		if len(rotated) != 1 || rotated[0].ID != next.ID || rotated[0].State != keys.Active || !rotated[0].ActivatedAt.Equal(w.clock.Now()) {
			w.t.Errorf("rotated %+v, want %s", rotated, next.ID)
		}
		w.verify(server, w.sign(command, jose.ES256)) // before it knows of the rotation
		w.must(server.Tick(ctx))
		w.verify(server, token)
		if w.only(server, jose.ES256, keys.Next).ID == next.ID {
			w.t.Error("there is no new next key")
		}

		// The new next key is too young for ES256, and then nothing is rotated at all.
		if _, err := command.Rotate(ctx, keys.RotateOptions{}); fault.KindOf(err) != fault.Conflict {
			w.t.Errorf("one of four is too young: %v", err)
		}
		w.only(server, jose.EdDSA, keys.Active)
		rotated, err = command.Rotate(ctx, keys.RotateOptions{Force: true})
		w.must(err)
		if len(rotated) != len(jose.Algorithms()) {
			w.t.Errorf("%d keys were rotated by force", len(rotated))
		}
		w.verify(command, token)
	})
}

// The command line may be used on a database whose server never ran for long
// enough to make next keys.
func TestRotateWithoutNextKey(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		node := w.node()
		w.must(node.Bootstrap(ctx))
		if _, err := node.Rotate(ctx, keys.RotateOptions{}); fault.KindOf(err) != fault.Conflict {
			w.t.Errorf("got %v", err)
		}
		published := w.only(node, jose.RS256, keys.Next)
		w.clock.Advance(lead)
		rotated, err := node.Rotate(ctx, keys.RotateOptions{})
		w.must(err)
		if len(rotated) != 2 || rotated[0].ID != published.ID {
			w.t.Errorf("rotated %+v", rotated)
		}
	})
}

func TestForcedRotationRace(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		w.must(w.node().Bootstrap(ctx))
		succeeded := 0
		for _, err := range atOnce(parallelTries, func(int) error {
			_, err := w.node().Rotate(ctx, keys.RotateOptions{Algorithms: []jose.Algorithm{jose.ES256}, Force: true})
			return err
		}) {
			switch {
			case err == nil:
				succeeded++
			case fault.KindOf(err) != fault.Conflict:
				w.t.Errorf("got %v", err)
			}
		}
		node := w.node()
		w.must(node.Bootstrap(ctx))
		w.only(node, jose.ES256, keys.Active)
		w.only(node, jose.ES256, keys.Next)
		retired := slices.DeleteFunc(w.list(node), func(key keys.Key) bool { return key.State != keys.Retired })
		if succeeded == 0 || len(retired) != succeeded {
			w.t.Errorf("%d rotations succeeded, and %d keys are retired", succeeded, len(retired))
		}
		w.verify(node, w.sign(node, jose.ES256))
	})
}

// told is a log handler that passes on the messages.
type told struct {
	slog.Handler
	messages chan string
}

func (h told) Enabled(context.Context, slog.Level) bool { return true }

func (h told) Handle(_ context.Context, record slog.Record) error {
	h.messages <- record.Message
	return nil
}

func TestRun(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, db.SQLite)
	sealer, err := secret.NewSealer(secret.New())
	if err != nil {
		t.Fatal(err)
	}
	messages := make(chan string, 100)
	node := keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: clock.System(), Audit: audit.New(audit.Deps{Database: database, Clock: clock.System()}),
		Logger:           slog.New(told{slog.DiscardHandler, messages}),
		RotationInterval: rotation, PublishLead: lead, RetainRetired: retain,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	for range 2 * len(jose.Algorithms()) {
		if got := <-messages; got != "signing key made" {
			t.Errorf("told %q", got)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// A tick that fails is told and leaves the keys in memory as they are.
func TestRunFailing(t *testing.T) {
	t.Parallel()
	database, err := db.Open(t.Context(), dbtest.Empty(t, db.SQLite)) // has no tables
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = database.Close() }()
	messages := make(chan string, 100)
	node := keys.New(keys.Deps{
		Database: database, Clock: clock.System(), Logger: slog.New(told{slog.DiscardHandler, messages}),
		RotationInterval: rotation, PublishLead: lead, RetainRetired: retain,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	if got := <-messages; got != "signing key maintenance failed" {
		t.Errorf("told %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// A panic in the maintenance of keys does not end the process: it is logged with its stack, and the keys go on.
func TestRunPanicking(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, db.SQLite)
	sealer, err := secret.NewSealer(secret.New())
	if err != nil {
		t.Fatal(err)
	}
	var log lines
	node := keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: clock.System(), Audit: audit.New(audit.Deps{Database: database, Clock: clock.System()}),
		Logger:           slog.New(slog.NewJSONHandler(&log, nil)),
		RotationInterval: rotation, PublishLead: lead, RetainRetired: retain,
		GenerateKey: func(jose.Algorithm) (crypto.Signer, error) { panic("no entropy") },
	})
	ctx, cancel := context.WithCancel(t.Context())
	log.written = cancel
	if err := node.Run(ctx); err != nil {
		t.Errorf("run: %v", err)
	}
	if text := log.text.String(); !strings.Contains(text, "signing key maintenance failed") || !strings.Contains(text, "panic: no entropy") || !strings.Contains(text, "rotation_test.go") {
		t.Errorf("the log says %s", text)
	}
}

// lines is a log that says when something was written.
type lines struct {
	text    strings.Builder
	written func()
}

// Write takes a line.
func (l *lines) Write(line []byte) (int, error) {
	defer l.written()
	return l.text.Write(line)
}

func BenchmarkSign(b *testing.B) {
	sealer, err := secret.NewSealer(secret.New())
	if err != nil {
		b.Fatal(err)
	}
	database := dbtest.Open(b, db.SQLite)
	node := keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: clock.System(), Logger: slog.New(slog.DiscardHandler),
		Audit:            audit.New(audit.Deps{Database: database, Clock: clock.System()}),
		RotationInterval: rotation, PublishLead: lead, RetainRetired: retain,
	})
	claims := map[string]any{
		"iss": "https://id.example.com", "sub": "01890a5d-ac96-774b-bcce-b302099a8057", "aud": "client_2b7e151628aed2a6",
		"iat": 1700000000, "exp": 1700000600, "jti": "01890a5d-ac96-774b-bcce-b302099a8058", "scope": "openid profile email",
	}
	for _, algorithm := range jose.Algorithms() {
		if err := node.Ensure(b.Context(), algorithm); err != nil {
			b.Fatal(err)
		}
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(loop *testing.PB) {
				for loop.Next() {
					if _, err := node.Sign(algorithm, jose.TypeAccessToken, claims); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
