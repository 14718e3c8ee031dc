package registration

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// Mode says who may register clients.
type Mode string

// The modes.
const (
	Off                Mode = "off"
	InitialAccessToken Mode = "initial_access_token"
	Open               Mode = "open" // anybody, too
)

// Policy says what a client that registers itself can be at most. What is left at
// its zero value gets the default that the field's comment names.
type Policy struct {
	SecurityProfile client.SecurityProfile `json:"security_profile"` // oauth21
	// Scopes may be registered; [DefaultScopes].
	Scopes oauth.ScopeSet `json:"scopes"`
	// DefaultScopes are registered for a client that names none, or none of Scopes; all of those.
	DefaultScopes oauth.ScopeSet `json:"default_scopes,omitempty"`
	// AuthenticationMethods may be registered; every one that this server has. The
	// first is the default of a policy without client_secret_basic.
	AuthenticationMethods []oauth.AuthenticationMethod `json:"authentication_methods"`
	GrantTypes            []oauth.GrantType            `json:"grant_types"` // authorization_code and refresh_token
	// Resources are those for which the client may ask for tokens (RFC 8707); none.
	Resources []string             `json:"resources,omitempty"`
	Consent   client.ConsentPolicy `json:"consent"` // remember
	// What the profile decides can be decided one by one. What a public client can't have, one that
	// registers as such does not get.
	PKCE                 client.PKCE                 `json:"pkce,omitempty"`                   // by profile
	AssertionAudience    client.AssertionAudience    `json:"assertion_audience,omitempty"`     // by profile
	ResponseModes        []oauth.ResponseMode        `json:"response_modes,omitempty"`         // by profile
	RefreshTokenRotation client.RefreshTokenRotation `json:"refresh_token_rotation,omitempty"` // by profile
	// Lifetimes are in seconds; 0 means the server's own.
	AccessTokenLifetime  int64 `json:"access_token_lifetime,omitempty"`
	RefreshTokenLifetime int64 `json:"refresh_token_lifetime,omitempty"`
	// UnusedLifetime is after how many seconds a client is deleted that was never
	// used; 0 keeps it.
	UnusedLifetime int64 `json:"unused_lifetime,omitempty"`
}

// The bounds of a policy and of an initial access token.
const (
	maxNameBytes      = 200
	maxScopes         = 100
	maxUses           = 1_000_000
	minUnusedLifetime = time.Minute
	maxLifetime       = 10 * 365 * 24 * time.Hour
)

// DefaultScopes returns what a policy allows that says nothing of scopes.
func DefaultScopes() oauth.ScopeSet {
	return oauth.ScopeSet{
		oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone, oauth.ScopeOfflineAccess,
	}
}

func (p Policy) withDefaults() Policy {
	if p.SecurityProfile == "" {
		p.SecurityProfile = client.ProfileOAuth21
	}
	if len(p.Scopes) == 0 {
		p.Scopes = DefaultScopes()
	}
	if len(p.DefaultScopes) == 0 {
		p.DefaultScopes = p.Scopes
	}
	if len(p.AuthenticationMethods) == 0 {
		p.AuthenticationMethods = client.AuthenticationMethods()
	}
	if len(p.GrantTypes) == 0 {
		p.GrantTypes = []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken}
	}
	if p.Consent == "" {
		p.Consent = client.ConsentRemember
	}
	return p
}

// validate returns a refusal that names every wrong field, or nil. A policy can't
// let a client skip consent: nobody has looked at it.
func (p Policy) validate() error {
	refusal := fault.New(fault.Invalid, "registration.policy_invalid")
	check := func(field, key string, sound bool) {
		if !sound {
			refusal = refusal.WithField(field, key)
		}
	}
	const unknown, lifetime = "registration.value_invalid", "registration.lifetime_invalid"
	check("security_profile", unknown, p.SecurityProfile.IsKnown())
	check("scopes", "registration.scope_invalid", len(p.Scopes) <= maxScopes && !slices.ContainsFunc(p.Scopes, func(name string) bool {
		return !oauth.ValidScopeName(name) || oauth.IsAdministrationScope(name)
	}))
	check("default_scopes", "registration.scope_not_allowed", p.Scopes.ContainsAll(p.DefaultScopes))
	check("authentication_methods", unknown, containsAll(client.AuthenticationMethods(), p.AuthenticationMethods))
	check("grant_types", unknown, containsAll(client.GrantTypes(), p.GrantTypes))
	_, err := oauth.ParseResources(p.Resources)
	check("resources", "registration.resource_invalid", err == nil)
	check("consent", unknown, p.Consent == client.ConsentRemember || p.Consent == client.ConsentAlways)
	check("pkce", unknown, p.PKCE == "" || slices.Contains(client.PKCEPolicies(), p.PKCE))
	check("assertion_audience", unknown, p.AssertionAudience == "" || slices.Contains(client.AssertionAudiences(), p.AssertionAudience))
	check("response_modes", unknown, containsAll(oauth.ResponseModes(), p.ResponseModes))
	check("refresh_token_rotation", unknown, p.RefreshTokenRotation == "" || slices.Contains(client.RefreshTokenRotations(), p.RefreshTokenRotation))
	check("access_token_lifetime", lifetime, isLifetime(p.AccessTokenLifetime))
	check("refresh_token_lifetime", lifetime, isLifetime(p.RefreshTokenLifetime))
	check("unused_lifetime", "registration.unused_lifetime_invalid", isLifetime(p.UnusedLifetime) && (p.UnusedLifetime == 0 || inSecondsOf(p.UnusedLifetime) >= minUnusedLifetime))
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// base returns the metadata of which the client writes the rest.
func (p Policy) base() client.Metadata {
	return client.Metadata{
		RegisteredBy: client.ByClient, SecurityProfile: p.SecurityProfile, Resources: p.Resources, Consent: p.Consent,
		PKCE: p.PKCE, AssertionAudience: p.AssertionAudience, ResponseModes: slices.Clone(p.ResponseModes), RefreshTokenRotation: p.RefreshTokenRotation,
		AccessTokenLifetime: client.Seconds(p.AccessTokenLifetime), RefreshTokenLifetime: client.Seconds(p.RefreshTokenLifetime),
	}
}

// settled returns the policy for a client of which an administrator has set something: there the
// administrator's choice counts, also where it goes beyond the policy.
func (p Policy) settled(known client.Client) Policy {
	if known.Settled.Has("scopes") {
		p.Scopes = known.Settled["scopes"]
		p.DefaultScopes = p.Scopes
	}
	if known.Settled.Has("grant_types") {
		p.GrantTypes = words[oauth.GrantType](known.Settled["grant_types"])
	}
	if known.Settled.Has("token_endpoint_auth_method") {
		p.AuthenticationMethods = []oauth.AuthenticationMethod{known.AuthenticationMethod}
	}
	return p
}

func isLifetime(seconds int64) bool { return seconds >= 0 && seconds <= int64(maxLifetime/time.Second) }

func inSecondsOf(seconds int64) time.Duration { return time.Duration(seconds) * time.Second }

// unusedUntil returns when an unused client is deleted, or nil.
func (p Policy) unusedUntil(now time.Time) *time.Time {
	if p.UnusedLifetime == 0 {
		return nil
	}
	end := now.Add(inSecondsOf(p.UnusedLifetime))
	return &end
}

func containsAll[T comparable](all, some []T) bool {
	return !slices.ContainsFunc(some, func(each T) bool { return !slices.Contains(all, each) })
}

func validName(name string) bool {
	return strings.TrimSpace(name) != "" && len(name) <= maxNameBytes && !strings.ContainsFunc(name, unicode.IsControl)
}
