package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
)

// RegistrationToken is an initial access token (RFC 7591 section 3).
type RegistrationToken struct {
	registration.InitialToken
	// Token is the token itself: zero unless it was just made.
	Token secret.Redacted
}

// NewRegistrationToken describes an initial access token that is to be made, in
// words as somebody types them. What is empty gets its default.
type NewRegistrationToken struct {
	Name                  string
	Profile               string
	Scopes, DefaultScopes []string
	AuthenticationMethods []string
	GrantTypes            []string
	Resources             []string
	Consent               string
	Uses                  int64         // 0: as often as one likes
	Expires               time.Duration // 0: never
	UnusedLifetime        time.Duration // 0: unused clients stay
}

func (n NewRegistrationToken) words() registration.NewInitialToken {
	return registration.NewInitialToken{
		Name: n.Name, Uses: n.Uses, Lifetime: n.Expires,
		Policy: registration.Policy{
			SecurityProfile: client.SecurityProfile(n.Profile), Scopes: n.Scopes, DefaultScopes: n.DefaultScopes,
			AuthenticationMethods: words[oauth.AuthenticationMethod](n.AuthenticationMethods), GrantTypes: words[oauth.GrantType](n.GrantTypes),
			Resources: n.Resources, Consent: client.ConsentPolicy(n.Consent), UnusedLifetime: int64(n.UnusedLifetime / time.Second),
		},
	}
}

func words[T ~string](texts []string) []T {
	all := make([]T, len(texts))
	for i, text := range texts {
		all[i] = T(text)
	}
	return all
}

// CreateRegistrationToken makes an initial access token.
func CreateRegistrationToken(ctx context.Context, settings config.Config, logger *slog.Logger, wanted NewRegistrationToken) (made RegistrationToken, err error) {
	err = withInitialTokens(ctx, settings, logger, func(service *registration.InitialTokens) error {
		created, err := service.Create(ctx, wanted.words())
		made = RegistrationToken{created.InitialToken, created.Token}
		return explained(err)
	})
	return made, err
}

// ListRegistrationTokens lists the initial access tokens.
func ListRegistrationTokens(ctx context.Context, settings config.Config, logger *slog.Logger) (all []RegistrationToken, err error) {
	err = withInitialTokens(ctx, settings, logger, func(service *registration.InitialTokens) error {
		listed, err := service.List(ctx)
		for _, each := range listed {
			all = append(all, RegistrationToken{InitialToken: each})
		}
		return err
	})
	return all, err
}

// RevokeRegistrationToken ends an initial access token.
func RevokeRegistrationToken(ctx context.Context, settings config.Config, logger *slog.Logger, token string) (revoked RegistrationToken, err error) {
	parsed, err := uuid.Parse(token)
	if err != nil {
		return RegistrationToken{}, fmt.Errorf("%q is not the ID of a token", token)
	}
	err = withInitialTokens(ctx, settings, logger, func(service *registration.InitialTokens) error {
		revoked.InitialToken, err = service.Revoke(ctx, parsed)
		return explained(err)
	})
	return revoked, err
}

// explained gives a refusal its reason for people.
func explained(err error) error {
	var refusal *fault.Error
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Kind { //nolint:exhaustive // the others are not refusals of these commands
	case fault.NotFound:
		return refusal.Because(errors.New("there is no token with this ID"))
	case fault.Invalid:
		return refusal.Because(fmt.Errorf("there is no such value, or it is out of bounds: %s", strings.Join(slices.Sorted(maps.Keys(refusal.Fields)), ", ")))
	}
	return err
}

func withInitialTokens(ctx context.Context, settings config.Config, logger *slog.Logger, work func(*registration.InitialTokens) error) error {
	return withMigrated(ctx, settings, logger, func(database *db.DB) error {
		return work(registration.NewInitialTokens(database, clock.System()))
	})
}
