package oidc

import (
	"slices"
	"time"

	"authly/internal/protocol/oauth"
)

// StandardClaims are the claims about a user that OpenID Connect Core 1.0 defines
// (section 5.1). A zero value means unknown.
type StandardClaims struct {
	Name                string
	GivenName           string
	FamilyName          string
	MiddleName          string
	Nickname            string
	PreferredUsername   string
	Profile             string // URL
	Picture             string // URL
	Website             string // URL
	Gender              string
	Birthdate           string // YYYY-MM-DD, 0000-MM-DD or YYYY
	ZoneInfo            string // such as Europe/Berlin
	Locale              string // BCP 47
	UpdatedAt           time.Time
	Email               string
	EmailVerified       *bool // nil: unknown; only with Email
	Address             *Address
	PhoneNumber         string // E.164
	PhoneNumberVerified *bool  // nil: unknown; only with PhoneNumber
}

// Address is the address claim (section 5.1.1).
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

// ClaimsForScopes returns the claims of the scopes (section 5.4), and always
// sub. Claims without a value are left out (section 5.3.2); the address is an [Address],
// updated_at a number of seconds, and the rest strings and booleans.
func (c StandardClaims) ClaimsForScopes(subject string, scopes oauth.ScopeSet) map[string]any {
	claims := map[string]any{"sub": subject}
	all := c.values()
	for _, scope := range scopes {
		for _, name := range ClaimsOfScope(scope) {
			if value, ok := all[name]; ok {
				claims[name] = value
			}
		}
	}
	return claims
}

// ClaimsByName returns the claims among the named ones that have a value.
func (c StandardClaims) ClaimsByName(names []string) map[string]any {
	claims, all := map[string]any{}, c.values()
	for _, name := range names {
		if value, ok := all[name]; ok {
			claims[name] = value
		}
	}
	return claims
}

// ClaimsOfScope returns the names of the claims of a scope, in the
// order of section 5.4, or nothing for any other scope. For openid that is sub.
func ClaimsOfScope(scope string) []string {
	switch scope {
	case oauth.ScopeOpenID:
		return []string{"sub"}
	case oauth.ScopeProfile:
		return []string{
			"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
			"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
		}
	case oauth.ScopeEmail:
		return []string{"email", "email_verified"}
	case oauth.ScopeAddress:
		return []string{"address"}
	case oauth.ScopePhone:
		return []string{"phone_number", "phone_number_verified"}
	default:
		return nil
	}
}

// values returns every claim that has a value, by name.
func (c StandardClaims) values() map[string]any {
	values := map[string]any{}
	for name, text := range map[string]string{
		"name": c.Name, "given_name": c.GivenName, "family_name": c.FamilyName, "middle_name": c.MiddleName,
		"nickname": c.Nickname, "preferred_username": c.PreferredUsername, "profile": c.Profile, "picture": c.Picture,
		"website": c.Website, "gender": c.Gender, "birthdate": c.Birthdate, "zoneinfo": c.ZoneInfo, "locale": c.Locale,
		"email": c.Email, "phone_number": c.PhoneNumber,
	} {
		if text != "" {
			values[name] = text
		}
	}
	if !c.UpdatedAt.IsZero() {
		values["updated_at"] = c.UpdatedAt.Unix()
	}
	if c.Email != "" && c.EmailVerified != nil {
		values["email_verified"] = *c.EmailVerified
	}
	if c.PhoneNumber != "" && c.PhoneNumberVerified != nil {
		values["phone_number_verified"] = *c.PhoneNumberVerified
	}
	if c.Address != nil && *c.Address != (Address{}) {
		values["address"] = *c.Address
	}
	return values
}

// ClaimNames returns the names of the claims of the scopes, without
// duplicates: what discovery lists as claims_supported.
func ClaimNames(scopes oauth.ScopeSet) []string {
	var names []string
	for _, scope := range scopes {
		for _, name := range ClaimsOfScope(scope) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
