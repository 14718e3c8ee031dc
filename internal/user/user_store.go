package user

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
	"authly/internal/protocol/policy"
)

type store struct{ database *db.DB }

// errNoRecord is returned for a user who does not exist.
var errNoRecord = db.ErrNoRows

func isTaken(err error, column string) bool { return db.IsUnique(err, column) }

const columns = `id, username, email, email_verified, password_hash, state, administrator, require_password_change,
	name, given_name, family_name, middle_name, nickname, profile, picture, website, gender, birthdate, zoneinfo, locale,
	phone_number, phone_number_verified, address, created_at, updated_at, last_login_at, managed_by, credential_version, password_expires_at`

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

// insert stores a user whose names were validated.
func (s store) insert(ctx context.Context, u User) error {
	usernameFolded, emailFolded, err := foldedNames(u.Username, u.Email)
	if err != nil {
		return err
	}
	var address any
	if u.Claims.Address != nil {
		address = db.JSON(u.Claims.Address)
	}
	phoneVerified := u.Claims.PhoneNumberVerified != nil && *u.Claims.PhoneNumberVerified
	_, err = s.database.Write(ctx).Exec(ctx,
		`INSERT INTO users (`+columns+`, username_folded, email_folded, given_name_folded, family_name_folded) VALUES `+db.Values(1, 33),
		u.ID, u.Username, text(u.Email), u.EmailVerified, text(u.passwordHash.Reveal()), string(u.State), u.Administrator, u.RequirePasswordChange,
		text(u.Claims.Name), text(u.Claims.GivenName), text(u.Claims.FamilyName), text(u.Claims.MiddleName), text(u.Claims.Nickname),
		text(u.Claims.Profile), text(u.Claims.Picture), text(u.Claims.Website), text(u.Claims.Gender), text(u.Claims.Birthdate),
		text(u.Claims.ZoneInfo), text(u.Claims.Locale), text(u.Claims.PhoneNumber), phoneVerified, address,
		u.CreatedAt, u.UpdatedAt, u.LastLoginAt, u.ManagedBy, u.credentialVersion, u.PasswordExpiresAt, usernameFolded, text(emailFolded),
		text(policy.FoldSearched(u.Claims.GivenName)), text(policy.FoldSearched(u.Claims.FamilyName)))
	return err
}

func (s store) byID(ctx context.Context, userID uuid.UUID) (User, error) {
	return scan(s.database.Read(ctx).QueryRow(ctx, `SELECT `+columns+` FROM users WHERE id = $1`, userID))
}

// byIdentifier finds a user by a folded username, which never has an "@", or a folded e-mail address.
func (s store) byIdentifier(ctx context.Context, folded string) (User, error) {
	if strings.Contains(folded, "@") {
		return scan(s.database.Read(ctx).QueryRow(ctx, `SELECT `+columns+` FROM users WHERE email_folded = $1`, folded))
	}
	return scan(s.database.Read(ctx).QueryRow(ctx, `SELECT `+columns+` FROM users WHERE username_folded = $1`, folded))
}

func scan(row db.Row) (User, error) {
	var (
		u                                                        User
		state                                                    string
		email, hash                                              *string
		name, given, family, middle, nickname                    *string
		profile, picture, website, gender, birthdate, zone, lang *string
		phone                                                    *string
		phoneVerified                                            bool
		address                                                  oidc.Address
	)
	err := row.Scan(&u.ID, &u.Username, &email, &u.EmailVerified, &hash, &state, &u.Administrator, &u.RequirePasswordChange,
		&name, &given, &family, &middle, &nickname, &profile, &picture, &website, &gender, &birthdate, &zone, &lang,
		&phone, &phoneVerified, db.IntoJSON(&address), &u.CreatedAt, &u.UpdatedAt, &u.LastLoginAt, &u.ManagedBy, &u.credentialVersion, &u.PasswordExpiresAt)
	if err != nil {
		return User{}, err
	}
	u.Email, u.State, u.passwordHash = orEmpty(email), State(state), secret.FromString(orEmpty(hash))
	u.Claims = oidc.StandardClaims{
		Name: orEmpty(name), GivenName: orEmpty(given), FamilyName: orEmpty(family), MiddleName: orEmpty(middle), Nickname: orEmpty(nickname),
		Profile: orEmpty(profile), Picture: orEmpty(picture), Website: orEmpty(website), Gender: orEmpty(gender),
		Birthdate: orEmpty(birthdate), ZoneInfo: orEmpty(zone), Locale: orEmpty(lang), PhoneNumber: orEmpty(phone),
	}
	if phone != nil {
		u.Claims.PhoneNumberVerified = &phoneVerified
	}
	if address != (oidc.Address{}) {
		u.Claims.Address = &address
	}
	return u, nil
}

func (s store) administratorExists(ctx context.Context) (bool, error) {
	var exists bool
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE administrator)`).Scan(&exists)
	return exists, err
}

func (s store) recordSignIn(ctx context.Context, userID uuid.UUID, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET last_login_at = $1 WHERE id = $2`, now, userID)
	return err
}

// text returns the column value of a text; "" is stored as NULL.
func text(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func orEmpty(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}
