package user

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
	"authly/internal/protocol/policy"
)

// State says whether a user may sign in.
type State string

// The states of a user.
const (
	Active   State = "active"
	Disabled State = "disabled"
)

// User is a person with an account.
type User struct {
	ID                    uuid.UUID
	Username              string
	Email                 string // "" if unknown
	EmailVerified         bool
	State                 State
	Administrator         bool
	RequirePasswordChange bool
	ManagedBy             string // the file that the account follows, "" for none
	// Claims has everything that a client may learn, including username, e-mail address
	// and the time of the last change (OpenID Connect Core 1.0 section 5.1).
	Claims      oidc.StandardClaims
	CreatedAt   time.Time
	UpdatedAt   time.Time
	LastLoginAt *time.Time
	// PasswordExpiresAt is when a temporary password stops working; nil for a permanent one.
	PasswordExpiresAt *time.Time

	passwordHash      secret.Redacted // zero: the user has no password
	credentialVersion int64           // raised by every change of the user's credentials; see Verified
}

// Subject returns the user's identifier in tokens.
func (u User) Subject() string { return u.ID.String() }

// IsActive reports whether the user may sign in and the user's consents count.
func (u User) IsActive() bool { return u.State == Active }

// MayAdminister reports whether the user may administer this server now. A user who must change
// their password may not: whoever set that password knows it.
func (u User) MayAdminister() bool {
	return u.Administrator && u.IsActive() && !u.RequirePasswordChange
}

// HasPassword reports whether the user has a password to sign in with.
func (u User) HasPassword() bool { return !u.passwordHash.IsZero() }

// contextWords are the words that the user's password must not consist of.
func (u User) contextWords() []string {
	return []string{u.Username, u.Email, u.Claims.Name, u.Claims.GivenName, u.Claims.FamilyName, u.Claims.Nickname}
}

// withClaims fills in the claims that have columns of their own.
func (u User) withClaims() User {
	u.Claims.PreferredUsername, u.Claims.UpdatedAt, u.Claims.Email = u.Username, u.UpdatedAt, u.Email
	u.Claims.EmailVerified = nil
	if u.Email != "" {
		verified := u.EmailVerified
		u.Claims.EmailVerified = &verified
	}
	return u
}

// maxSurroundingSpace is how much white space around an identifier is tolerated.
const maxSurroundingSpace = 16

// FoldIdentifier returns the form in which an identifier that a user types
// is compared: a username or an e-mail address. An error means that no user
// can have it.
func FoldIdentifier(typed string) (string, error) {
	if len(typed) > policy.MaxUsernameBytes+maxSurroundingSpace {
		return "", policy.ErrInvalidUsername
	}
	typed = strings.TrimSpace(typed) // keyboards of telephones add one
	if strings.Contains(typed, "@") {
		return policy.FoldEmail(typed)
	}
	return policy.FoldUsername(typed)
}
