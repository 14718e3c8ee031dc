package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
)

// replaceTicket stores a ticket for a user with this credential version, whom the caller has locked.
func (s store) replaceTicket(ctx context.Context, userID uuid.UUID, version int64, purpose Purpose, ticket secret.Digest, now, expires time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO password_tickets (user_id, purpose, token_hash, created_at, expires_at, credential_version)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (user_id, purpose) DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at,
			credential_version = excluded.credential_version`,
		userID, string(purpose), ticket.Bytes(), now, expires, version)
	return err
}

// holder returns the user of a ticket: one who may sign in and has the credentials for which it was issued.
func (s store) holder(ctx context.Context, purpose Purpose, ticket secret.Digest, now time.Time) (User, error) {
	return scan(s.database.Read(ctx).QueryRow(ctx, `SELECT `+columns+` FROM users WHERE state = 'active' AND (id, credential_version) =
		(SELECT user_id, credential_version FROM password_tickets WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3)`,
		ticket.Bytes(), string(purpose), now))
}

// useTicket consumes a ticket that was issued for the credential version that the password was prepared for.
func (s store) useTicket(ctx context.Context, purpose Purpose, ticket secret.Digest, prepared PreparedPassword, now time.Time) (bool, error) {
	used, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM password_tickets
		WHERE token_hash = $1 AND purpose = $2 AND user_id = $3 AND credential_version = $4 AND expires_at > $5`,
		ticket.Bytes(), string(purpose), prepared.userID, prepared.version, now)
	return used == 1, err
}

func (s store) deleteTickets(ctx context.Context, userID uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM password_tickets WHERE user_id = $1`, userID)
	return err
}

// deleteAllTickets deletes the tickets of a purpose and returns how many.
func (s store) deleteAllTickets(ctx context.Context, purpose Purpose) (int64, error) {
	return s.database.Write(ctx).Exec(ctx, `DELETE FROM password_tickets WHERE purpose = $1`, string(purpose))
}

func (s store) sweepTickets(ctx context.Context, now time.Time) error {
	return s.database.Sweep(ctx, `DELETE FROM password_tickets WHERE expires_at <= $1
		AND user_id IN (SELECT user_id FROM password_tickets WHERE expires_at <= $1 LIMIT $2)`, now)
}
