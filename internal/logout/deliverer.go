package logout

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oidc"
)

// Poster asks others; [egress.Client] does.
type Poster interface {
	Do(ctx context.Context, request egress.Request) (egress.Response, error)
}

// Signer signs logout tokens.
type Signer interface {
	Sign(algorithm jose.Algorithm, typ string, claims any) (string, error)
}

// ClientKeys encrypts to a client.
type ClientKeys interface {
	Encrypt(ctx context.Context, known client.Client, how client.Encryption, signed string) (string, error)
}

// ClientRecords finds clients by their records.
type ClientRecords interface {
	FindByRecord(ctx context.Context, record uuid.UUID) (client.Client, error)
}

// DelivererDeps is what a deliverer needs.
type DelivererDeps struct {
	Outbox   *Outbox
	Issuer   string
	Keys     Signer
	Clients  ClientRecords
	Subjects Subjects
	Poster   Poster
	Logger   *slog.Logger
	// ClientKeys may be nil; then clients that have their ID tokens encrypted are not told.
	ClientKeys ClientKeys
}

// Deliverer sends logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.5).
type Deliverer struct {
	store store
	clock clock.Clock
	deps  DelivererDeps
}

// NewDeliverer returns a deliverer.
func NewDeliverer(deps DelivererDeps) *Deliverer {
	return &Deliverer{store: deps.Outbox.store, clock: deps.Outbox.clock, deps: deps}
}

// The bounds of deliveries.
const (
	deliveryTimeout = 5 * time.Second
	// claimLifetime is after how long an attempt that was never heard of again is
	// repeated. It is longer than an attempt can take.
	claimLifetime = time.Minute
	maxAttempts   = 5
	recordWithin  = 10 * time.Second
)

// pause returns how long to wait after an attempt: about an hour in all.
func pause(attempts int) time.Duration {
	switch attempts {
	case 1:
		return time.Minute
	case 2:
		return 5 * time.Minute
	case 3:
		return 15 * time.Minute
	default:
		return 40 * time.Minute
	}
}

// deliver makes one attempt and writes down what came of it.
func (d *Deliverer) deliver(ctx context.Context, claimed Delivery) error {
	known, err := d.deps.Clients.FindByRecord(ctx, claimed.Client)
	if fault.KindOf(err) == fault.NotFound {
		return nil // its deliveries went with it
	}
	if err != nil {
		return err
	}
	done := d.attempt(ctx, known, claimed)
	if ctx.Err() != nil {
		return ctx.Err() // cut short by the end of the server: nothing is known
	}
	now := d.clock.Now()
	if done.Outcome == Pending && done.Attempts >= maxAttempts {
		done.Outcome = GivenUp
	}
	if done.Outcome == Pending {
		done.NextAttemptAt = now.Add(pause(done.Attempts))
	} else {
		done.FinishedAt = &now
	}
	level := slog.LevelInfo
	if done.Outcome != Delivered {
		level = slog.LevelWarn
	}
	d.deps.Logger.Log(ctx, level, "logout token", slog.String("client_id", known.ClientID), slog.String("outcome", string(done.Outcome)),
		slog.Int("attempts", done.Attempts), slog.Int("status", done.LastStatus), slog.String("problem", string(done.LastProblem)))
	// What was delivered is written down even when the server is being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	return d.store.record(ctx, done)
}

// attempt sends a token that is made for it (section 2.5).
func (d *Deliverer) attempt(ctx context.Context, known client.Client, delivery Delivery) Delivery {
	delivery.LastStatus, delivery.LastProblem = 0, NoProblem
	if known.BackChannelLogoutURI == "" || !known.IsActive() {
		delivery.Outcome, delivery.LastProblem = Undeliverable, NoAddress
		return delivery
	}
	token, problem := d.token(ctx, known, delivery)
	if problem != NoProblem {
		delivery.LastProblem = problem
		return delivery
	}
	answer, err := d.deps.Poster.Do(ctx, egress.Request{
		Method: "POST", URL: known.BackChannelLogoutURI, ContentType: "application/x-www-form-urlencoded",
		Body: []byte(url.Values{"logout_token": {token}}.Encode()), Timeout: deliveryTimeout,
	})
	if err != nil {
		delivery.LastProblem = problemOf(err)
		if delivery.LastProblem == AddressRefused {
			delivery.Outcome = Undeliverable
		}
		return delivery
	}
	// Section 2.8: 200 for success, which some frameworks turn into 204; 400 for a
	// logout that failed, which trying again does not change.
	delivery.LastStatus = answer.Status
	switch answer.Status {
	case 200, 204:
		delivery.Outcome = Delivered
	case 400:
		delivery.Outcome, delivery.LastProblem = Refused, WrongStatus
	default:
		delivery.LastProblem = WrongStatus
	}
	return delivery
}

// token makes the logout token. It is encrypted where the client's ID tokens are
// (section 2.4).
func (d *Deliverer) token(ctx context.Context, known client.Client, delivery Delivery) (string, Problem) {
	signed, err := d.deps.Keys.Sign(known.IDTokenAlgorithm, jose.TypeLogoutToken, oidc.LogoutToken{
		ID: id.New().String(), Issuer: d.deps.Issuer, ClientID: known.ClientID, Subject: d.deps.Subjects.Of(known, delivery.UserID),
		SessionID: d.deps.Subjects.SessionOf(known, delivery.SessionID), IssuedAt: d.clock.Now(),
	}.Claims())
	if err != nil {
		d.deps.Logger.ErrorContext(ctx, "a logout token can't be signed", slog.String("client_id", known.ClientID), slog.Any("error", err))
		return "", NotSigned
	}
	if known.IDTokenEncryption == (client.Encryption{}) {
		return signed, NoProblem
	}
	if d.deps.ClientKeys == nil {
		return "", NotEncrypted
	}
	encrypted, err := d.deps.ClientKeys.Encrypt(ctx, known, known.IDTokenEncryption, signed)
	if err != nil {
		return "", NotEncrypted
	}
	return encrypted, NoProblem
}

func problemOf(err error) Problem {
	var slow interface{ Timeout() bool }
	switch {
	case errors.Is(err, egress.ErrRefusedAddress):
		return AddressRefused
	case errors.Is(err, egress.ErrTooLarge):
		return AnswerTooLarge
	case errors.As(err, &slow) && slow.Timeout():
		return TimedOut
	default:
		return Unreachable
	}
}
