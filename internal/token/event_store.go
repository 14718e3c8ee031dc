package token

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/db"
)

const eventColumns = `id, client_id, family_id, user_id, refreshed, scopes, issued_at, address, request_id,
	COALESCE((SELECT n.username FROM user_names n WHERE n.id = access_tokens.user_id), '')`

func scanEvent(row db.Row) (audit.Event, error) {
	var (
		i    Issued
		from audit.Origin
	)
	err := row.Scan(&i.ID, &i.ClientID, &i.FamilyID, &i.UserID, &i.Refreshed, db.IntoJSON(&i.Scopes), &i.CreatedAt, &from.Address, &from.RequestID, &i.Username)
	return eventOf(i, from), err
}

func (s store) issuedAfter(ctx context.Context, after uuid.UUID, before time.Time, most int) ([]audit.Event, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT `+eventColumns+` FROM access_tokens WHERE id > $1 AND issued_at <= $2 ORDER BY id LIMIT $3`,
		after, before, most)
	return db.Collect(rows, err, scanEvent)
}

// sweepAtOnce bounds one transaction of sweepAccessTokens.
const sweepAtOnce = 500

// sweepAccessTokens deletes those that have expired, and hands over what they say of their
// issue in the same transaction. Each row is deleted once, however many nodes do it.
func (s store) sweepAccessTokens(ctx context.Context, now time.Time, keep func(ctx context.Context, events []audit.Event) error) error {
	for {
		deleted := 0
		err := s.database.Tx(ctx, func(ctx context.Context) error {
			rows, err := s.database.Write(ctx).Query(ctx, `DELETE FROM access_tokens WHERE expires_at <= $1
				AND id IN (SELECT id FROM access_tokens WHERE expires_at <= $1 LIMIT $2) RETURNING `+eventColumns, now, sweepAtOnce)
			events, err := db.Collect(rows, err, scanEvent)
			if err != nil {
				return err
			}
			deleted = len(events)
			return keep(ctx, events)
		})
		if err != nil || deleted < sweepAtOnce {
			return err
		}
	}
}
