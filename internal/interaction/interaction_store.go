package interaction

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// errNoRecord is returned for an interaction that doesn't exist, or not for this caller.
var errNoRecord = db.ErrNoRows

const columns = `id, request, session_id, authenticated_at, chosen_session_id, created_at, expires_at, completed_at`

func scan(row db.Row) (Interaction, error) {
	var i Interaction
	err := row.Scan(&i.ID, db.IntoJSON(&i.Request), &i.SessionID, &i.AuthenticatedAt, &i.ChosenSessionID, &i.CreatedAt, &i.ExpiresAt, &i.CompletedAt)
	return i, err
}

func (s store) insert(ctx context.Context, i Interaction) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO interactions (id, client, request, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		i.ID, i.Request.Client, db.JSON(i.Request), i.CreatedAt, i.ExpiresAt)
	return err
}

func (s store) claim(ctx context.Context, interaction uuid.UUID, binding secret.Digest, now time.Time) (Interaction, error) {
	return scan(s.database.Write(ctx).QueryRow(ctx, `UPDATE interactions SET binding_hash = $1
		WHERE id = $2 AND binding_hash IS NULL AND expires_at > $3 RETURNING `+columns, binding.Bytes(), interaction, now))
}

func (s store) bound(ctx context.Context, interaction uuid.UUID, binding secret.Digest, now time.Time) (Interaction, error) {
	return scan(s.database.Read(ctx).QueryRow(ctx,
		`SELECT `+columns+` FROM interactions WHERE id = $1 AND binding_hash = $2 AND expires_at > $3`, interaction, binding.Bytes(), now))
}

func (s store) recordSignIn(ctx context.Context, interaction, sessionID uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE interactions SET session_id = $1, authenticated_at = $2
		WHERE id = $3 AND completed_at IS NULL AND expires_at > $2`, sessionID, now, interaction)
	return changed == 1, err
}

func (s store) recordChoice(ctx context.Context, interaction, sessionID uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE interactions SET chosen_session_id = $1
		WHERE id = $2 AND completed_at IS NULL AND expires_at > $3`, sessionID, interaction, now)
	return changed == 1, err
}

func (s store) complete(ctx context.Context, interaction uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE interactions SET completed_at = $1 WHERE id = $2 AND completed_at IS NULL AND expires_at > $1`, now, interaction)
	return changed == 1, err
}

// decline is complete for a user who declines in a session, while the session and the client are valid.
func (s store) decline(ctx context.Context, interaction, sessionID uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE interactions SET completed_at = $1 WHERE id = $2 AND completed_at IS NULL AND expires_at > $1
		AND EXISTS (SELECT 1 FROM live_clients k WHERE k.id = interactions.client)
		AND EXISTS (SELECT 1 FROM live_sessions s WHERE s.id = $3 AND s.idle_expires_at > $1 AND s.expires_at > $1)`, now, interaction, sessionID)
	return changed == 1, err
}

func (s store) deleteAll(ctx context.Context) (int64, error) {
	return s.database.Write(ctx).Exec(ctx, `DELETE FROM interactions`)
}

func (s store) sweep(ctx context.Context, now time.Time) error {
	return s.database.Sweep(ctx,
		`DELETE FROM interactions WHERE expires_at <= $1 AND id IN (SELECT id FROM interactions WHERE expires_at <= $1 LIMIT $2)`, now)
}
