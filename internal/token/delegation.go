package token

import (
	"time"

	"github.com/google/uuid"

	"authly/internal/protocol/entitlement"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// Delegation is what a user allowed a client, and how the user signed in for that. A code and the
// family that it begins share it.
type Delegation struct {
	Client                uuid.UUID
	ClientEpoch           int64 // of the client when the code was issued; see [client.Client]
	UserID                uuid.UUID
	GrantID               uuid.UUID
	SessionID             *uuid.UUID
	Scopes                oauth.ScopeSet
	Resources             []string
	Claims                oidc.ClaimsRequest
	AuthenticationMethods []string
	AuthenticatedAt       time.Time
	// MaxAgeRequested makes auth_time part of every ID token.
	MaxAgeRequested bool
}

// authorization returns the part that the client's limits narrow.
func (d Delegation) authorization() entitlement.Authorization {
	return entitlement.Authorization{Scopes: d.Scopes, Resources: d.Resources, Claims: d.Claims}
}
