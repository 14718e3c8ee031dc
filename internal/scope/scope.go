package scope

import (
	"time"

	"authly/internal/protocol/oauth"
)

// Lifetime is how long the catalogue is cached in memory.
const Lifetime = 15 * time.Second

// Scope is an entry of the catalogue.
type Scope struct {
	Name        string
	Description string // what a user reads after "{client} will be able to"
	Default     bool   // granted to a request without scopes
	Active      bool
	ManagedBy   string // the file that the entry follows, "" for none
}

// standard returns the scopes that every server starts with.
func standard() []Scope {
	return []Scope{
		{oauth.ScopeOpenID, "Know who you are by a number that stands for your account", true, true, ""},
		{oauth.ScopeProfile, "See your name, picture and other details of your profile", true, true, ""},
		{oauth.ScopeEmail, "See your e-mail address", true, true, ""},
		{oauth.ScopeAddress, "See your postal address", false, true, ""},
		{oauth.ScopePhone, "See your phone number", false, true, ""},
		{oauth.ScopeOfflineAccess, "Keep this access while you are away, until you end it", false, true, ""},
	}
}

// administration returns the scopes of this server's own administration. They are granted to
// administrators only.
func administration() []Scope {
	return []Scope{
		{"admin:clients:read", "See the applications that this server knows", false, true, ""},
		{"admin:clients:write", "Add, change and remove applications, and give them secrets", false, true, ""},
		{"admin:scopes:read", "See which permissions there are", false, true, ""},
		{"admin:scopes:write", "Add, change and remove permissions", false, true, ""},
		{"admin:users:read", "See all accounts and their details", false, true, ""},
		{"admin:users:write", "Add, change, disable and remove accounts", false, true, ""},
		{"admin:sessions:read", "See who is signed in", false, true, ""},
		{"admin:sessions:write", "Sign people out", false, true, ""},
		{"admin:tokens:read", "See what applications were allowed", false, true, ""},
		{"admin:tokens:write", "Take away what applications were allowed", false, true, ""},
		{"admin:keys:read", "See the signing keys without their private parts", false, true, ""},
		{"admin:keys:write", "Replace and retire signing keys", false, true, ""},
		{"admin:audit:read", "Read the log of what happened on this server", false, true, ""},
		{"admin:system:read", "See how this server is doing", false, true, ""},
		{"admin:system:write", "Look after this server", false, true, ""},
	}
}
