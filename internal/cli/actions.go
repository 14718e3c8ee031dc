package cli

import (
	"context"
	"io"
	"time"

	"authly/internal/config"
)

// Actions are what the commands do. A command whose action is nil says that
// this build can't do it.
type Actions struct {
	// Serve runs the server until ctx ends, and returns nil after an orderly
	// shutdown. Prepare, unless it is nil, is done before it listens. What people are to
	// read goes to output.
	Serve func(ctx context.Context, settings config.Config, prepare Prepare, output io.Writer) error
	// MigrateUp brings the schema of the database to the newest version and
	// returns the steps that it applied.
	MigrateUp func(ctx context.Context, settings config.Config) ([]Migration, error)
	// MigrateStatus returns all steps, in order, without changing anything.
	MigrateStatus func(ctx context.Context, settings config.Config) ([]Migration, error)
	// KeysList returns all signing keys.
	KeysList func(ctx context.Context, settings config.Config) ([]Key, error)
	// KeysRotate lets the next keys sign and returns the keys that do from now on.
	KeysRotate func(ctx context.Context, settings config.Config, rotation KeyRotation) ([]Key, error)
	// RegistrationTokenCreate makes an initial access token for client registration.
	RegistrationTokenCreate func(ctx context.Context, settings config.Config, request RegistrationTokenRequest) (RegistrationToken, error)
	// RegistrationTokenList returns all of them, without the tokens themselves.
	RegistrationTokenList func(ctx context.Context, settings config.Config) ([]RegistrationToken, error)
	// RegistrationTokenRevoke ends one and returns it.
	RegistrationTokenRevoke func(ctx context.Context, settings config.Config, token string) (RegistrationToken, error)
	// RecoverAdmin makes a one-time URL for the administrator of that username, or for a new one.
	RecoverAdmin func(ctx context.Context, settings config.Config, username string) (Recovery, error)
	// RecoverBackup ends everything that was issued up to now, and returns how many of each kind.
	RecoverBackup func(ctx context.Context, settings config.Config, registrationTokens bool) ([]EndedKind, error)
	// AuditRead hands the events that match to each, the newest first.
	AuditRead func(ctx context.Context, settings config.Config, query AuditQuery, each func(AuditEvent) error) error
	// AuditExport writes the events that match as JSON lines, and a last line that says what was written.
	AuditExport func(ctx context.Context, settings config.Config, query AuditQuery, to io.Writer) error
	// AuditVerifyExport reads an export.
	AuditVerifyExport func(ctx context.Context, settings config.Config, from io.Reader) (AuditExportVerification, error)
	// AuditVerify reads the chain of the audit log.
	AuditVerify func(ctx context.Context, settings config.Config, head string) (AuditVerification, error)
	// Conformance checks a provider and writes the report. It returns [ErrChecksFailed] after one with failures.
	Conformance func(ctx context.Context, run ConformanceRun, output io.Writer) error
}

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero while it is pending
}

// Key is a signing key without its material.
type Key struct {
	ID          string
	Algorithm   string
	State       string
	CreatedAt   time.Time
	ActivatedAt time.Time // zero if it never signed
	RetiredAt   time.Time // zero if it isn't retired
}

// KeyRotation says which keys are rotated, and how.
type KeyRotation struct {
	Algorithms []string // none means all
	// Force doesn't wait until clients have had the time to fetch the next keys.
	Force bool
}
