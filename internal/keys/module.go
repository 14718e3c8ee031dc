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

// Auditor records events. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
}

// Deps are the dependencies of the service; all are required but GenerateKey.
type Deps struct {
	Database *db.DB
	Sealer   Sealer
	Clock    clock.Clock
	Logger   *slog.Logger // for rotations, and for errors that Run can't return
	Audit    Auditor
	// Actor is the actor of changes without an author: the server, or a command.
	Actor audit.Actor

	RotationInterval time.Duration // how long one key signs
	PublishLead      time.Duration // how long the next key is published before it signs
	RetainRetired    time.Duration // how long a key is published after it last signed

	// GenerateKey generates a private key: [jose.GenerateKey] if nil. Tests replace it,
	// because generating RSA keys is slow.
	GenerateKey func(jose.Algorithm) (crypto.Signer, error)
}

// New returns a service without keys; see [Service.Bootstrap].
func New(deps Deps) *Service {
	service := &Service{
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
	if service.generateKey == nil {
		service.generateKey = jose.GenerateKey
	}
	service.current.Store(&snapshot{jwks: []byte(`{"keys":[]}`)})
	return service
}
