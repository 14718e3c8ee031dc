package main

import (
	"context"
	"errors"
	"io"
	"os"

	"authly"
	"authly/internal/cli"
	"authly/internal/config"
)

// actions returns what the commands do.
func actions() cli.Actions {
	return cli.Actions{
		Serve:       serve,
		Conformance: checkConformance,
		MigrateUp: func(ctx context.Context, settings config.Config) ([]cli.Migration, error) {
			return migrations(authly.Migrate(ctx, settings, authly.Options{}))
		},
		MigrateStatus: func(ctx context.Context, settings config.Config) ([]cli.Migration, error) {
			return migrations(authly.Migrations(ctx, settings, authly.Options{}))
		},
		KeysList: func(ctx context.Context, settings config.Config) ([]cli.Key, error) {
			return keys(authly.ListKeys(ctx, settings, authly.Options{}))
		},
		KeysRotate: func(ctx context.Context, settings config.Config, rotation cli.KeyRotation) ([]cli.Key, error) {
			return keys(authly.RotateKeys(ctx, settings, authly.Options{}, authly.RotateOptions{
				Algorithms: rotation.Algorithms, Force: rotation.Force,
			}))
		},
		RegistrationTokenCreate: createRegistrationToken,
		RegistrationTokenList:   listRegistrationTokens,
		RegistrationTokenRevoke: revokeRegistrationToken,
		RecoverAdmin:            recoverAdmin,
		RecoverBackup:           recoverBackup,
		AuditRead:               readAudit,
		AuditExport:             exportAudit,
		AuditVerify:             verifyAudit,
		AuditVerifyExport:       verifyAuditExport,
	}
}

// serve runs the server. The log goes to standard error, so that what people
// are to read stays apart from it.
func serve(ctx context.Context, settings config.Config, prepare cli.Prepare, output io.Writer) (err error) {
	logger := authly.NewLogger(os.Stderr, settings)
	for _, warning := range settings.Warnings() {
		logger.WarnContext(ctx, warning)
	}
	server, err := authly.New(ctx, settings, authly.Options{Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if prepare != nil {
		if err := prepare(ctx, settings.Issuer, server.Operator); err != nil {
			return err
		}
	}
	on, err := server.Listen(ctx)
	if err != nil {
		return err
	}
	notice, err := server.Notice(ctx)
	if err == nil {
		_, err = io.WriteString(output, banner(settings, notice, on))
	}
	if err != nil {
		return errors.Join(err, on.Close())
	}
	return server.Serve(ctx, on)
}

func migrations(steps []authly.Migration, err error) ([]cli.Migration, error) {
	converted := make([]cli.Migration, len(steps))
	for i, step := range steps {
		converted[i] = cli.Migration{Version: step.Version, Name: step.Name}
		if step.AppliedAt != nil {
			converted[i].AppliedAt = *step.AppliedAt
		}
	}
	return converted, err
}

func keys(all []authly.Key, err error) ([]cli.Key, error) {
	converted := make([]cli.Key, len(all))
	for i, key := range all {
		converted[i] = cli.Key{
			ID: key.ID, Algorithm: string(key.Algorithm), State: string(key.State),
			CreatedAt: key.CreatedAt, ActivatedAt: key.ActivatedAt, RetiredAt: key.RetiredAt,
		}
	}
	return converted, err
}
