package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"authly/internal/config"
)

// madeTokenText is what a person reads about a token that was just made: the token
// alone on its line, to be copied, and what it is good for.
func madeTokenText(settings config.Config, t RegistrationToken) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\nThis is the token %q. Copy it now: it is not shown again.\n", t.Token, t.Name)
	fmt.Fprintf(&text, "Clients are registered with a POST to %s/oauth/register\nand the header \"Authorization: Bearer\" with the token.\n", settings.Issuer)
	if settings.Registration.Mode == "off" {
		text.WriteString("\nNot yet: registration.mode is off. Set it to initial_access_token (AUTHLY_REGISTRATION_MODE) where the server runs.\n")
	}
	uses := "any number of clients"
	switch {
	case t.UsesLeft == 1:
		uses = "one client"
	case t.UsesLeft > 1:
		uses = strconv.FormatInt(t.UsesLeft, 10) + " clients"
	}
	unused := "stay"
	if t.UnusedLifetime > 0 {
		unused = "are deleted after " + config.FormatDuration(t.UnusedLifetime)
	}
	for _, line := range [][2]string{
		{"id", t.ID},
		{"for", uses},
		{"until", timeText(t.ExpiresAt, "it is revoked")},
		{"profile", t.Profile},
		{"scopes", strings.Join(t.Scopes, " ")},
		{"authentication", strings.Join(t.AuthenticationMethods, " ")},
		{"grants", strings.Join(t.GrantTypes, " ")},
		{"unused clients", unused},
	} {
		if line[1] != "" {
			fmt.Fprintf(&text, "\n%-16s%s", line[0], line[1])
		}
	}
	text.WriteString("\n")
	return text.String()
}

// registrationTokenDocument is a token in JSON. Lifetimes are in seconds.
type registrationTokenDocument struct {
	ID                    string     `json:"id"`
	Name                  string     `json:"name"`
	Token                 string     `json:"token,omitempty"`
	Profile               string     `json:"security_profile"`
	Scopes                []string   `json:"scopes"`
	DefaultScopes         []string   `json:"default_scopes"`
	AuthenticationMethods []string   `json:"authentication_methods"`
	GrantTypes            []string   `json:"grant_types"`
	Resources             []string   `json:"resources,omitempty"`
	Consent               string     `json:"consent"`
	PKCE                  string     `json:"pkce,omitempty"`
	AssertionAudience     string     `json:"assertion_audience,omitempty"`
	ResponseModes         []string   `json:"response_modes,omitempty"`
	RefreshTokenRotation  string     `json:"refresh_token_rotation,omitempty"`
	AccessTokenLifetime   int64      `json:"access_token_lifetime,omitempty"`
	RefreshTokenLifetime  int64      `json:"refresh_token_lifetime,omitempty"`
	UnusedLifetime        int64      `json:"unused_lifetime,omitempty"`
	UsesLeft              *int64     `json:"uses_left"`
	CreatedAt             *time.Time `json:"created_at"`
	ExpiresAt             *time.Time `json:"expires_at"`
	RevokedAt             *time.Time `json:"revoked_at"`
}

func registrationTokensView(nothing string) view[RegistrationToken] {
	return view[RegistrationToken]{
		nothing: nothing,
		heading: []string{"ID", "NAME", "PROFILE", "USES LEFT", "EXPIRES", "REVOKED"},
		row: func(t RegistrationToken) []string {
			uses := "any"
			if t.UsesLeft >= 0 {
				uses = strconv.FormatInt(t.UsesLeft, 10)
			}
			return []string{t.ID, strings.ReplaceAll(t.Name, "\t", " "), t.Profile, uses, timeText(t.ExpiresAt, "never"), timeText(t.RevokedAt, "-")}
		},
		item: func(t RegistrationToken) any {
			shown := registrationTokenDocument{
				ID: t.ID, Name: t.Name, Token: t.Token, Profile: t.Profile, Scopes: t.Scopes, DefaultScopes: t.DefaultScopes,
				AuthenticationMethods: t.AuthenticationMethods, GrantTypes: t.GrantTypes, Resources: t.Resources, Consent: t.Consent, PKCE: t.PKCE,
				AssertionAudience: t.AssertionAudience, ResponseModes: t.ResponseModes, RefreshTokenRotation: t.RefreshTokenRotation,
				AccessTokenLifetime: int64(t.AccessTokenLifetime / time.Second), RefreshTokenLifetime: int64(t.RefreshTokenLifetime / time.Second),
				UnusedLifetime: int64(t.UnusedLifetime / time.Second),
				CreatedAt:      timeOrNil(t.CreatedAt), ExpiresAt: timeOrNil(t.ExpiresAt), RevokedAt: timeOrNil(t.RevokedAt),
			}
			if t.UsesLeft >= 0 {
				shown.UsesLeft = &t.UsesLeft
			}
			return shown
		},
	}
}
