package admin

import (
	"strings"
	"time"

	"authly/internal/protocol/oidc"
	"authly/internal/user"
)

// User is what can be read of a user. Names are those of the claims of OpenID Connect
// Core 1.0, section 5.1, where there is one.
type User struct {
	ID                    string     `json:"id" doc:"The subject identifier in tokens; for clients with pairwise subjects another one."`
	Username              string     `json:"username" doc:"Also the claim preferred_username."`
	Email                 string     `json:"email,omitempty"`
	EmailVerified         bool       `json:"email_verified"`
	State                 user.State `json:"state"`
	Administrator         bool       `json:"administrator"`
	RequirePasswordChange bool       `json:"require_password_change" doc:"Whether the user can do nothing before choosing a new password."`
	HasPassword           bool       `json:"has_password"`
	PasswordExpiresAt     *time.Time `json:"password_expires_at,omitempty" doc:"When a temporary password stops working; left out for one that stays."`
	ManagedBy             string     `json:"managed_by,omitempty" doc:"The file that the user follows; see authly apply."`
	Name                  string     `json:"name,omitempty"`
	GivenName             string     `json:"given_name,omitempty"`
	FamilyName            string     `json:"family_name,omitempty"`
	MiddleName            string     `json:"middle_name,omitempty"`
	Nickname              string     `json:"nickname,omitempty"`
	Profile               string     `json:"profile,omitempty"`
	Picture               string     `json:"picture,omitempty"`
	Website               string     `json:"website,omitempty"`
	Gender                string     `json:"gender,omitempty"`
	Birthdate             string     `json:"birthdate,omitempty"`
	ZoneInfo              string     `json:"zoneinfo,omitempty"`
	Locale                string     `json:"locale,omitempty"`
	PhoneNumber           string     `json:"phone_number,omitempty"`
	PhoneNumberVerified   bool       `json:"phone_number_verified"`
	Address               *Address   `json:"address,omitempty"`
	CreatedAt             time.Time  `json:"created_at"`
	UpdatedAt             time.Time  `json:"updated_at"`
	LastLoginAt           *time.Time `json:"last_login_at,omitempty"`
}

// Address is the address claim (OpenID Connect Core 1.0, section 5.1.1).
type Address struct {
	Formatted     string `json:"formatted,omitempty" required:"false"`
	StreetAddress string `json:"street_address,omitempty" required:"false"`
	Locality      string `json:"locality,omitempty" required:"false"`
	Region        string `json:"region,omitempty" required:"false"`
	PostalCode    string `json:"postal_code,omitempty" required:"false"`
	Country       string `json:"country,omitempty" required:"false"`
}

// UserDetails is a user with what is counted for one at a time.
type UserDetails struct {
	User
	ActiveSessions int64 `json:"active_sessions" doc:"In how many browsers the user is signed in."`
}

func userView(u user.User) User {
	claims := u.Claims
	return User{
		ID: u.Subject(), Username: u.Username, Email: u.Email, EmailVerified: u.EmailVerified, State: u.State, Administrator: u.Administrator,
		RequirePasswordChange: u.RequirePasswordChange, HasPassword: u.HasPassword(), PasswordExpiresAt: inUTC(u.PasswordExpiresAt), ManagedBy: u.ManagedBy,
		Name: claims.Name, GivenName: claims.GivenName, FamilyName: claims.FamilyName, MiddleName: claims.MiddleName, Nickname: claims.Nickname,
		Profile: claims.Profile, Picture: claims.Picture, Website: claims.Website, Gender: claims.Gender, Birthdate: claims.Birthdate,
		ZoneInfo: claims.ZoneInfo, Locale: claims.Locale, PhoneNumber: claims.PhoneNumber,
		PhoneNumberVerified: claims.PhoneNumberVerified != nil && *claims.PhoneNumberVerified, Address: (*Address)(claims.Address),
		CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(), LastLoginAt: u.LastLoginAt,
	}
}

// userTag is the entity tag of a user. A sign-in is no change that anybody could undo.
func userTag(u user.User) string {
	view := userView(u)
	view.LastLoginAt = nil
	return etag(view)
}

// userFieldsOf returns what may be read of a user, as JSON has it, for comparing.
func userFieldsOf(u user.User) map[string]any {
	fields := asJSON(userView(u))
	delete(fields, "updated_at")
	delete(fields, "last_login_at")
	return fields
}

// UserFields are the members of a user that an administrator writes.
type UserFields struct {
	Username              Patch[string]   `json:"username" required:"false" doc:"Letters, digits and . _ - +."`
	Email                 Patch[string]   `json:"email" required:"false" doc:"The e-mail address; null for none."`
	EmailVerified         Patch[bool]     `json:"email_verified" required:"false" doc:"Whether the e-mail address is verified; false again with a new one unless sent with it."`
	Administrator         Patch[bool]     `json:"administrator" required:"false" doc:"Whether the user may administer this server."`
	RequirePasswordChange Patch[bool]     `json:"require_password_change" required:"false" doc:"Whether the user can do nothing before choosing a new password; true for a new user with a password unless false is sent."`
	ManagedBy             Patch[string]   `json:"managed_by" required:"false" doc:"The file that the user follows; see authly apply. Empty again with a new username unless sent with it."`
	Name                  Patch[string]   `json:"name" required:"false" doc:"The whole name as it is shown."`
	GivenName             Patch[string]   `json:"given_name" required:"false" doc:"The given or first names."`
	FamilyName            Patch[string]   `json:"family_name" required:"false" doc:"The family or last names."`
	MiddleName            Patch[string]   `json:"middle_name" required:"false" doc:"The middle names."`
	Nickname              Patch[string]   `json:"nickname" required:"false" doc:"A casual name."`
	Profile               Patch[string]   `json:"profile" required:"false" doc:"The address of a page."`
	Picture               Patch[string]   `json:"picture" required:"false" doc:"The address of a picture."`
	Website               Patch[string]   `json:"website" required:"false" doc:"The address of a page."`
	Gender                Patch[string]   `json:"gender" required:"false" doc:"The gender: female, male, or any other word."`
	Birthdate             Patch[string]   `json:"birthdate" required:"false" doc:"YYYY-MM-DD, 0000-MM-DD or YYYY."`
	ZoneInfo              Patch[string]   `json:"zoneinfo" required:"false" doc:"The time zone, such as Europe/Berlin."`
	Locale                Patch[string]   `json:"locale" required:"false" doc:"A language tag (BCP 47)."`
	PhoneNumber           Patch[string]   `json:"phone_number" required:"false" doc:"The telephone number, as E.164 has it."`
	PhoneNumberVerified   Patch[bool]     `json:"phone_number_verified" required:"false" doc:"Whether the telephone number is verified; false again with a new one unless sent with it."`
	Address               Patch[*Address] `json:"address" required:"false" doc:"Replaced as a whole."`
}

// apply changes what was sent.
func (f UserFields) apply(p *user.Profile) {
	username, email, phone := p.Username, p.Email, p.Claims.PhoneNumber
	f.Username.into(&p.Username)
	f.Email.into(&p.Email)
	p.EmailVerified = p.EmailVerified && p.Email == email
	f.EmailVerified.into(&p.EmailVerified)
	f.Administrator.into(&p.Administrator)
	f.RequirePasswordChange.into(&p.RequirePasswordChange)
	if !strings.EqualFold(p.Username, username) {
		p.ManagedBy = "" // a file knows the account by its name, and would take it for one that is gone from it
	}
	f.ManagedBy.into(&p.ManagedBy)
	claims := &p.Claims
	f.Name.into(&claims.Name)
	f.GivenName.into(&claims.GivenName)
	f.FamilyName.into(&claims.FamilyName)
	f.MiddleName.into(&claims.MiddleName)
	f.Nickname.into(&claims.Nickname)
	f.Profile.into(&claims.Profile)
	f.Picture.into(&claims.Picture)
	f.Website.into(&claims.Website)
	f.Gender.into(&claims.Gender)
	f.Birthdate.into(&claims.Birthdate)
	f.ZoneInfo.into(&claims.ZoneInfo)
	f.Locale.into(&claims.Locale)
	f.PhoneNumber.into(&claims.PhoneNumber)
	verified := claims.PhoneNumberVerified != nil && *claims.PhoneNumberVerified && claims.PhoneNumber == phone
	f.PhoneNumberVerified.into(&verified)
	if claims.PhoneNumberVerified = nil; verified || claims.PhoneNumber != "" {
		claims.PhoneNumberVerified = &verified
	}
	if f.Address.Sent {
		claims.Address = (*oidc.Address)(f.Address.Value)
	}
}
