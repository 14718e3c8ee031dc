package main

import (
	"context"

	"authly"
	"authly/internal/cli"
	"authly/internal/config"
)

func recoverAdmin(ctx context.Context, settings config.Config, username string) (cli.Recovery, error) {
	made, err := authly.Recover(ctx, settings, authly.Options{}, username)
	return cli.Recovery{URL: made.URL.Reveal(), Expires: made.Expires, Username: made.Username}, err
}

func recoverBackup(ctx context.Context, settings config.Config, registrationTokens bool) ([]cli.EndedKind, error) {
	all, err := authly.RecoverBackup(ctx, settings, authly.Options{}, authly.BackupRecovery{RegistrationTokens: registrationTokens})
	converted := make([]cli.EndedKind, len(all))
	for i, kind := range all {
		converted[i] = cli.EndedKind(kind)
	}
	return converted, err
}
