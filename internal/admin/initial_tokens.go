package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/page"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/registration"
	"authly/internal/scope"
)

// InitialTokens keeps initial access tokens, and records what happens to them. Its changes
// join a transaction of the context.
type InitialTokens interface {
	List(ctx context.Context, query registration.InitialQuery) (page.Of[registration.InitialToken], error)
	Find(ctx context.Context, token uuid.UUID) (registration.InitialToken, error)
	Create(ctx context.Context, wanted registration.NewInitialToken, by audit.Author) (registration.MadeInitialToken, error)
	Revoke(ctx context.Context, token uuid.UUID, by audit.Author) (registration.InitialToken, error)
}

// initialTokens is the administration of the tokens with which clients register themselves.
type initialTokens struct {
	tokens InitialTokens
	scopes ScopeCatalogue
	clock  clock.Clock
	store  store
	keys   *keys
}

// InitialPolicy is what a client that is registered with a token can be at most. The members
// are those of [registration.Policy].
type InitialPolicy struct {
	SecurityProfile       client.SecurityProfile       `json:"security_profile" required:"false" doc:"oauth21 unless sent, or oidc-legacy."`
	Scopes                oauth.ScopeSet               `json:"scopes" required:"false" doc:"What may be registered; the standard scopes unless sent."`
	DefaultScopes         oauth.ScopeSet               `json:"default_scopes" required:"false" doc:"What a client gets that names none; all of scopes unless sent."`
	AuthenticationMethods []oauth.AuthenticationMethod `json:"authentication_methods" required:"false" doc:"The authentication methods that may be registered; all unless sent."`
	GrantTypes            []oauth.GrantType            `json:"grant_types" required:"false" doc:"The grants that may be registered; authorization_code and refresh_token unless sent."`
	Resources             []string                     `json:"resources" required:"false" doc:"The resource indicators that it may ask tokens for (RFC 8707); none unless sent."`
	Consent               client.ConsentPolicy         `json:"consent" required:"false" enum:"remember,always" doc:"remember unless sent, or always."`
	PKCE                  client.PKCE                  `json:"pkce,omitempty" required:"false" doc:"required, nonce_or_pkce or optional; by profile unless sent."`
	AssertionAudience     client.AssertionAudience     `json:"assertion_audience,omitempty" required:"false" doc:"issuer or issuer_or_endpoint; by profile unless sent."`
	ResponseModes         []oauth.ResponseMode         `json:"response_modes" required:"false" doc:"The response modes that may be registered; by profile unless sent."`
	RefreshTokenRotation  client.RefreshTokenRotation  `json:"refresh_token_rotation,omitempty" required:"false" doc:"rotate or static; by profile unless sent."`
	AccessTokenLifetime   int64                        `json:"access_token_lifetime" required:"false" doc:"How long access tokens count, in seconds; 0 is the server's own."`
	RefreshTokenLifetime  int64                        `json:"refresh_token_lifetime" required:"false" doc:"How long an authorization can be refreshed, in seconds; 0 is the server's own."`
	UnusedLifetime        int64                        `json:"unused_lifetime" required:"false" doc:"How long a client stays that was never used, in seconds; 0 keeps it."`
}

// InitialAccessToken is a token with which clients register themselves, without the token
// itself (RFC 7591 section 3).
type InitialAccessToken struct {
	ID        string                    `json:"id"`
	Name      string                    `json:"name"`
	State     registration.InitialState `json:"state" doc:"live, used_up, expired or revoked."`
	UsesLeft  *int64                    `json:"uses_left" doc:"null: without limit."`
	CreatedAt time.Time                 `json:"created_at"`
	ExpiresAt *time.Time                `json:"expires_at,omitempty"`
	RevokedAt *time.Time                `json:"revoked_at,omitempty"`
	InitialPolicy
}

func (i *initialTokens) view(t registration.InitialToken) InitialAccessToken {
	policy := InitialPolicy(t.Policy)
	policy.DefaultScopes, policy.Resources, policy.ResponseModes = listed(policy.DefaultScopes), listed(policy.Resources), listed(policy.ResponseModes)
	return InitialAccessToken{
		ID: t.ID.String(), Name: t.Name, State: t.State(i.clock.Now()), UsesLeft: t.UsesLeft, CreatedAt: t.CreatedAt.UTC(),
		ExpiresAt: inUTC(t.ExpiresAt), RevokedAt: inUTC(t.RevokedAt), InitialPolicy: policy,
	}
}

// InitialFields are what is decided about a token.
type InitialFields struct {
	Name      string `json:"name" maxLength:"200" doc:"By which the token is recognized in the list."`
	Uses      int64  `json:"uses" required:"false" minimum:"1" maximum:"1000000" doc:"How many clients can be registered with it; one unless sent."`
	Unlimited bool   `json:"unlimited" required:"false" doc:"Lets any number of clients be registered, instead of uses."`
	ExpiresIn int64  `json:"expires_in" required:"false" minimum:"0" doc:"How long the token can be used, in seconds; 0, or unless sent: without end."`
	InitialPolicy
}

// words returns what the feature is asked for.
func (f InitialFields) words() (registration.NewInitialToken, error) {
	wanted := registration.NewInitialToken{Name: f.Name, Uses: f.Uses, Lifetime: inSeconds(f.ExpiresIn), Policy: registration.Policy(f.InitialPolicy)}
	if f.Unlimited {
		wanted.Uses = registration.Unlimited
		if f.Uses != 0 {
			return wanted, fault.New(fault.Invalid, "registration.token_invalid").WithField("uses", "registration.uses_unlimited")
		}
	}
	return wanted, nil
}

// madeInitial is a token with the one sight of it.
type madeInitial struct {
	registration.InitialToken
	token    secret.Redacted
	replayed bool
}

func (i *initialTokens) create(ctx context.Context, who Principal, fields InitialFields, of attempt) (madeInitial, error) {
	wanted, err := fields.words()
	if err == nil {
		err = i.knowsScopes(ctx, wanted.Policy)
	}
	if err != nil {
		return madeInitial{}, err
	}
	var made madeInitial
	err = i.store.inTransaction(ctx, func(ctx context.Context) error {
		made = madeInitial{}
		name, replayed, err := i.keys.once(ctx, of, func(ctx context.Context) (string, error) {
			created, err := i.tokens.Create(ctx, wanted, who.author())
			made.InitialToken, made.token = created.InitialToken, created.Token
			return created.ID.String(), err
		})
		if err != nil || !replayed {
			return err
		}
		made.replayed = true
		id, err := uuid.Parse(name)
		if err != nil {
			return fmt.Errorf("read what an idempotency key made: %w", err)
		}
		made.InitialToken, err = i.tokens.Find(ctx, id)
		return err
	})
	return made, err
}

// knowsScopes refuses the names of scopes that can't be granted: they would be mistyped.
func (i *initialTokens) knowsScopes(ctx context.Context, policy registration.Policy) error {
	known, err := scopeNames(ctx, i.scopes, func(entry scope.Scope) bool { return entry.Active && !oauth.IsAdministrationScope(entry.Name) })
	if err != nil {
		return err
	}
	if err := withUnknown(fault.New(fault.Invalid, "registration.policy_invalid"), "scopes", policy.Scopes, known); err != nil {
		return err
	}
	return withUnknown(fault.New(fault.Invalid, "registration.policy_invalid"), "default_scopes", policy.DefaultScopes, known)
}

func (i *initialTokens) revoke(ctx context.Context, who Principal, token uuid.UUID, ifMatch string) (registration.InitialToken, error) {
	var revoked registration.InitialToken
	err := i.store.inTransaction(ctx, func(ctx context.Context) error {
		if ifMatch != "" {
			known, err := i.tokens.Find(ctx, token)
			if err == nil && !matches(ifMatch, etag(i.view(known))) {
				err = precondition()
			}
			if err != nil {
				return err
			}
		}
		var err error
		revoked, err = i.tokens.Revoke(ctx, token, who.author())
		return err
	})
	return revoked, err
}
