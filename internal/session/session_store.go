package session

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// errNoRecord is returned for a session that does not exist.
var errNoRecord = db.ErrNoRows

// browser is what is recorded about the browser of a sign-in.
type browser struct{ userAgent, address string }

const columns = `id, user_id, authentication_methods, authenticated_at, created_at, last_seen_at, idle_expires_at, expires_at`

func scan(row db.Row) (Session, error) {
	var s Session
	err := row.Scan(&s.ID, &s.UserID, db.IntoJSON(&s.Methods), &s.AuthenticatedAt, &s.CreatedAt, &s.LastSeenAt, &s.IdleExpiresAt, &s.ExpiresAt)
	return s, err
}

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

func (s store) insert(ctx context.Context, session Session, token secret.Digest, from browser) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO sessions (`+columns+`, token_hash, user_agent, address) VALUES `+db.Values(1, 11),
		session.ID, session.UserID, db.Strings(session.Methods), session.AuthenticatedAt, session.CreatedAt, session.LastSeenAt, session.IdleExpiresAt,
		session.ExpiresAt, token.Bytes(), from.userAgent, from.address)
	return err
}

// renew gives the live session of a token a new token and a new authentication,
// if it is the same user's.
func (s store) renew(ctx context.Context, old secret.Digest, fresh Session, token secret.Digest, from browser) (Session, error) {
	return scan(s.database.Write(ctx).QueryRow(ctx, `UPDATE sessions
		SET token_hash = $1, authentication_methods = $2, authenticated_at = $3, last_seen_at = $3, idle_expires_at = $4, expires_at = $5,
		    user_agent = $6, address = $7
		WHERE token_hash = $8 AND user_id = $9 AND ended_at IS NULL AND idle_expires_at > $3 AND expires_at > $3
		RETURNING `+columns,
		token.Bytes(), db.Strings(fresh.Methods), fresh.AuthenticatedAt, fresh.IdleExpiresAt, fresh.ExpiresAt,
		from.userAgent, from.address, old.Bytes(), fresh.UserID))
}

func (s store) live(ctx context.Context, token secret.Digest, now time.Time) (Session, error) {
	return scan(s.database.Read(ctx).QueryRow(ctx,
		`SELECT `+columns+` FROM live_sessions WHERE token_hash = $1 AND idle_expires_at > $2 AND expires_at > $2`, token.Bytes(), now))
}

func (s store) countOf(ctx context.Context, userID uuid.UUID, now time.Time) (int64, error) {
	var count int64
	err := s.database.Read(ctx).QueryRow(ctx,
		`SELECT count(*) FROM live_sessions WHERE user_id = $1 AND idle_expires_at > $2 AND expires_at > $2`, userID, now).Scan(&count)
	return count, err
}

// bump never shortens what a later request has written.
func (s store) bump(ctx context.Context, used Session) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE sessions SET last_seen_at = $1, idle_expires_at = $2 WHERE id = $3 AND ended_at IS NULL AND last_seen_at < $1`,
		used.LastSeenAt, used.IdleExpiresAt, used.ID)
	return err
}

// use extends the idle expiry of sessions that were last seen before a time.
func (s store) use(ctx context.Context, sessions []uuid.UUID, now, idleExpiry, seenBefore time.Time) error {
	ids := make([]any, 0, len(sessions))
	for _, id := range sessions {
		ids = append(ids, id)
	}
	for len(ids)&(len(ids)-1) != 0 { // pad to a power of two, for few distinct prepared statements
		ids = append(ids, ids[len(ids)-1])
	}
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE sessions SET last_seen_at = $1,
		idle_expires_at = CASE WHEN expires_at < $2 THEN expires_at ELSE $2 END
		WHERE ended_at IS NULL AND idle_expires_at > $1 AND expires_at > $1 AND last_seen_at <= $3
		AND id IN (`+db.Placeholders(4, len(ids))+`)`, append([]any{now, idleExpiry, seenBefore}, ids...)...)
	return err
}

// ended is a session that a statement has ended.
type ended struct{ id, userID uuid.UUID }

func (s store) end(ctx context.Context, sessionID uuid.UUID, now time.Time) ([]ended, error) {
	return s.endWhere(ctx, `id = $2`, now, sessionID)
}

func (s store) endByToken(ctx context.Context, token secret.Digest, now time.Time) ([]ended, error) {
	return s.endWhere(ctx, `token_hash = $2`, now, token.Bytes())
}

func (s store) endAllOf(ctx context.Context, userID uuid.UUID, now time.Time) ([]ended, error) {
	return s.endWhere(ctx, `user_id = $2`, now, userID)
}

// endAll ends the sessions of all users, including expired ones, and returns how many.
func (s store) endAll(ctx context.Context, now time.Time) (int64, error) {
	return s.database.Write(ctx).Exec(ctx, `UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL`, now)
}

// endOldest keeps the newest live sessions of a user, up to the maximum, and ends the other live ones.
func (s store) endOldest(ctx context.Context, userID uuid.UUID, keep int, now time.Time) ([]ended, error) {
	rows, err := s.database.Write(ctx).Query(ctx, `UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL AND id IN (
			SELECT old.id FROM sessions old WHERE old.user_id = $2 AND old.ended_at IS NULL AND old.idle_expires_at > $1 AND old.expires_at > $1
			ORDER BY old.created_at DESC, old.id DESC LIMIT $3 OFFSET $4) RETURNING id, user_id`, now, userID, endAtOnce, keep)
	return db.Collect(rows, err, scanEnded)
}

func (s store) endWhere(ctx context.Context, condition string, now time.Time, key any) ([]ended, error) {
	rows, err := s.database.Write(ctx).Query(ctx,
		`UPDATE sessions SET ended_at = $1 WHERE `+condition+` AND ended_at IS NULL RETURNING id, user_id`, now, key)
	return db.Collect(rows, err, scanEnded)
}

func scanEnded(row db.Row) (ended, error) {
	var e ended
	err := row.Scan(&e.id, &e.userID)
	return e, err
}

// sweep keeps the sessions that token families refer to: without the row nothing
// would record that the session was ended.
func (s store) sweep(ctx context.Context, before time.Time) error {
	return s.database.Sweep(ctx, `DELETE FROM sessions WHERE id IN (SELECT expired.id FROM sessions expired WHERE expired.expires_at <= $1
		AND NOT EXISTS (SELECT 1 FROM session_references kept WHERE kept.session_id = expired.id) LIMIT $2)`, before)
}
