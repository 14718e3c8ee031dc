package logout_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/keys"
	"authly/internal/logout"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/delivery"
	"authly/internal/platform/egress"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/policy"
	"authly/internal/session"
	"authly/internal/subject"
	"authly/internal/testx/testkeys"
)

const issuer = "https://id.example"

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// nothing is for clients to which nothing was issued.
type nothing struct{}

func (nothing) EndAllOfClient(context.Context, uuid.UUID) error { return nil }

// world is everything around deliveries, all of it real.
type world struct {
	t        *testing.T
	database *db.DB
	clock    *clock.Fake
	keys     *keys.Service
	outbox   *logout.Outbox
	sessions *session.Service
	clients  *client.Service
	subjects *subject.Service
	party    *party
	log      *audit.Log
}

func newWorld(t *testing.T, database *db.DB) *world {
	t.Helper()
	w := &world{t: t, database: database, clock: clock.NewFake(start), subjects: subject.New(secret.New()), party: newParty(t)}
	sealer, err := secret.NewSealer(secret.NewSealingKey())
	w.must(err)
	w.log = audit.New(audit.Deps{Database: database, Clock: w.clock, Sealer: sealer})
	w.keys = keys.New(keys.Deps{
		Database: database, Sealer: sealer, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Audit: w.log,
		RotationInterval: 90 * 24 * time.Hour, PublishLead: 24 * time.Hour, RetainRetired: 60 * 24 * time.Hour, GenerateKey: testkeys.Generator(),
	})
	w.must(w.keys.Bootstrap(t.Context()))
	w.outbox = logout.NewOutbox(database, w.clock)
	w.sessions = session.NewService(session.Deps{
		Database: database, Clock: w.clock, Lifetime: policy.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour}, Endings: w.outbox,
	})
	w.clients = client.NewService(client.Deps{Database: database, Clock: w.clock, Keys: w.keys, Issued: nothing{}})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// asking returns the client that asks others, for this machine too.
func (w *world) asking(loopback egress.Loopback) *egress.Client {
	return egress.New(egress.Options{Roots: w.party.roots, Loopback: loopback})
}

func (w *world) deliverer(poster logout.Poster) *logout.Deliverer {
	return logout.NewDeliverer(logout.DelivererDeps{
		Outbox: w.outbox, Issuer: issuer, Keys: w.keys, Clients: w.clients, Subjects: w.subjects, Poster: poster, Logger: slog.New(slog.DiscardHandler),
	})
}

func (w *world) deliver() {
	w.t.Helper()
	w.must(w.deliverer(w.asking(egress.LoopbackAllowed)).Deliver(w.t.Context()))
}

// client registers a client that is told at a path of the relying party.
func (w *world) client(path string, change func(*client.Metadata)) client.Client {
	w.t.Helper()
	registration := client.Metadata{Name: "App", RedirectURIs: []string{"https://app.example/callback"}, BackChannelLogoutURI: w.party.url + path}
	if change != nil {
		change(&registration)
	}
	made, err := w.clients.Register(w.t.Context(), registration)
	w.must(err)
	return made.Client
}

// recognized is a user whose sign-in is not what is tested.
type recognized uuid.UUID

func (k recognized) Admit(context.Context) (uuid.UUID, error) { return uuid.UUID(k), nil }

// session starts a session of a new user in which clients take part.
func (w *world) session(parts ...client.Client) session.Session {
	w.t.Helper()
	user, name := uuid.New(), "user"+uuid.NewString()
	_, err := w.database.Write(w.t.Context()).Exec(w.t.Context(), `INSERT INTO users (id, username, username_folded, email_verified, state,
		administrator, require_password_change, phone_number_verified, created_at, updated_at)
		VALUES ($1, $2, $2, $3, 'active', $3, $3, $3, $4, $4)`, user, name, false, w.clock.Now())
	w.must(err)
	started, _, err := w.sessions.Start(w.t.Context(), session.New{Person: recognized(user)})
	w.must(err)
	for _, part := range parts {
		w.must(w.outbox.TookPart(w.t.Context(), started.ID, part.ID))
		w.must(w.outbox.TookPart(w.t.Context(), started.ID, part.ID)) // each sign-in says so
	}
	return started
}

func (w *world) end(sessions ...session.Session) {
	w.t.Helper()
	for _, each := range sessions {
		_, err := w.sessions.End(w.t.Context(), each.ID)
		w.must(err)
	}
}

// only returns the one delivery to a client.
func (w *world) only(known client.Client) delivery.Delivery {
	w.t.Helper()
	found, err := w.outbox.Deliveries(w.t.Context(), known.ID)
	w.must(err)
	if len(found) != 1 {
		w.t.Fatalf("%d deliveries, want 1", len(found))
	}
	return found[0]
}

// token reads a logout token as a client has to (Back-Channel Logout 1.0 section 2.6).
func (w *world) token(raw string) map[string]any {
	w.t.Helper()
	payload, err := w.keys.Verify(raw, jose.TypeLogoutToken)
	w.must(err)
	claims := map[string]any{}
	w.must(json.Unmarshal(payload, &claims))
	return claims
}

// party is a relying party: it notes what it is sent and answers as it is told.
type party struct {
	url   string
	roots *x509.CertPool

	mu       sync.Mutex
	received map[string][]url.Values // by path
	answers  map[string][]int        // by path; the last one stays
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{received: map[string][]url.Values{}, answers: map[string][]int{}, roots: x509.NewCertPool()}
	server := httptest.NewTLSServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	p.roots.AddCert(server.Certificate())
	return p
}

func (p *party) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	form, malformed := url.ParseQuery(string(body))
	if err != nil || malformed != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		form = url.Values{"malformed": {r.Method + " " + r.Header.Get("Content-Type")}}
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/slow"):
		p.note(r.URL.Path, form)
		<-r.Context().Done() // headers never come
		return
	case strings.HasPrefix(r.URL.Path, "/drip"):
		p.note(r.URL.Path, form)
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("."))
			_ = http.NewResponseController(w).Flush()
			<-time.After(20 * time.Millisecond)
		}
		return
	case strings.HasPrefix(r.URL.Path, "/huge"):
		p.note(r.URL.Path, form)
		for range 1024 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
		return
	case strings.HasPrefix(r.URL.Path, "/away"):
		w.Header().Set("Location", "http://169.254.169.254/latest/meta-data/")
	case strings.HasPrefix(r.URL.Path, "/around"):
		w.Header().Set("Location", "/followed")
	}
	w.WriteHeader(p.note(r.URL.Path, form))
}

// note writes down a request and returns the status for it, 200 if none was set.
func (p *party) note(path string, form url.Values) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received[path] = append(p.received[path], form)
	answers := p.answers[path]
	if len(answers) == 0 {
		return http.StatusOK
	}
	if len(answers) > 1 {
		p.answers[path] = answers[1:]
	}
	return answers[0]
}

func (p *party) answer(path string, statuses ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[path] = statuses
}

func (p *party) at(path string) []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received[path])
}
