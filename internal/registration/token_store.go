package registration

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/page"
	"authly/internal/platform/secret"
)

const initialColumns = `id, name, policy, uses_left, created_at, expires_at, revoked_at`

// maxListed bounds a list for people.
const maxListed = 500

func scanInitialToken(row db.Row) (InitialToken, error) {
	var t InitialToken
	err := row.Scan(&t.ID, &t.Name, db.IntoJSON(&t.Policy), &t.UsesLeft, &t.CreatedAt, &t.ExpiresAt, &t.RevokedAt)
	return t, err
}

func (s store) insertInitialToken(ctx context.Context, t InitialToken, digest secret.Digest) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO initial_access_tokens (`+initialColumns+`, token_hash) VALUES `+db.Values(1, 8),
		t.ID, t.Name, db.JSON(t.Policy), t.UsesLeft, t.CreatedAt, t.ExpiresAt, t.RevokedAt, digest.Bytes())
	return err
}

// initialTokens orders by the identifier, which has the time in it. The conditions are those of [InitialToken.State].
func (s store) initialTokens(ctx context.Context, query InitialQuery, now time.Time) (page.Of[InitialToken], error) {
	list := db.Listing{Table: "initial_access_tokens", Columns: initialColumns}
	list.Before(query.After)
	const usable = "revoked_at IS NULL AND (uses_left IS NULL OR uses_left <> 0)"
	switch query.State {
	case Revoked:
		list.Matching("revoked_at IS NOT NULL")
	case UsedUp:
		list.Matching("revoked_at IS NULL AND uses_left = 0")
	case Expired:
		list.Matching(usable+" AND expires_at <= $?", now)
	case Live:
		list.Matching(usable+" AND (expires_at IS NULL OR expires_at > $?)", now)
	}
	return db.ReadPage(ctx, s.database.Read(ctx), list, query.Limit, scanInitialToken, func(t InitialToken) page.Position {
		return page.Position{ID: t.ID}
	})
}

func (s store) initialToken(ctx context.Context, token uuid.UUID) (InitialToken, bool, error) {
	return found(scanInitialToken(s.database.Read(ctx).QueryRow(ctx, `SELECT `+initialColumns+` FROM initial_access_tokens WHERE id = $1`, token)))
}

func (s store) initialTokenByHash(ctx context.Context, digest secret.Digest) (InitialToken, bool, error) {
	return found(scanInitialToken(s.database.Read(ctx).QueryRow(ctx,
		`SELECT `+initialColumns+` FROM initial_access_tokens WHERE token_hash = $1`, digest.Bytes())))
}

// useInitialToken takes one use of a token that is live. It is the one place that
// decides: what was read before may have changed.
func (s store) useInitialToken(ctx context.Context, token uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE initial_access_tokens SET uses_left = uses_left - 1
		WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) AND (uses_left IS NULL OR uses_left > 0)`, token, now)
	return changed == 1, err
}

// revokeInitialToken tells whether it was this call that ended the token.
func (s store) revokeInitialToken(ctx context.Context, token uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE initial_access_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, token, now)
	return changed == 1, err
}

// revokeAllInitialTokens returns how many had not been revoked.
func (s store) revokeAllInitialTokens(ctx context.Context, now time.Time) (int64, error) {
	return s.database.Write(ctx).Exec(ctx, `UPDATE initial_access_tokens SET revoked_at = $1 WHERE revoked_at IS NULL`, now)
}

// endAllRegistrationTokens returns how many registration access tokens counted. The registrations stay.
func (s store) endAllRegistrationTokens(ctx context.Context, now time.Time) (int64, error) {
	return s.database.Write(ctx).Exec(ctx, `UPDATE client_registrations SET token_ended_at = $1 WHERE token_ended_at IS NULL`, now)
}

// found tells whether there was a row.
func found[T any](row T, err error) (T, bool, error) {
	if errors.Is(err, db.ErrNoRows) {
		return row, false, nil
	}
	return row, err == nil, err
}
