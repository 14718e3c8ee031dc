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

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/scope"
)

// RegistrationToken is an initial access token (RFC 7591 section 3).
type RegistrationToken struct {
	registration.InitialToken
	// Token is the token itself: zero unless it was just made.
	Token secret.Redacted
}

// RegistrationPolicy is what a client that was registered with a token can be at most,
// in words as somebody types them. What is empty gets its default.
type RegistrationPolicy struct {
	Profile               string
	Scopes, DefaultScopes []string
	AuthenticationMethods []string
	GrantTypes            []string
	Resources             []string
	Consent               string
	PKCE                  string
	AssertionAudience     string
	ResponseModes         []string
	RefreshTokenRotation  string
	AccessTokenLifetime   time.Duration // 0: the server's own
	RefreshTokenLifetime  time.Duration // 0: the server's own
	UnusedLifetime        time.Duration // 0: unused clients stay
}

// UnlimitedUses lets a token be used as often as one likes.
const UnlimitedUses = registration.Unlimited

// NewRegistrationToken describes an initial access token that is to be made.
type NewRegistrationToken struct {
	Name string
	RegistrationPolicy
	Uses    int64         // 0: one; UnlimitedUses: as often as one likes
	Expires time.Duration // 0: never
}

func (n NewRegistrationToken) words() registration.NewInitialToken {
	return registration.NewInitialToken{
		Name: n.Name, Uses: n.Uses, Lifetime: n.Expires,
		Policy: registration.Policy{
			SecurityProfile: client.SecurityProfile(n.Profile), Scopes: separated(n.Scopes), DefaultScopes: separated(n.DefaultScopes),
			AuthenticationMethods: words[oauth.AuthenticationMethod](n.AuthenticationMethods), GrantTypes: words[oauth.GrantType](n.GrantTypes),
			Resources: n.Resources, Consent: client.ConsentPolicy(n.Consent), PKCE: client.PKCE(n.PKCE), AssertionAudience: client.AssertionAudience(n.AssertionAudience),
			ResponseModes: words[oauth.ResponseMode](n.ResponseModes), RefreshTokenRotation: client.RefreshTokenRotation(n.RefreshTokenRotation),
			AccessTokenLifetime: seconds(n.AccessTokenLifetime), RefreshTokenLifetime: seconds(n.RefreshTokenLifetime), UnusedLifetime: seconds(n.UnusedLifetime),
		},
	}
}

// Words returns the policy of the token as somebody would type it.
func (t RegistrationToken) Words() RegistrationPolicy {
	p := t.Policy
	return RegistrationPolicy{
		Profile: string(p.SecurityProfile), Scopes: p.Scopes, DefaultScopes: p.DefaultScopes, AuthenticationMethods: texts(p.AuthenticationMethods),
		GrantTypes: texts(p.GrantTypes), Resources: p.Resources, Consent: string(p.Consent), PKCE: string(p.PKCE), AssertionAudience: string(p.AssertionAudience),
		ResponseModes: texts(p.ResponseModes), RefreshTokenRotation: string(p.RefreshTokenRotation),
		AccessTokenLifetime: time.Duration(p.AccessTokenLifetime) * time.Second, RefreshTokenLifetime: time.Duration(p.RefreshTokenLifetime) * time.Second,
		UnusedLifetime: time.Duration(p.UnusedLifetime) * time.Second,
	}
}

// separated takes scopes apart that somebody has written as they travel, with spaces.
func separated(names []string) oauth.ScopeSet {
	var all oauth.ScopeSet
	for _, name := range names {
		all = all.Union(strings.Fields(name))
	}
	return all
}

// seconds rounds up, so that less than one is not none.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func texts[T ~string](words []T) []string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = string(word)
	}
	return all
}

func words[T ~string](texts []string) []T {
	all := make([]T, len(texts))
	for i, text := range texts {
		all[i] = T(text)
	}
	return all
}

// CreateRegistrationToken makes an initial access token. Scopes that the server has not
// are refused: their names would be mistyped.
func CreateRegistrationToken(ctx context.Context, settings config.Config, logger *slog.Logger, wanted NewRegistrationToken) (made RegistrationToken, err error) {
	err = withMigrated(ctx, settings, logger, func(database *db.DB) error {
		described := wanted.words()
		if err := knownScopes(ctx, database, described.Policy.Scopes.Union(described.Policy.DefaultScopes)); err != nil {
			return err
		}
		created, err := registration.NewInitialTokens(database, clock.System(), localAudit(database, clock.System(), nil)).Create(ctx, described, operator())
		made = RegistrationToken{created.InitialToken, created.Token}
		return explained(err)
	})
	return made, err
}

func knownScopes(ctx context.Context, database *db.DB, names oauth.ScopeSet) error {
	catalogue := scope.New(scope.Deps{Database: database, Clock: clock.System()})
	if err := catalogue.Seed(ctx); err != nil { // there may have been no start yet
		return err
	}
	active, err := catalogue.Active(ctx)
	if err != nil {
		return err
	}
	all := make(oauth.ScopeSet, len(active))
	for i, entry := range active {
		all[i] = entry.Name
	}
	known := all.WithoutAdministration() // clients that register themselves never administer
	if unknown := names.Without(known); len(unknown) > 0 {
		return fmt.Errorf("there is no scope %q: this server has %s", unknown[0], strings.Join(known, ", "))
	}
	return nil
}

// listedAtOnce is how many tokens are read at a time.
const listedAtOnce = 200

// operator is who uses a command on the server's own machine.
func operator() audit.Author { return audit.Author{Actor: audit.Actor{Kind: audit.Operator}} }

// ListRegistrationTokens lists the initial access tokens.
func ListRegistrationTokens(ctx context.Context, settings config.Config, logger *slog.Logger) (all []RegistrationToken, err error) {
	err = withInitialTokens(ctx, settings, logger, func(service *registration.InitialTokens) error {
		for query := (registration.InitialQuery{Limit: listedAtOnce}); ; {
			page, err := service.List(ctx, query)
			for _, each := range page.Items {
				all = append(all, RegistrationToken{InitialToken: each})
			}
			if query.After = page.Next; err != nil || query.After.IsZero() {
				return err
			}
		}
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
		revoked.InitialToken, err = service.Revoke(ctx, parsed, operator())
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
		var wrong []error
		for _, field := range slices.Sorted(maps.Keys(refusal.Fields)) {
			wrong = append(wrong, errors.New(rule(field)))
		}
		return refusal.Because(errors.Join(wrong...))
	}
	return err
}

// rule says what a part of a token or of its policy has to be.
func rule(field string) string {
	choose := func(flag string, words ...string) string { return flag + ": choose " + strings.Join(words, ", ") }
	switch field {
	case "name":
		return "name: it has 1 to 200 characters"
	case "uses":
		return "uses: from 1 to a million, or unlimited"
	case "security_profile":
		return choose("profile", texts(client.SecurityProfiles())...)
	case "scopes":
		return "scopes: these are not the names of scopes"
	case "default_scopes":
		return "default-scopes: they have to be among the scopes"
	case "authentication_methods":
		return choose("auth-methods", texts(client.AuthenticationMethods())...)
	case "grant_types":
		return choose("grant-types", texts([]oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials})...)
	case "resources":
		return "resources: they are absolute URIs without a fragment"
	case "consent":
		return choose("consent", string(client.ConsentRemember), string(client.ConsentAlways)) + "; nobody has looked at such a client, so people are asked"
	case "pkce":
		return choose("pkce", string(client.PKCERequired), string(client.PKCEOrNonce), string(client.PKCEOptional))
	case "assertion_audience":
		return choose("assertion-audience", string(client.AudienceIssuer), string(client.AudienceIssuerOrEndpoint))
	case "response_modes":
		return choose("response-modes", texts(oauth.ResponseModes())...)
	case "refresh_token_rotation":
		return choose("refresh-token-rotation", string(client.Rotate), string(client.Static))
	case "expires", "access_token_lifetime", "refresh_token_lifetime":
		return strings.ReplaceAll(field, "_", "-") + ": up to ten years"
	case "unused_lifetime":
		return "unused-lifetime: from a minute to ten years, or 0 to keep unused clients"
	default:
		return field + ": there is no such value, or it is out of bounds"
	}
}

func withInitialTokens(ctx context.Context, settings config.Config, logger *slog.Logger, work func(*registration.InitialTokens) error) error {
	return withMigrated(ctx, settings, logger, func(database *db.DB) error {
		return work(registration.NewInitialTokens(database, clock.System(), localAudit(database, clock.System(), nil)))
	})
}
