package scope

import (
	"time"

	"authly/internal/protocol/oauth"
)

// Lifetime is how long the catalogue is kept in memory.
const Lifetime = 15 * time.Second

// Scope is an entry of the catalogue.
type Scope struct {
	Name        string
	Description string // what a person reads after "{client} will be able to"
	Default     bool   // granted when a client asks for no scope
	Active      bool
}

// standard returns the scopes that every server starts with.
func standard() []Scope {
	return []Scope{
		{oauth.ScopeOpenID, "Know who you are by a number that stands for your account", true, true},
		{oauth.ScopeProfile, "See your name, picture and other details of your profile", true, true},
		{oauth.ScopeEmail, "See your e-mail address", true, true},
		{oauth.ScopeAddress, "See your postal address", false, true},
		{oauth.ScopePhone, "See your phone number", false, true},
		{oauth.ScopeOfflineAccess, "Keep this access while you are away, until you end it", false, true},
	}
}
