package token

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/page"
)

const (
	// familyLive has a time as its argument.
	familyLive   = `EXISTS (SELECT 1 FROM live_families l WHERE l.id = token_families.id AND l.counts_until > $?)`
	issuedFamily = `id, grant_id, user_id, session_id, offline, scopes, resources, created_at, expires_at, revoked_at, revocation_reason,
		(SELECT l.counts_until FROM live_families l WHERE l.id = token_families.id),
		COALESCE((SELECT n.client_id FROM client_names n WHERE n.id = token_families.client), ''),
		COALESCE((SELECT n.username FROM user_names n WHERE n.id = token_families.user_id), '')`
	// accessLive has a time as its argument.
	accessLive   = `CASE WHEN family_id IS NULL THEN ` + ofLiveClient + ` ELSE EXISTS (SELECT 1 FROM live_families l WHERE l.id = access_tokens.family_id AND l.counts_until > $?) END`
	issuedAccess = `id, client_id, family_id, user_id, refreshed, scopes, audience, issued_at, expires_at, revoked_at, ` + ofLiveClient + `,
		family_id IS NOT NULL, (SELECT l.counts_until FROM live_families l WHERE l.id = access_tokens.family_id),
		COALESCE((SELECT n.username FROM user_names n WHERE n.id = access_tokens.user_id), '')`
)

func scanIssuedFamily(row db.Row) (Issued, error) {
	var (
		grantID, userID uuid.UUID
		reason          *string
		i               = Issued{Kind: KindFamily, GrantID: &grantID, UserID: &userID}
	)
	err := row.Scan(&i.ID, &grantID, &userID, &i.SessionID, &i.Offline, db.IntoJSON(&i.Scopes), db.IntoJSON(&i.Audience), &i.CreatedAt, &i.ExpiresAt,
		&i.RevokedAt, &reason, &i.liveUntil, &i.ClientID, &i.Username)
	i.live = i.liveUntil != nil
	if reason != nil {
		i.Reason = Reason(*reason)
	}
	return i, known(err)
}

func scanIssuedAccess(row db.Row) (Issued, error) {
	i, ofFamily := Issued{Kind: KindAccessToken}, false
	err := row.Scan(&i.ID, &i.ClientID, &i.FamilyID, &i.UserID, &i.Refreshed, db.IntoJSON(&i.Scopes), db.IntoJSON(&i.Audience), &i.CreatedAt, &i.ExpiresAt,
		&i.RevokedAt, &i.live, &ofFamily, &i.liveUntil, &i.Username)
	i.live = i.live && (!ofFamily || i.liveUntil != nil)
	return i, known(err)
}

func issuedPosition(i Issued) page.Position { return page.Position{ID: i.ID} }

func (s store) listFamilies(ctx context.Context, query IssuedQuery, now time.Time) (page.Of[Issued], error) {
	list := db.Listing{Table: "token_families", Columns: issuedFamily, Dear: true}
	switch {
	case query.UserID != uuid.Nil:
		list.Within("user_id = $?", query.UserID)
		if query.Client != uuid.Nil {
			list.Matching("client = $?", query.Client)
		}
	case query.Client != uuid.Nil:
		list.Within("client = $?", query.Client)
	}
	list.Before(query.After)
	switch query.State {
	case Active:
		list.Matching("revoked_at IS NULL AND expires_at > $? AND "+familyLive, now, now)
	case Over:
		list.Matching("NOT (revoked_at IS NULL AND expires_at > $? AND "+familyLive+")", now, now)
	}
	return db.ReadPage(ctx, s.database.Read(ctx), list, query.Limit, scanIssuedFamily, issuedPosition)
}

// listAccessTokens lists those of a family, or those that clients got on their own behalf.
func (s store) listAccessTokens(ctx context.Context, query IssuedQuery, now time.Time) (page.Of[Issued], error) {
	list := db.Listing{Table: "access_tokens", Columns: issuedAccess, Dear: true}
	if query.FamilyID != uuid.Nil {
		list.Within("family_id = $?", query.FamilyID)
		if query.Client != uuid.Nil {
			list.Matching("client = $?", query.Client)
		}
		if query.UserID != uuid.Nil {
			list.Matching("user_id = $?", query.UserID)
		}
	} else {
		list.Within("family_id IS NULL")
		if query.Client != uuid.Nil {
			list.Within("client = $?", query.Client)
		}
	}
	list.Before(query.After)
	switch query.State {
	case Active:
		list.Matching("revoked_at IS NULL AND expires_at > $? AND "+accessLive, now, now)
	case Over:
		list.Matching("NOT (revoked_at IS NULL AND expires_at > $? AND "+accessLive+")", now, now)
	}
	return db.ReadPage(ctx, s.database.Read(ctx), list, query.Limit, scanIssuedAccess, issuedPosition)
}

func (s store) findFamily(ctx context.Context, which uuid.UUID) (Issued, error) {
	return scanIssuedFamily(s.database.Read(ctx).QueryRow(ctx, `SELECT `+issuedFamily+` FROM token_families WHERE id = $1`, which))
}

func (s store) findAccessToken(ctx context.Context, which uuid.UUID) (Issued, error) {
	return scanIssuedAccess(s.database.Read(ctx).QueryRow(ctx, `SELECT `+issuedAccess+` FROM access_tokens WHERE id = $1`, which))
}

// endAtOnce is how many end in one transaction when there may be very many.
const endAtOnce = 1000

// batch names what was issued by a key, in the order of its identifiers.
type batch struct {
	codes string // ends the codes, with the time as $1 and the key as $2
	ids   string // with the key as $1 and the end of the batch before as $2
	end   string // ends those that ids names before $3 and that have not expired at $4
}

func familiesOfUser() batch {
	return batch{
		`UPDATE authorization_codes SET used_at = $1 WHERE user_id = $2 AND used_at IS NULL`,
		`SELECT id FROM token_families WHERE user_id = $1 AND id > $2`,
		`UPDATE token_families SET revoked_at = $4, revocation_reason = '` + string(ReasonAdministrator) + `' WHERE user_id = $1 AND id > $2 AND id <= $3
			AND revoked_at IS NULL AND expires_at > $4`,
	}
}

func familiesOfClient() batch {
	return batch{
		`UPDATE authorization_codes SET used_at = $1 WHERE client = $2 AND used_at IS NULL`,
		`SELECT id FROM token_families WHERE client = $1 AND id > $2`,
		`UPDATE token_families SET revoked_at = $4, revocation_reason = '` + string(ReasonAdministrator) + `' WHERE client = $1 AND id > $2 AND id <= $3
			AND revoked_at IS NULL AND expires_at > $4`,
	}
}

func ownTokens() batch {
	return batch{
		"",
		`SELECT id FROM access_tokens WHERE client = $1 AND family_id IS NULL AND id > $2`,
		`UPDATE access_tokens SET revoked_at = $4 WHERE client = $1 AND family_id IS NULL AND id > $2 AND id <= $3
			AND revoked_at IS NULL AND expires_at > $4`,
	}
}

// endSome begins with the codes: a family that one of them becomes meanwhile is there before the families are looked at.
func (s store) endSome(ctx context.Context, of batch, key, after uuid.UUID, now time.Time) (page.Batch, error) {
	if after == uuid.Nil && of.codes != "" {
		if _, err := s.database.Write(ctx).Exec(ctx, of.codes, now, key); err != nil {
			return page.Batch{}, err
		}
	}
	end, next := uuid.Max, uuid.Nil
	err := s.database.Write(ctx).QueryRow(ctx, of.ids+` ORDER BY id LIMIT 1 OFFSET $3`, key, after, endAtOnce-1).Scan(&next)
	if err == nil {
		end = next
	} else if !errors.Is(err, db.ErrNoRows) {
		return page.Batch{}, err
	}
	changed, err := s.database.Write(ctx).Exec(ctx, of.end, key, after, end, now)
	return page.Batch{Changed: int(changed), Next: next}, err
}
