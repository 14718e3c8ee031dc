package main

import (
	"context"

	"authly"
	"authly/internal/cli"
	"authly/internal/config"
)

func createRegistrationToken(ctx context.Context, settings config.Config, request cli.RegistrationTokenRequest) (cli.RegistrationToken, error) {
	made, err := authly.CreateRegistrationToken(ctx, settings, authly.Options{}, authly.RegistrationTokenOptions{
		Name: request.Name, RegistrationPolicy: authly.RegistrationPolicy(request.RegistrationPolicy), Uses: request.Uses, Expires: request.Expires,
	})
	return registrationToken(made), err
}

func listRegistrationTokens(ctx context.Context, settings config.Config) ([]cli.RegistrationToken, error) {
	all, err := authly.ListRegistrationTokens(ctx, settings, authly.Options{})
	converted := make([]cli.RegistrationToken, len(all))
	for i, each := range all {
		converted[i] = registrationToken(each)
	}
	return converted, err
}

func revokeRegistrationToken(ctx context.Context, settings config.Config, token string) (cli.RegistrationToken, error) {
	revoked, err := authly.RevokeRegistrationToken(ctx, settings, authly.Options{}, token)
	return registrationToken(revoked), err
}

func registrationToken(t authly.RegistrationToken) cli.RegistrationToken {
	shown := cli.RegistrationToken{
		ID: t.ID.String(), Name: t.Name, RegistrationPolicy: cli.RegistrationPolicy(t.Words()), UsesLeft: -1,
		CreatedAt: t.CreatedAt, Token: t.Token.Reveal(),
	}
	if t.UsesLeft != nil {
		shown.UsesLeft = *t.UsesLeft
	}
	if t.ExpiresAt != nil {
		shown.ExpiresAt = *t.ExpiresAt
	}
	if t.RevokedAt != nil {
		shown.RevokedAt = *t.RevokedAt
	}
	return shown
}
