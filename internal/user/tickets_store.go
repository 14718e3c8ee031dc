package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
)

func (s store) replaceTicket(ctx context.Context, userID uuid.UUID, purpose Purpose, ticket secret.Digest, now, expires time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO password_tickets (user_id, purpose, token_hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, purpose) DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		userID, string(purpose), ticket.Bytes(), now, expires)
	return err
}

func (s store) ticket(ctx context.Context, purpose Purpose, ticket secret.Digest, now time.Time) (uuid.UUID, error) {
	var userID uuid.UUID
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT user_id FROM password_tickets WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3`,
		ticket.Bytes(), string(purpose), now).Scan(&userID)
	return userID, err
}

func (s store) useTicket(ctx context.Context, purpose Purpose, ticket secret.Digest, userID uuid.UUID, now time.Time) (bool, error) {
	used, err := s.database.Write(ctx).Exec(ctx,
		`DELETE FROM password_tickets WHERE token_hash = $1 AND purpose = $2 AND user_id = $3 AND expires_at > $4`, ticket.Bytes(), string(purpose), userID, now)
	return used == 1, err
}

func (s store) deleteTickets(ctx context.Context, userID uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM password_tickets WHERE user_id = $1`, userID)
	return err
}

func (s store) sweepTickets(ctx context.Context, now time.Time) error {
	return s.database.Sweep(ctx, `DELETE FROM password_tickets WHERE expires_at <= $1
		AND user_id IN (SELECT user_id FROM password_tickets WHERE expires_at <= $1 LIMIT $2)`, now)
}

// choosePassword is setPassword for whoever may sign in.
func (s store) choosePassword(ctx context.Context, userID uuid.UUID, hash secret.Redacted, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET password_hash = $1, require_password_change = $2, updated_at = $3
		WHERE id = $4 AND state = 'active'`, hash.Reveal(), false, now, userID)
	return changed == 1, err
}

func (s store) resetPassword(ctx context.Context, userID uuid.UUID, hash secret.Redacted, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE users SET password_hash = $2, require_password_change = $3, updated_at = $4
		WHERE id = $1 AND `+notLastInOffice, userID, hash.Reveal(), true, now)
	return changed == 1, err
}
