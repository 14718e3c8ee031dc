package token

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// insertCode stores a code if its client and, where there is one, its session still count; it reports whether they do.
func (s store) insertCode(ctx context.Context, c Code, digest secret.Digest) (bool, error) {
	columns := append(c.columns(), column{"code_hash", digest.Bytes(), nil})
	conditions := []any{c.Client, c.ClientEpoch, c.SessionID == nil, c.SessionID, c.UserID, c.CreatedAt}
	changed, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO authorization_codes (`+names("", columns)+`)
		SELECT `+db.Placeholders(1+len(conditions), len(columns))+` WHERE EXISTS (SELECT 1 FROM live_clients k WHERE k.id = $1 AND k.epoch = $2)
		AND ($3 OR EXISTS (SELECT 1 FROM live_sessions s WHERE s.id = $4 AND s.user_id = $5 AND s.expires_at > $6 AND s.idle_expires_at > $6))`,
		append(conditions, values(columns)...)...)
	return changed == 1, err
}

func (s store) code(ctx context.Context, digest secret.Digest) (Code, error) {
	var c Code
	columns := c.columns()
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT `+names("", columns)+`,
		(SELECT r.session_expires_at FROM redeemable_codes r WHERE r.id = authorization_codes.id) FROM authorization_codes WHERE code_hash = $1`, digest.Bytes()).
		Scan(append(targets(columns), &c.SessionExpiresAt)...)
	return c, known(err)
}

func (s store) refreshToken(ctx context.Context, digest secret.Digest) (RefreshToken, error) {
	found := RefreshToken{Digest: digest}
	err := s.database.Read(ctx).QueryRow(ctx,
		`SELECT id, family_id, created_at, expires_at, rotated_at FROM refresh_tokens WHERE token_hash = $1`, digest.Bytes()).
		Scan(&found.ID, &found.FamilyID, &found.CreatedAt, &found.ExpiresAt, &found.RotatedAt)
	return found, known(err)
}

// liveFamily returns a family that counts at a time.
func (s store) liveFamily(ctx context.Context, id uuid.UUID, now time.Time) (*Family, error) {
	var f Family
	columns := f.columns()
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT `+names("f.", columns)+`, l.session_expires_at,
		EXISTS (SELECT 1 FROM live_sessions s WHERE s.id = f.session_id AND s.idle_expires_at > $2 AND s.expires_at > $2)
		FROM live_families l JOIN token_families f ON f.id = l.id WHERE l.id = $1 AND l.counts_until > $2`, id, now).
		Scan(append(targets(columns), &f.SessionExpiresAt, &f.sessionLives)...)
	return &f, known(err)
}

// columns returns the columns that are read and written; the others are only written.
func (a *AccessToken) columns() []column {
	return []column{
		{"id", a.ID, &a.ID},
		{"client", a.Client, &a.Client},
		{"family_id", a.FamilyID, &a.FamilyID},
		{"scopes", db.Strings(a.Scopes), db.IntoJSON(&a.Scopes)},
		{"audience", db.Strings(a.Audience), db.IntoJSON(&a.Audience)},
		{"issued_at", a.IssuedAt, &a.IssuedAt},
		{"expires_at", a.ExpiresAt, &a.ExpiresAt},
	}
}

// ofLiveClient is what counts for a token without a family as well.
const ofLiveClient = `EXISTS (SELECT 1 FROM live_clients c WHERE c.id = access_tokens.client AND c.epoch = access_tokens.client_epoch)`

func (s store) accessTokenByID(ctx context.Context, id uuid.UUID, now time.Time) (AccessToken, error) {
	return s.accessToken(ctx, `id = $1 AND token_hash IS NULL AND revoked_at IS NULL AND expires_at > $2 AND `+ofLiveClient, id, now)
}

func (s store) accessTokenByDigest(ctx context.Context, digest secret.Digest, now time.Time) (AccessToken, error) {
	return s.accessToken(ctx, `token_hash = $1 AND revoked_at IS NULL AND expires_at > $2 AND `+ofLiveClient, digest.Bytes(), now)
}

func (s store) accessToken(ctx context.Context, condition string, arguments ...any) (AccessToken, error) {
	var a AccessToken
	columns := a.columns()
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT `+names("", columns)+` FROM access_tokens WHERE `+condition, arguments...).Scan(targets(columns)...)
	return a, known(err)
}

// endedFamily is what the log is told of a family.
type endedFamily struct {
	id, userID uuid.UUID
	clientID   string
}

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

// revokeFamily returns nil if the family had ended before.
func (s store) revokeFamily(ctx context.Context, id uuid.UUID, reason Reason, now time.Time) (*endedFamily, error) {
	ended := endedFamily{id: id}
	var record uuid.UUID
	err := s.database.Write(ctx).QueryRow(ctx, `UPDATE token_families SET revoked_at = $1, revocation_reason = $2
		WHERE id = $3 AND revoked_at IS NULL RETURNING user_id, client`, now, string(reason), id).Scan(&ended.userID, &record)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil //nolint:nilnil // there is nothing to tell
	}
	if err != nil {
		return nil, err
	}
	ended.clientID, err = s.clientID(ctx, record)
	return &ended, err
}

func (s store) clientID(ctx context.Context, record uuid.UUID) (clientID string, err error) {
	err = s.database.Write(ctx).QueryRow(ctx, `SELECT client_id FROM client_names WHERE id = $1`, record).Scan(&clientID)
	return clientID, err
}

// revokeAccessToken returns whose token it was, and whether it was this call that ended it.
func (s store) revokeAccessToken(ctx context.Context, id uuid.UUID, now time.Time) (clientID string, revoked bool, err error) {
	err = s.database.Write(ctx).QueryRow(ctx,
		`UPDATE access_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL RETURNING client_id`, now, id).Scan(&clientID)
	if errors.Is(err, db.ErrNoRows) {
		return "", false, nil
	}
	return clientID, err == nil, err
}

func (s store) endAllOfUser(ctx context.Context, userID uuid.UUID, reason Reason, now time.Time) error {
	return s.database.Tx(ctx, func(ctx context.Context) error {
		if _, err := s.database.Write(ctx).Exec(ctx,
			`UPDATE authorization_codes SET used_at = $1 WHERE user_id = $2 AND used_at IS NULL`, now, userID); err != nil {
			return err
		}
		_, err := s.database.Write(ctx).Exec(ctx, `UPDATE token_families SET revoked_at = $1, revocation_reason = $2
			WHERE user_id = $3 AND revoked_at IS NULL`, now, string(reason), userID)
		return err
	})
}

func (s store) endAllOfClient(ctx context.Context, client uuid.UUID, reason Reason, now time.Time) error {
	return s.database.Tx(ctx, func(ctx context.Context) error {
		for _, statement := range []string{
			`UPDATE authorization_codes SET used_at = $1 WHERE client = $2 AND used_at IS NULL`,
			`UPDATE access_tokens SET revoked_at = $1 WHERE client = $2 AND family_id IS NULL AND revoked_at IS NULL`,
		} {
			if _, err := s.database.Write(ctx).Exec(ctx, statement, now, client); err != nil {
				return err
			}
		}
		_, err := s.database.Write(ctx).Exec(ctx, `UPDATE token_families SET revoked_at = $1, revocation_reason = $2
			WHERE client = $3 AND revoked_at IS NULL`, now, string(reason), client)
		return err
	})
}

// endAll ends everything that hasn't ended, expired or not.
func (s store) endAll(ctx context.Context, now time.Time) (ended EndedAll, err error) {
	err = s.database.Tx(ctx, func(ctx context.Context) (err error) {
		if ended.Codes, err = s.database.Write(ctx).Exec(ctx, `UPDATE authorization_codes SET used_at = $1 WHERE used_at IS NULL`, now); err != nil {
			return err
		}
		if ended.Families, err = s.database.Write(ctx).Exec(ctx,
			`UPDATE token_families SET revoked_at = $1, revocation_reason = $2 WHERE revoked_at IS NULL`, now, string(ReasonBackup)); err != nil {
			return err
		}
		ended.OwnTokens, err = s.database.Write(ctx).Exec(ctx,
			`UPDATE access_tokens SET revoked_at = $1 WHERE family_id IS NULL AND revoked_at IS NULL`, now)
		return err
	})
	return ended, err
}

func (s store) sweep(ctx context.Context, now time.Time) error {
	// Codes before families: while its code is known, a family's end must be too.
	for _, statement := range []string{
		`DELETE FROM refresh_tokens WHERE expires_at <= $1 AND id IN (SELECT id FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)`,
		`DELETE FROM authorization_codes WHERE id IN (SELECT c.id FROM authorization_codes c WHERE c.expires_at <= $1
			AND NOT EXISTS (SELECT 1 FROM token_families f WHERE f.id = c.id AND f.expires_at > $1) LIMIT $2)`,
		`DELETE FROM token_families WHERE expires_at <= $1 AND id IN (SELECT id FROM token_families WHERE expires_at <= $1 LIMIT $2)`,
	} {
		if err := s.database.Sweep(ctx, statement, now); err != nil {
			return err
		}
	}
	return nil
}

func known(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return ErrUnknown
	}
	return err
}
