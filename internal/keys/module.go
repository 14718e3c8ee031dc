package keys

import (
	"context"
	"crypto"
	"log/slog"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
)

// Sealer encrypts values for their place in the database.
type Sealer interface {
	Seal(place secret.Place, plaintext []byte) ([]byte, error)
	Open(place secret.Place, sealed []byte) ([]byte, error)
}

// Auditor keeps the log of what happened. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
}

// Deps is what the service needs; all of it is required but for GenerateKey.
type Deps struct {
	Database *db.DB
	Sealer   Sealer
	Clock    clock.Clock
	Logger   *slog.Logger // told of rotations, and of what Run can't return
	Audit    Auditor
	// Actor makes the changes that nobody asks for: the server, or a command.
	Actor audit.Actor

	RotationInterval time.Duration // how long one key signs
	PublishLead      time.Duration // how long the next key is published before it signs
	RetainRetired    time.Duration // how long a key is published after it last signed

	// GenerateKey makes a private key: [jose.GenerateKey] if nil. Tests, of which
	// each has keys of its own, can't wait for RSA every time.
	GenerateKey func(jose.Algorithm) (crypto.Signer, error)
}

// New returns a service that has no keys yet; see [Service.Bootstrap].
func New(deps Deps) *Service {
	made := &Service{
		store:   store{deps.Database},
		sealer:  deps.Sealer,
		clock:   deps.Clock,
		logger:  deps.Logger,
		audit:   deps.Audit,
		self:    audit.Author{Actor: deps.Actor},
		times:   schedule{deps.RotationInterval, deps.PublishLead, deps.RetainRetired},
		secrets: map[string]secret.Redacted{},

		generateKey: deps.GenerateKey,
	}
	if made.generateKey == nil {
		made.generateKey = jose.GenerateKey
	}
	made.current.Store(&snapshot{jwks: []byte(`{"keys":[]}`)})
	return made
}
