package token

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
)

type store struct{ database *db.DB }

const codeColumns = `id, client, client_epoch, user_id, grant_id, session_id, redirect_uri, code_challenge, nonce, scopes, resources, claims,
	authentication_methods, authenticated_at, max_age_requested, created_at, expires_at, used_at`

// insertCode stores a code if its client and, where there is one, its session still count; it reports whether they do.
func (s store) insertCode(ctx context.Context, c Code, digest secret.Digest) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO authorization_codes (`+codeColumns+`, code_hash)
		SELECT `+db.Placeholders(1, 19)+` WHERE EXISTS (SELECT 1 FROM live_clients k WHERE k.id = $2 AND k.epoch = $3) AND ($20 OR EXISTS (SELECT 1 FROM live_sessions s
			WHERE s.id = $6 AND s.user_id = $4 AND s.expires_at > $16 AND s.idle_expires_at > $16))`,
		c.ID, c.Client, c.ClientEpoch, c.UserID, c.GrantID, c.SessionID, c.RedirectURI, optional(c.CodeChallenge), optional(c.Nonce),
		db.Strings(c.Scopes), db.Strings(c.Resources), claims(c.Claims), db.Strings(c.AuthenticationMethods), c.AuthenticatedAt, c.MaxAgeRequested,
		c.CreatedAt, c.ExpiresAt, c.UsedAt, digest.Bytes(), c.SessionID == nil)
	return changed == 1, err
}

func (s store) code(ctx context.Context, digest secret.Digest) (Code, error) {
	var (
		c                Code
		challenge, nonce *string
	)
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT `+codeColumns+`,
		(SELECT r.session_expires_at FROM redeemable_codes r WHERE r.id = authorization_codes.id) FROM authorization_codes WHERE code_hash = $1`, digest.Bytes()).
		Scan(&c.ID, &c.Client, &c.ClientEpoch, &c.UserID, &c.GrantID, &c.SessionID, &c.RedirectURI, &challenge, &nonce, db.IntoJSON(&c.Scopes),
			db.IntoJSON(&c.Resources), db.IntoJSON(&c.Claims), db.IntoJSON(&c.AuthenticationMethods), &c.AuthenticatedAt, &c.MaxAgeRequested,
			&c.CreatedAt, &c.ExpiresAt, &c.UsedAt, &c.SessionExpiresAt)
	if challenge != nil {
		c.CodeChallenge = *challenge
	}
	if nonce != nil {
		c.Nonce = *nonce
	}
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
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT id, grant_id, client, user_id, session_id, offline, scopes, resources,
		claims, authentication_methods, authenticated_at, max_age_requested, session_expires_at, created_at, expires_at,
		EXISTS (SELECT 1 FROM live_sessions s WHERE s.id = live_families.session_id AND s.idle_expires_at > $2 AND s.expires_at > $2)
		FROM live_families WHERE id = $1 AND counts_until > $2`, id, now).
		Scan(&f.ID, &f.GrantID, &f.Client, &f.UserID, &f.SessionID, &f.Offline, db.IntoJSON(&f.Scopes), db.IntoJSON(&f.Resources),
			db.IntoJSON(&f.Claims), db.IntoJSON(&f.AuthenticationMethods), &f.AuthenticatedAt, &f.MaxAgeRequested,
			&f.SessionExpiresAt, &f.CreatedAt, &f.ExpiresAt, &f.sessionLives)
	return &f, known(err)
}

const accessColumns = `id, client, family_id, scopes, audience, issued_at, expires_at`

// ofLiveClient is what counts for a token without a family as well.
const ofLiveClient = `EXISTS (SELECT 1 FROM live_clients c WHERE c.id = access_tokens.client AND c.epoch = access_tokens.client_epoch)`

func (s store) accessTokenByID(ctx context.Context, id uuid.UUID, now time.Time) (AccessToken, error) {
	return s.accessToken(ctx, `SELECT `+accessColumns+` FROM access_tokens
		WHERE id = $1 AND token_hash IS NULL AND revoked_at IS NULL AND expires_at > $2 AND `+ofLiveClient, id, now)
}

func (s store) accessTokenByDigest(ctx context.Context, digest secret.Digest, now time.Time) (AccessToken, error) {
	return s.accessToken(ctx, `SELECT `+accessColumns+` FROM access_tokens
		WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2 AND `+ofLiveClient, digest.Bytes(), now)
}

func (s store) accessToken(ctx context.Context, query string, arguments ...any) (AccessToken, error) {
	var a AccessToken
	err := s.database.Read(ctx).QueryRow(ctx, query, arguments...).
		Scan(&a.ID, &a.Client, &a.FamilyID, db.IntoJSON(&a.Scopes), db.IntoJSON(&a.Audience), &a.IssuedAt, &a.ExpiresAt)
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

// claims returns the column's value; most requests have none.
func claims(requested oidc.ClaimsRequest) any {
	if requested.IsZero() {
		return nil
	}
	return db.JSON(requested)
}

func optional(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}
