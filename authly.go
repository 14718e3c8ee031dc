// Package authly is an OAuth 2.1 and OpenID Connect authorization server. A
// program that wants to embed it makes a [Server] from a [Config], serves it as
// an [http.Handler] or lets [Server.Run] do all the serving, and closes it:
//
//	settings, err := authly.LoadConfig(authly.LoadOptions{})
//	…
//	server, err := authly.New(ctx, settings, authly.Options{})
//	…
//	defer server.Close()
//	err = server.Run(ctx)
//
// The command in cmd/authly is made of the same few calls.
package authly

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"authly/internal/app"
	"authly/internal/config"
	"authly/internal/platform/obs"
)

// Config is the whole configuration; see [LoadConfig] and docs/configuration.md.
type Config = config.Config

// LoadOptions say where a configuration comes from.
type LoadOptions = config.LoadOptions

// LoadConfig reads defaults, file, environment and flags, in this order. Its
// error lists every problem at once.
func LoadConfig(options LoadOptions) (Config, error) { return config.Load(options) }

// DefaultConfig returns the configuration with every setting at its default.
func DefaultConfig() Config { return config.Default() }

// Options are what a Server needs beside its configuration.
type Options struct {
	// Logger is where the server logs to; nowhere if nil.
	Logger *slog.Logger
}

// Notice is what somebody who starts a server has to know.
type Notice = app.Notice

// Server is a server that is ready to answer.
type Server struct{ app *app.App }

// New opens the database, migrates it, and builds the server. [Server.Close]
// must be called.
func New(ctx context.Context, settings Config, options Options) (*Server, error) {
	built, err := app.New(ctx, app.Options{Config: settings, Logger: options.Logger})
	if err != nil {
		return nil, err
	}
	return &Server{built}, nil
}

// ServeHTTP answers a request; see also [Server.Run]. Somebody who only uses
// this has no background work: no rotation of keys and no clearing up.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.app.Handler().ServeHTTP(w, r) }

// Administration returns the API of the administration if the setting admin.listen gives it an
// address of its own; otherwise it returns nil, and [Server.ServeHTTP] answers for it.
func (s *Server) Administration() http.Handler { return s.app.AdministrationHandler() }

// Notice returns what somebody who starts the server has to know: while there is no
// administrator, a new address at which the first one is made. An earlier one ends.
func (s *Server) Notice(ctx context.Context) (Notice, error) { return s.app.Notice(ctx) }

// Operator returns the administration API for the program that runs the server: the
// same operations with the same rules, without a token. It must never be served to
// others. Name stands in the audit log.
func (s *Server) Operator(name string) (http.Handler, error) { return s.app.Operator(name) }

// Listeners are what a server listens on.
type Listeners = app.Listeners

// Listen opens the configured addresses.
func (s *Server) Listen(ctx context.Context) (Listeners, error) { return s.app.Listen(ctx) }

// Serve answers requests on the listeners and does the background work until ctx ends.
func (s *Server) Serve(ctx context.Context, on Listeners) error { return s.app.Serve(ctx, on) }

// Run is Listen and Serve.
func (s *Server) Run(ctx context.Context) error {
	on, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	return s.Serve(ctx, on)
}

// Close closes the database.
func (s *Server) Close() error { return s.app.Close() }

// Migration is one step of the database's schema.
type Migration = app.Migration

// Key is a signing key without its material.
type Key = app.Key

// RotateOptions say which keys [RotateKeys] rotates.
type RotateOptions = app.KeyRotation

// Migrate brings the schema of the database to the newest version and returns
// the steps that it applied. [New] does the same by itself.
func Migrate(ctx context.Context, settings Config, options Options) ([]Migration, error) {
	return app.Migrate(ctx, settings, options.Logger)
}

// Migrations lists the steps of the schema, applied and pending.
func Migrations(ctx context.Context, settings Config, options Options) ([]Migration, error) {
	return app.Migrations(ctx, settings, options.Logger)
}

// ListKeys lists the signing keys.
func ListKeys(ctx context.Context, settings Config, options Options) ([]Key, error) {
	return app.ListKeys(ctx, settings, options.logger())
}

// RotateKeys lets the next signing keys follow the active ones, and returns those that sign from now on.
func RotateKeys(ctx context.Context, settings Config, options Options, rotation RotateOptions) ([]Key, error) {
	return app.RotateKeys(ctx, settings, options.logger(), rotation)
}

// Recovery is a way back in for whoever has the server's own machine.
type Recovery = app.Recovery

// Recover makes a one-time URL at which the administrator of that username chooses a new
// password, or with "" a new administrator is created.
func Recover(ctx context.Context, settings Config, options Options, username string) (Recovery, error) {
	return app.Recover(ctx, settings, options.logger(), username)
}

// EndedKind is how many of one kind [RecoverBackup] has ended.
type EndedKind = app.EndedKind

// BackupRecovery says what [RecoverBackup] ends.
type BackupRecovery = app.BackupRecovery

// RecoverBackup ends everything that was issued up to now, in a database that was restored from a backup: everything
// that was ended after the backup was made counts in it again. The server must not run: a database that another
// process has open is refused.
func RecoverBackup(ctx context.Context, settings Config, options Options, recovery BackupRecovery) ([]EndedKind, error) {
	return app.RecoverBackup(ctx, settings, options.logger(), recovery)
}

// AuditEvent is an event of the audit log, AuditQuery says which are wanted,
// AuditVerification is what a look at the log's chain found, and AuditExportVerification a look at an export.
type (
	AuditEvent              = app.AuditEvent
	AuditQuery              = app.AuditQuery
	AuditVerification       = app.AuditVerification
	AuditExportVerification = app.AuditExportVerification
)

// ReadAudit hands the events that match to each, the newest first.
func ReadAudit(ctx context.Context, settings Config, options Options, query AuditQuery, each func(AuditEvent) error) error {
	return app.ReadAudit(ctx, settings, options.logger(), query, each)
}

// VerifyAudit reads the whole chain of the audit log. noted is a head that an earlier
// call found, or "".
func VerifyAudit(ctx context.Context, settings Config, options Options, noted string) (AuditVerification, error) {
	return app.VerifyAudit(ctx, settings, options.logger(), noted)
}

// ExportAudit writes all events that match as JSON lines, the newest first, each as view returns it, and a last
// line with the head of the chain and a seal. The bound of the query is not used.
func ExportAudit(ctx context.Context, settings Config, options Options, query AuditQuery, view func(AuditEvent) any, to io.Writer) error {
	return app.ExportAudit(ctx, settings, options.logger(), query, view, to)
}

// VerifyAuditExport reports whether an export is as the server wrote it, whether or not its events are still in the log.
func VerifyAuditExport(ctx context.Context, settings Config, options Options, from io.Reader) (AuditExportVerification, error) {
	return app.VerifyAuditExport(ctx, settings, options.logger(), from)
}

// RegistrationToken is an initial access token for client registration; the token
// itself is there only when it was just made.
type RegistrationToken = app.RegistrationToken

// RegistrationPolicy is what a client that was registered with a token can be at most.
type RegistrationPolicy = app.RegistrationPolicy

// RegistrationTokenOptions describe an initial access token that is to be made.
type RegistrationTokenOptions = app.NewRegistrationToken

// UnlimitedUses is for tokens that can be used as often as one likes; otherwise it is once.
const UnlimitedUses = app.UnlimitedUses

// CreateRegistrationToken makes an initial access token.
func CreateRegistrationToken(ctx context.Context, settings Config, options Options, wanted RegistrationTokenOptions) (RegistrationToken, error) {
	return app.CreateRegistrationToken(ctx, settings, options.logger(), wanted)
}

// ListRegistrationTokens lists the initial access tokens.
func ListRegistrationTokens(ctx context.Context, settings Config, options Options) ([]RegistrationToken, error) {
	return app.ListRegistrationTokens(ctx, settings, options.logger())
}

// RevokeRegistrationToken ends an initial access token, by the ID that the list shows.
func RevokeRegistrationToken(ctx context.Context, settings Config, options Options, token string) (RegistrationToken, error) {
	return app.RevokeRegistrationToken(ctx, settings, options.logger(), token)
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// NewLogger returns a logger that writes to w what the configuration asks for.
func NewLogger(w io.Writer, settings Config) *slog.Logger {
	return obs.NewLogger(w, obs.Options{Level: settings.Log.Level, Format: settings.Log.Format})
}
