package cli

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/config"
)

// RegistrationToken is an initial access token (RFC 7591 section 3).
type RegistrationToken struct {
	ID   string
	Name string
	RegistrationPolicy
	UsesLeft  int64 // -1: as often as one likes
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero if it isn't revoked
	// Token is the token itself. Only the one that was just made has it.
	Token string
}

// RegistrationPolicy is what the clients of a token can be at most; what is empty
// gets its default.
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

// RegistrationTokenRequest describes a token that is to be made.
type RegistrationTokenRequest struct {
	Name string
	RegistrationPolicy
	Uses    int64         // 0: one; -1: as often as one likes
	Expires time.Duration // 0: never
}

func (p Program) registrationTokenCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "registration-token",
		Short: "Make, list and revoke tokens with which clients register themselves",
		Long: `Make, list and revoke initial access tokens (RFC 7591): whoever has one can register
clients at /oauth/register, within the limits that the token carries. The endpoint is there
if the setting registration.mode is initial_access_token or open.`,
	})
	listed := &cobra.Command{
		Use:     "list",
		Short:   "Show all tokens, without the tokens themselves",
		Example: "  authly local registration-token list\n  authly local registration-token list --output json",
	}
	list(p, listed, p.Actions.RegistrationTokenList, registrationTokensView("There are no tokens.\n"))
	group.AddCommand(p.createRegistrationTokenCommand(), listed, p.revokeRegistrationTokenCommand())
	return group
}

func (p Program) createRegistrationTokenCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "create",
		Short: "Make a token and show it, once",
		Long: `Make a token and show it, once: only its hash is kept. Clients that are registered with
it can be no more than what is said here, now and when they change their record. One
client, unless --uses says otherwise.

A security profile decides what specifications disagree on, and each of that can be said
one by one: --pkce, --assertion-audience, --response-modes, --refresh-token-rotation. Lists
are separated by commas.`,
		Example: `  authly local registration-token create --name partners --expires 30d --uses 10
  authly local registration-token create --name certification --profile oidc-legacy --uses unlimited --unused-lifetime 30d
  authly local registration-token create --name intranet --pkce nonce_or_pkce --scopes openid,email`,
	}
	var request RegistrationTokenRequest
	var create listAction[RegistrationToken]
	if p.Actions.RegistrationTokenCreate != nil {
		create = func(ctx context.Context, settings config.Config) ([]RegistrationToken, error) {
			if request.Name == "" {
				return nil, usagef("--name is missing: say who the token is for")
			}
			made, err := p.Actions.RegistrationTokenCreate(ctx, settings, request)
			return []RegistrationToken{made}, err
		}
	}
	view := registrationTokensView("")
	view.text = madeTokenText
	list(p, command, create, view)
	flags := command.Flags()
	flags.StringVar(&request.Name, "name", "", "a `name` by which the token is recognized in the list")
	flags.StringVar(&request.Profile, "profile", "", "the security `profile` of the clients: oauth21 (default) or oidc-legacy")
	flags.StringSliceVar(&request.Scopes, "scopes", nil, "the `scopes` that they may ask for (default all standard scopes)")
	flags.StringSliceVar(&request.DefaultScopes, "default-scopes", nil, "the `scopes` of a client that names none (default all of --scopes)")
	flags.StringSliceVar(&request.AuthenticationMethods, "auth-methods", nil, "the authentication `methods` that they may choose (default all)")
	flags.StringSliceVar(&request.GrantTypes, "grant-types", nil, "the grant `types` that they may use (default authorization_code,refresh_token)")
	flags.StringSliceVar(&request.Resources, "resources", nil, "the resource `indicators` that they may ask tokens for (default none)")
	flags.StringVar(&request.Consent, "consent", "", "when people are asked, as one `word`: remember (default) or always")
	flags.StringVar(&request.PKCE, "pkce", "", "when confidential clients need a code challenge, as one `word`: required, nonce_or_pkce or optional (default by profile)")
	flags.StringVar(&request.AssertionAudience, "assertion-audience", "", "whom assertions of clients are for, as one `word`: issuer or issuer_or_endpoint (default by profile)")
	flags.StringSliceVar(&request.ResponseModes, "response-modes", nil, "the response `modes` that they may use (default all)")
	flags.StringVar(&request.RefreshTokenRotation, "refresh-token-rotation", "", "what a use does to a refresh token of a confidential client, as one `word`: static (default) or rotate")
	flags.Var(&durationFlag{&request.AccessTokenLifetime}, "access-token-lifetime", "the `time` for which access tokens count, such as 5m (default the server's own)")
	flags.Var(&durationFlag{&request.RefreshTokenLifetime}, "refresh-token-lifetime", "the `time` for which an authorization can be refreshed (default the server's own)")
	flags.Var(&usesFlag{&request.Uses}, "uses", "how often the token can be used: a `number`, or unlimited (default 1)")
	flags.Var(&durationFlag{&request.Expires}, "expires", "after which `time` it ends, such as 30d (default never)")
	flags.Var(&durationFlag{&request.UnusedLifetime}, "unused-lifetime", "after which `time` a client is deleted that was never used (default never)")
	return command
}

func (p Program) revokeRegistrationTokenCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a token; the clients that were registered with it stay",
		Example: "  authly local registration-token revoke \"$REGISTRATION_TOKEN_ID\"",
	}
	var wanted string
	var revoke listAction[RegistrationToken]
	if p.Actions.RegistrationTokenRevoke != nil {
		revoke = func(ctx context.Context, settings config.Config) ([]RegistrationToken, error) {
			revoked, err := p.Actions.RegistrationTokenRevoke(ctx, settings, wanted)
			return []RegistrationToken{revoked}, err
		}
	}
	list(p, command, revoke, registrationTokensView(""))
	command.Args = func(command *cobra.Command, arguments []string) error {
		if len(arguments) != 1 {
			return usagef("%q takes the ID of one token, as the list shows it", command.CommandPath())
		}
		wanted = arguments[0]
		return nil
	}
	return command
}

// durationFlag is a duration as the configuration has them: 30d, 12h.
type durationFlag struct{ into *time.Duration }

func (d *durationFlag) String() string { return "" }

// Type returns the form of a value, for the help text.
func (d *durationFlag) Type() string { return "duration" }

// Set reads a duration.
func (d *durationFlag) Set(text string) error {
	read, err := config.ParseDuration(text)
	if err == nil {
		*d.into = read
	}
	return err
}

// usesFlag is how often something can be used.
type usesFlag struct{ into *int64 }

func (u *usesFlag) String() string { return "" }

// Type returns the form of a value, for the help text.
func (u *usesFlag) Type() string { return "uses" }

// Set reads a number, or the word for no limit. What the bounds are is decided elsewhere.
func (u *usesFlag) Set(text string) error {
	if text == "unlimited" {
		*u.into = -1
		return nil
	}
	read, err := strconv.ParseInt(text, 10, 64)
	if err != nil || read < 1 {
		return errors.New("give a number from 1 on, or unlimited")
	}
	*u.into = read
	return nil
}
