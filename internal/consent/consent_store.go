package consent

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/id"
)

type store struct{ database *db.DB }

const columns = `id, client, user_id, scopes, resources, claims, created_at, updated_at, revoked_at`

func scan(row db.Row) (Grant, error) {
	var g Grant
	err := row.Scan(&g.ID, &g.Client, &g.UserID, db.IntoJSON(&g.Scopes), db.IntoJSON(&g.Resources), db.IntoJSON(&g.Claims), &g.CreatedAt, &g.UpdatedAt, &g.RevokedAt)
	return g, err
}

func (s store) live(ctx context.Context, clientRecord, userID uuid.UUID) (Grant, bool, error) {
	found, err := scan(s.database.Read(ctx).QueryRow(ctx,
		`SELECT `+columns+` FROM grants WHERE client = $1 AND user_id = $2 AND revoked_at IS NULL`, clientRecord, userID))
	if errors.Is(err, db.ErrNoRows) {
		return Grant{}, false, nil
	}
	return found, err == nil, err
}

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

// insert makes the grant unless there is a live one already.
func (s store) insert(ctx context.Context, wanted Grant, now time.Time) (Grant, bool, error) {
	wanted.ID, wanted.CreatedAt, wanted.UpdatedAt, wanted.RevokedAt = id.New(), now, now, nil
	changed, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO grants (`+columns+`) VALUES `+db.Values(1, 9)+`
		ON CONFLICT (client, user_id) WHERE revoked_at IS NULL DO NOTHING`,
		wanted.ID, wanted.Client, wanted.UserID, db.Strings(wanted.Scopes), db.Strings(wanted.Resources), db.Strings(wanted.Claims), now, now, nil)
	return wanted, changed == 1, err
}

// lockLive is live within a transaction, and keeps everybody else from changing
// the grant until its end. (SQLite has no SELECT … FOR UPDATE; this is one on both.)
func (s store) lockLive(ctx context.Context, clientRecord, userID uuid.UUID) (Grant, bool, error) {
	found, err := scan(s.database.Write(ctx).QueryRow(ctx, `UPDATE grants SET updated_at = updated_at
		WHERE client = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING `+columns, clientRecord, userID))
	if errors.Is(err, db.ErrNoRows) {
		return Grant{}, false, nil
	}
	return found, err == nil, err
}

// widen changes a grant that is locked.
func (s store) widen(ctx context.Context, widened Grant) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE grants SET scopes = $1, resources = $2, claims = $3, updated_at = $4 WHERE id = $5`,
		db.Strings(widened.Scopes), db.Strings(widened.Resources), db.Strings(widened.Claims), widened.UpdatedAt, widened.ID)
	return err
}

func (s store) revoke(ctx context.Context, id uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE grants SET revoked_at = $1, updated_at = $1 WHERE id = $2 AND revoked_at IS NULL`, now, id)
	return changed == 1, err
}

func (s store) ofUser(ctx context.Context, userID uuid.UUID) ([]Grant, error) {
	rows, err := s.database.Read(ctx).Query(ctx,
		`SELECT `+columns+` FROM grants WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC LIMIT 500`, userID)
	return db.Collect(rows, err, scan)
}
