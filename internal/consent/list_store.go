package consent

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/page"
)

const knownColumns = columns + `, COALESCE((SELECT n.client_id FROM client_names n WHERE n.id = grants.client), ''),
	COALESCE((SELECT n.username FROM user_names n WHERE n.id = grants.user_id), '')`

func scanKnown(row db.Row) (Known, error) {
	var k Known
	err := row.Scan(append(k.fields(), &k.ClientID, &k.Username)...)
	return k, err
}

func (s store) list(ctx context.Context, query Query) (page.Of[Known], error) {
	list := db.Listing{Table: "grants", Columns: knownColumns}
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
		list.Matching("revoked_at IS NULL")
	case Revoked:
		list.Matching("revoked_at IS NOT NULL")
	}
	grants, err := db.ReadPage(ctx, s.database.Read(ctx), list, query.Limit, scanKnown, func(k Known) page.Position { return page.Position{ID: k.ID} })
	if err != nil {
		return page.Of[Known]{}, err
	}
	return grants, s.fill(ctx, grants.Items)
}

// fill reads the permissions of grants.
func (s store) fill(ctx context.Context, grants []Known) error {
	ids := make([]uuid.UUID, len(grants))
	for i, grant := range grants {
		ids[i] = grant.ID
	}
	of, err := permissionsOf(ctx, s.database.Read(ctx), ids...)
	for i := range grants {
		grants[i].Permissions = of[grants[i].ID]
	}
	return err
}

func (s store) find(ctx context.Context, id uuid.UUID) (Known, bool, error) {
	g, err := scanKnown(s.database.Read(ctx).QueryRow(ctx, `SELECT `+knownColumns+` FROM grants WHERE id = $1`, id))
	if errors.Is(err, db.ErrNoRows) {
		return Known{}, false, nil
	}
	if err != nil {
		return Known{}, false, err
	}
	one := []Known{g}
	err = s.fill(ctx, one)
	return one[0], err == nil, err
}

// revokeSome must get the column from constants only.
func (s store) revokeSome(ctx context.Context, column string, key, after uuid.UUID, now time.Time) (page.Batch, error) {
	end, next := uuid.Max, uuid.Nil
	err := s.database.Write(ctx).QueryRow(ctx, `SELECT id FROM grants WHERE `+column+` = $1 AND id > $2 ORDER BY id LIMIT 1 OFFSET $3`,
		key, after, revokeAtOnce-1).Scan(&next)
	if err == nil {
		end = next
	} else if !errors.Is(err, db.ErrNoRows) {
		return page.Batch{}, err
	}
	changed, err := s.database.Write(ctx).Exec(ctx, `UPDATE grants SET revoked_at = $4, updated_at = $4 WHERE `+column+` = $1 AND id > $2 AND id <= $3
		AND revoked_at IS NULL`, key, after, end, now)
	return page.Batch{Changed: int(changed), Next: next}, err
}
