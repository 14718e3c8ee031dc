package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/protocol/policy"
)

// lock keeps other transactions from changing a user until this one ends.
func (s store) lock(ctx context.Context, userID uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET updated_at = updated_at WHERE id = $1`, userID)
	return err
}

// lockAdministrators makes other changes of users wait until the transaction ends. It comes
// before every lock of a user; locking all administrators themselves would deadlock transactions
// that get them in different orders.
func (s store) lockAdministrators(ctx context.Context) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO user_locks (name) VALUES ('administrators') ON CONFLICT (name) DO UPDATE SET name = excluded.name`)
	return err
}

// The condition for an administrator who can sign in, whether there is one besides $1, and two rules made of
// these. A change that keeps an ineffective administrator mark may be made without
// another administrator; removing the mark may not: the set-up opens again if there is none.
const (
	canAdminister = `administrator AND state = 'active' AND NOT require_password_change AND password_hash IS NOT NULL
		AND password_expires_at IS NULL`
	anotherOne = `EXISTS (SELECT 1 FROM users AS other WHERE other.id <> $1 AND other.administrator AND other.state = 'active'
		AND NOT other.require_password_change AND other.password_hash IS NOT NULL AND other.password_expires_at IS NULL)`
	notLastInOffice = `(NOT (` + canAdminister + `) OR ` + anotherOne + `)`
	notLastOfAll    = `(NOT administrator OR ` + anotherOne + `)`
)

func (s store) disable(ctx context.Context, userID uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE users SET state = 'disabled', updated_at = $2, `+raised+` WHERE id = $1 AND `+notLastInOffice, userID, now)
	return changed == 1, err
}

func (s store) enable(ctx context.Context, userID uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET state = 'active', updated_at = $2, `+raised+` WHERE id = $1`, userID, now)
	return changed == 1, err
}

func (s store) requirePasswordChange(ctx context.Context, userID uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE users SET require_password_change = $2, updated_at = $3, `+raised+` WHERE id = $1 AND `+notLastInOffice, userID, true, now)
	return changed == 1, err
}

func (s store) remove(ctx context.Context, userID uuid.UUID) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM users WHERE id = $1 AND `+notLastOfAll, userID)
	return changed == 1, err
}

// replace writes a validated profile, unless that would remove the last administrator.
func (s store) replace(ctx context.Context, userID uuid.UUID, p Profile, now time.Time) (bool, error) {
	usernameFolded, emailFolded, err := foldedNames(p.Username, p.Email)
	if err != nil {
		return false, err
	}
	var address any
	if p.Claims.Address != nil {
		address = db.JSON(p.Claims.Address)
	}
	phoneVerified := p.Claims.PhoneNumberVerified != nil && *p.Claims.PhoneNumberVerified
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET username = $2, username_folded = $3, email = $4, email_folded = $5, email_verified = $6,
			administrator = $7, require_password_change = $8, name = $9, given_name = $10, given_name_folded = $11, family_name = $12,
			family_name_folded = $13, middle_name = $14, nickname = $15, profile = $16, picture = $17, website = $18, gender = $19,
			birthdate = $20, zoneinfo = $21, locale = $22, phone_number = $23, phone_number_verified = $24, address = $25, updated_at = $26, managed_by = $27,
			credential_version = credential_version + CASE WHEN require_password_change = $8 THEN 0 ELSE 1 END
		WHERE id = $1 AND ($7 OR `+notLastOfAll+`) AND (NOT $8 OR `+notLastInOffice+`)`,
		userID, p.Username, usernameFolded, text(p.Email), text(emailFolded), p.EmailVerified, p.Administrator, p.RequirePasswordChange,
		text(p.Claims.Name), text(p.Claims.GivenName), text(policy.FoldSearched(p.Claims.GivenName)), text(p.Claims.FamilyName),
		text(policy.FoldSearched(p.Claims.FamilyName)), text(p.Claims.MiddleName), text(p.Claims.Nickname), text(p.Claims.Profile),
		text(p.Claims.Picture), text(p.Claims.Website), text(p.Claims.Gender), text(p.Claims.Birthdate), text(p.Claims.ZoneInfo),
		text(p.Claims.Locale), text(p.Claims.PhoneNumber), phoneVerified, address, now, p.ManagedBy)
	return changed == 1, err
}

// foldedNames returns the unique forms of the names, "" for no e-mail address.
func foldedNames(username, email string) (usernameFolded, emailFolded string, err error) {
	if usernameFolded, err = policy.FoldUsername(username); err != nil || email == "" {
		return usernameFolded, "", err
	}
	emailFolded, err = policy.FoldEmail(email)
	return usernameFolded, emailFolded, err
}
