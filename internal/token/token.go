package token

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// Request is a token request whose client has been authenticated and may use the grant.
type Request struct {
	Client client.Client
	Params oauth.Params
	Now    time.Time
	// Administration is the resource of this server's own administration, "" for none.
	Administration string
}

// Resource returns the resource that is asked for, as it is written in the client's record
// (RFC 8707 section 2). A client that may administer may have tokens for that, whatever
// its record has.
func (r *Request) Resource(requested string) (string, bool) {
	known, ok := r.Client.Resource(requested)
	if !ok && r.Administration != "" && r.Client.MayAdminister() && oauth.SameResource(r.Administration, requested) {
		return r.Administration, true
	}
	return known, ok
}

// Authorization is what a grant proved: on whose behalf the client may have
// tokens, for what, and what has to be consumed with their making.
type Authorization struct {
	// Family is the authorization that the tokens belong to. It is nil for a
	// client that acts on its own behalf (RFC 6749 section 4.4).
	Family *Family
	// Scopes and Resources are the most that may be issued now.
	Scopes    oauth.ScopeSet
	Resources []string
	// Nonce is echoed in the ID token of the first response (OpenID Connect Core 1.0 section 2).
	Nonce string
	// Use is what is consumed.
	Use Use
}

// Family is everything that is issued from one authorization of a user.
type Family struct {
	Delegation
	ID      uuid.UUID
	Offline bool
	// SessionExpiresAt is the absolute end of the session, which no token outlives; nil with offline access.
	SessionExpiresAt *time.Time
	CreatedAt        time.Time
	ExpiresAt        time.Time

	sessionLives bool // of a family that was found live: its session has not ended
}

// atMost returns the end of an access token that would last until a time: none outlives the
// authorization, or without offline access the session.
func (f *Family) atMost(end time.Time) time.Time {
	if f.ExpiresAt.Before(end) {
		end = f.ExpiresAt
	}
	if f.SessionExpiresAt != nil && f.SessionExpiresAt.Before(end) {
		end = *f.SessionExpiresAt
	}
	return end
}

// Use is what a token response consumes. At most one of the two is set.
type Use struct {
	Code    *CodeUse
	Refresh *RefreshUse
}

// CodeUse consumes an authorization code and begins its family.
type CodeUse struct{ ID uuid.UUID }

// RefreshUse uses a refresh token.
type RefreshUse struct {
	ID uuid.UUID
	// Presented is the token as the client sent it, from which its successor is derived.
	Presented secret.Redacted
}

// Grant proves an authorization and nothing more: the endpoint authenticates
// the client before it, and narrows, mints, stores and answers after it.
type Grant interface {
	// Type returns the grant_type it answers to.
	Type() oauth.GrantType
	// Authorize returns what the request proves, or an [*oauth.Error].
	Authorize(ctx context.Context, request *Request) (*Authorization, error)
}

// Minting is what an access token is made of.
type Minting struct {
	ID            uuid.UUID
	Client        client.Client
	Authorization *Authorization
	// Subject is whom the token is about: the user, as the client knows them, or the
	// client itself (RFC 9068 section 2.2).
	Subject  string
	Scopes   oauth.ScopeSet
	Audience []string
	// Claims are those that may still be given by name.
	Claims    oidc.ClaimsRequest
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// Format makes access tokens.
type Format interface {
	// Name is the value of the client's setting that chooses it.
	Name() client.AccessTokenFormat
	// Mint returns the token. Only a handle that can't be told from the token's own
	// contents has a digest.
	Mint(minting Minting) (Minted, error)
}

// Minted is a new access token.
type Minted struct {
	Value  secret.Redacted
	Digest *secret.Digest
}
