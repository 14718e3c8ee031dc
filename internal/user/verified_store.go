package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
)

// raised is part of every statement that changes a user's credentials or what they
// permit, and makes earlier verifications invalid. A new hash of the same password
// is no such change.
const raised = `credential_version = credential_version + 1`

// admit locks a user who is active and has the verified credential version. The version is
// part of the condition and not compared afterwards: PostgreSQL evaluates the condition again after waiting for
// the lock.
func (s store) admit(ctx context.Context, userID uuid.UUID, version int64) (bool, error) {
	admitted, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET credential_version = credential_version
		WHERE id = $1 AND state = 'active' AND credential_version = $2`, userID, version)
	return admitted == 1, err
}

// lockActive locks a user who may sign in and returns their credential version.
func (s store) lockActive(ctx context.Context, userID uuid.UUID) (int64, error) {
	var version int64
	err := s.database.Write(ctx).QueryRow(ctx, `UPDATE users SET credential_version = credential_version
		WHERE id = $1 AND state = 'active' RETURNING credential_version`, userID).Scan(&version)
	return version, err
}

// replaceHash stores another hash of the same password, unless the password has changed meanwhile.
func (s store) replaceHash(ctx context.Context, userID uuid.UUID, old, replacement secret.Redacted) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3`, replacement.Reveal(), userID, old.Reveal())
	return err
}

// The statements that store a password are conditional on the version for which it was prepared, because checking and
// hashing are slow.

func (s store) setPassword(ctx context.Context, prepared PreparedPassword, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET password_hash = $1, require_password_change = $2, updated_at = $3,
			password_expires_at = NULL, `+raised+` WHERE id = $4 AND credential_version = $5`, prepared.hash.Reveal(), false, now, prepared.userID, prepared.version)
	return changed == 1, err
}

// choosePassword is setPassword for a user who may sign in.
func (s store) choosePassword(ctx context.Context, prepared PreparedPassword, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET password_hash = $1, require_password_change = $2, updated_at = $3,
			password_expires_at = NULL, `+raised+` WHERE id = $4 AND state = 'active' AND credential_version = $5`, prepared.hash.Reveal(), false, now, prepared.userID, prepared.version)
	return changed == 1, err
}

func (s store) resetPassword(ctx context.Context, prepared PreparedPassword, now, expires time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET password_hash = $2, require_password_change = $3, updated_at = $4,
			password_expires_at = $5, `+raised+` WHERE id = $1 AND credential_version = $6 AND `+notLastInOffice,
		prepared.userID, prepared.hash.Reveal(), true, now, expires, prepared.version)
	return changed == 1, err
}
