package logout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/delivery"
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

// deliveryTimeout bounds a request. It is less than an attempt may take.
const deliveryTimeout = 5 * time.Second

// The problems of logout tokens, beside those of any delivery.
const (
	NoAddress    delivery.Problem = "no_address"
	NotSigned    delivery.Problem = "not_signed"
	NotEncrypted delivery.Problem = "not_encrypted"
)

// Deliver makes an attempt at each delivery that is due; see [delivery.Queue.Deliver].
func (d *Deliverer) Deliver(ctx context.Context) error {
	if err := d.deps.Outbox.Queue.Deliver(ctx, d, d.deps.Logger); err != nil {
		return fmt.Errorf("deliver logout tokens: %w", err)
	}
	return nil
}

// Attempt sends a token that is made for it (section 2.5). It implements [delivery.Sender].
func (d *Deliverer) Attempt(ctx context.Context, due delivery.Delivery) (delivery.Result, error) {
	recipient, err := d.deps.Clients.FindByRecord(ctx, due.Target)
	if fault.KindOf(err) == fault.NotFound {
		return delivery.Result{}, delivery.ErrGone
	}
	if err != nil {
		return delivery.Result{}, err
	}
	result := delivery.Result{Target: slog.String("client_id", recipient.ClientID)}
	if recipient.BackChannelLogoutURI == "" || !recipient.IsActive() {
		result.Outcome, result.Problem = delivery.Undeliverable, NoAddress
		return result, nil
	}
	userID, err := d.store.userOf(ctx, due)
	if errors.Is(err, errNoRecord) {
		return delivery.Result{}, delivery.ErrGone
	}
	if err != nil {
		return delivery.Result{}, fmt.Errorf("find the user of a logout token: %w", err)
	}
	token, problem := d.token(ctx, recipient, userID, due.Reference)
	if problem != delivery.NoProblem {
		result.Problem = problem
		return result, nil
	}
	answer, err := d.deps.Poster.Do(ctx, egress.Request{
		Method: "POST", URL: recipient.BackChannelLogoutURI, ContentType: "application/x-www-form-urlencoded",
		Body: []byte(url.Values{"logout_token": {token}}.Encode()), Timeout: deliveryTimeout,
	})
	if err != nil {
		result.Outcome, result.Problem = delivery.Unanswered(err)
		return result, nil
	}
	// Section 2.8: 200 for success, which some frameworks turn into 204; 400 for a
	// logout that failed, which trying again does not change.
	result.Status = answer.Status
	switch answer.Status {
	case 200, 204:
		result.Outcome = delivery.Delivered
	case 400:
		result.Outcome, result.Problem = delivery.Refused, delivery.WrongStatus
	default:
		result.Problem = delivery.WrongStatus
	}
	return result, nil
}

// token makes the logout token. It is encrypted where the client's ID tokens are
// (section 2.4).
func (d *Deliverer) token(ctx context.Context, recipient client.Client, userID, sessionID uuid.UUID) (string, delivery.Problem) {
	signed, err := d.deps.Keys.Sign(recipient.IDTokenAlgorithm, jose.TypeLogoutToken, oidc.LogoutToken{
		ID: id.New().String(), Issuer: d.deps.Issuer, ClientID: recipient.ClientID, Subject: d.deps.Subjects.Of(recipient, userID),
		SessionID: d.deps.Subjects.SessionOf(recipient, sessionID), IssuedAt: d.clock.Now(),
	}.Claims())
	if err != nil {
		d.deps.Logger.ErrorContext(ctx, "a logout token can't be signed", slog.String("client_id", recipient.ClientID), slog.Any("error", err))
		return "", NotSigned
	}
	if recipient.IDTokenEncryption() == (client.Encryption{}) {
		return signed, delivery.NoProblem
	}
	if d.deps.ClientKeys == nil {
		return "", NotEncrypted
	}
	encrypted, err := d.deps.ClientKeys.Encrypt(ctx, recipient, recipient.IDTokenEncryption(), signed)
	if err != nil {
		return "", NotEncrypted
	}
	return encrypted, delivery.NoProblem
}
