package user

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
	"authly/internal/protocol/policy"
)

// maxClaimBytes bounds one claim, and maxTagBytes a language tag and the name of a time
// zone, which are indexed.
const (
	maxClaimBytes = 1000
	maxTagBytes   = 100
)

// New is a user to create.
type New struct {
	Username      string
	Email         string // optional
	EmailVerified bool
	Administrator bool
	// Password is optional; without one the user can't sign in with a password.
	Password              secret.Redacted
	RequirePasswordChange bool
	// Temporary limits the password to [TemporaryLifetime].
	Temporary bool
	State     State  // Active if empty
	ManagedBy string // the file that the account follows, "" for none
	// Claims is the rest of the profile. Its PreferredUsername, Email,
	// EmailVerified and UpdatedAt are ignored: they have their own columns.
	Claims oidc.StandardClaims
}

// tidy removes empty parts of the claims.
func tidy(claims oidc.StandardClaims) oidc.StandardClaims {
	if claims.PhoneNumber == "" {
		claims.PhoneNumberVerified = nil
	}
	if claims.Address != nil && *claims.Address == (oidc.Address{}) {
		claims.Address = nil
	}
	return claims
}

// validate returns a refusal of kind Invalid that names every invalid field, or nil.
func (n New) validate(rules policy.PasswordRules, contextWords []string) error {
	refusal := fault.New(fault.Invalid, "user.invalid")
	switch {
	case n.Username == "":
		refusal = refusal.WithField("username", "user.username_required")
	case policy.ValidateUsername(n.Username) != nil:
		refusal = refusal.WithField("username", "user.username_invalid")
	}
	if n.Email != "" && policy.ValidateEmail(n.Email) != nil {
		refusal = refusal.WithField("email", "user.email_invalid")
	}
	if n.EmailVerified && n.Email == "" {
		refusal = refusal.WithField("email_verified", "user.nothing_verified")
	}
	if n.Claims.PhoneNumberVerified != nil && *n.Claims.PhoneNumberVerified && n.Claims.PhoneNumber == "" {
		refusal = refusal.WithField("phone_number_verified", "user.nothing_verified")
	}
	if n.State != "" && n.State != Active && n.State != Disabled {
		refusal = refusal.WithField("state", "user.state_invalid")
	}
	if !n.Password.IsZero() {
		if reasons := rules.Check(n.Password.Reveal(), contextWords...); len(reasons) > 0 {
			refusal = refusal.WithField("password", string(reasons[0]))
		}
	}
	if n.ManagedBy != "" && !policy.ValidManager(n.ManagedBy) {
		refusal = refusal.WithField("managed_by", "user.manager_invalid")
	}
	for field, ok := range checkClaims(n.Claims) {
		if !ok {
			refusal = refusal.WithField(field, "user.claim_invalid")
		}
	}
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// checkNewUsername refuses a username that is no longer allowed for new users, though existing users keep it.
func checkNewUsername(username string) error {
	refusal := fault.New(fault.Invalid, "user.invalid")
	switch err := policy.ValidateNewUsername(username); {
	case errors.Is(err, policy.ErrMixedScripts):
		return refusal.WithField("username", "user.username_mixed")
	case errors.Is(err, policy.ErrLikeIdentifier):
		return refusal.WithField("username", "user.username_reserved")
	case err != nil:
		return refusal.WithField("username", "user.username_invalid")
	default:
		return nil
	}
}

var (
	birthdatePattern = regexp.MustCompile(`^[0-9]{4}(-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?$`)
	phonePattern     = regexp.MustCompile(`^\+[1-9][0-9]{1,14}(;ext=[0-9]{1,10})?$`)
	zonePattern      = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`)
	localePattern    = regexp.MustCompile(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$`)
)

// checkClaims reports for each claim whether it has the form of OpenID Connect
// Core 1.0 section 5.1. A claim without a value is valid.
func checkClaims(claims oidc.StandardClaims) map[string]bool {
	checked := map[string]bool{
		"birthdate":    claims.Birthdate == "" || birthdatePattern.MatchString(claims.Birthdate),
		"phone_number": claims.PhoneNumber == "" || phonePattern.MatchString(claims.PhoneNumber),
		"zoneinfo":     len(claims.ZoneInfo) <= maxTagBytes && (claims.ZoneInfo == "" || zonePattern.MatchString(claims.ZoneInfo)),
		"locale":       len(claims.Locale) <= maxTagBytes && (claims.Locale == "" || localePattern.MatchString(claims.Locale)),
	}
	for field, text := range map[string]string{
		"name": claims.Name, "given_name": claims.GivenName, "family_name": claims.FamilyName, "middle_name": claims.MiddleName,
		"nickname": claims.Nickname, "gender": claims.Gender,
	} {
		checked[field] = isLine(text)
	}
	for field, link := range map[string]string{"profile": claims.Profile, "picture": claims.Picture, "website": claims.Website} {
		checked[field] = link == "" || isWebPage(link)
	}
	if address := claims.Address; address != nil {
		checked["address"] = isShort(address.Formatted) && isShort(address.StreetAddress) && // these two may have several lines
			isLine(address.Locality) && isLine(address.Region) && isLine(address.PostalCode) && isLine(address.Country)
	}
	return checked
}

// isShort reports whether a text is within the bound and free of characters that PostgreSQL can't store.
func isShort(text string) bool {
	return len(text) <= maxClaimBytes && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

func isLine(text string) bool { return isShort(text) && !strings.ContainsFunc(text, unicode.IsControl) }

func isWebPage(link string) bool {
	parsed, err := url.Parse(link)
	return err == nil && isLine(link) && parsed.Host != "" && parsed.User == nil && (parsed.Scheme == "https" || parsed.Scheme == "http")
}
