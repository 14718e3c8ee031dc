package consent

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/id"
	"authly/internal/protocol/oauth"
)

type store struct{ database *db.DB }

const columns = `id, client, user_id, decided_by, claims, relied_on, created_at, updated_at, revoked_at`

func (g *Grant) fields() []any {
	return []any{&g.ID, &g.Client, &g.UserID, &g.DecidedBy, db.IntoJSON(&g.Claims), &g.ReliedOn, &g.CreatedAt, &g.UpdatedAt, &g.RevokedAt}
}

func scan(row db.Row) (Grant, error) {
	var g Grant
	err := row.Scan(g.fields()...)
	return g, err
}

func (s store) live(ctx context.Context, clientRecord, userID uuid.UUID, by Decider) (Grant, bool, error) {
	return s.complete(ctx, s.database.Read(ctx), s.database.Read(ctx).QueryRow(ctx,
		`SELECT `+columns+` FROM grants WHERE client = $1 AND user_id = $2 AND decided_by = $3 AND revoked_at IS NULL`, clientRecord, userID, string(by)))
}

// complete reads a grant, if there is one, with its permissions.
func (s store) complete(ctx context.Context, from db.Querier, row db.Row) (Grant, bool, error) {
	grant, err := scan(row)
	if errors.Is(err, db.ErrNoRows) {
		return Grant{}, false, nil
	}
	if err != nil {
		return Grant{}, false, err
	}
	of, err := permissionsOf(ctx, from, grant.ID)
	grant.Permissions = of[grant.ID]
	return grant, err == nil, err
}

// permissionsOf returns the permissions of grants: those at this server first, then by resource and name.
func permissionsOf(ctx context.Context, from db.Querier, grants ...uuid.UUID) (map[uuid.UUID]oauth.Permissions, error) {
	all := make(map[uuid.UUID]oauth.Permissions, len(grants))
	if len(grants) == 0 {
		return all, nil
	}
	arguments := make([]any, len(grants))
	for i, grant := range grants {
		arguments[i] = grant
	}
	type held struct {
		grant uuid.UUID
		oauth.Permission
	}
	rows, err := from.Query(ctx, `SELECT grant_id, resource, scope FROM grant_permissions WHERE grant_id IN (`+db.Placeholders(1, len(grants))+`)`, arguments...)
	found, err := db.Collect(rows, err, func(row db.Row) (held, error) {
		var h held
		err := row.Scan(&h.grant, &h.Resource, &h.Scope)
		return h, err
	})
	// Sorted here, since engines order texts differently.
	slices.SortFunc(found, func(a, b held) int {
		return cmp.Or(bytes.Compare(a.grant[:], b.grant[:]), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Scope, b.Scope))
	})
	for _, one := range found {
		all[one.grant] = append(all[one.grant], one.Permission)
	}
	return all, err
}

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

// insert creates the grant unless there is a live one.
func (s store) insert(ctx context.Context, grant Grant, now time.Time) (Grant, bool, error) {
	grant.ID, grant.CreatedAt, grant.UpdatedAt, grant.RevokedAt = id.New(), now, now, nil
	changed, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO grants (`+columns+`) VALUES `+db.Values(1, 9)+`
		ON CONFLICT (client, user_id, decided_by) WHERE revoked_at IS NULL DO NOTHING`,
		grant.ID, grant.Client, grant.UserID, string(grant.DecidedBy), db.Strings(grant.Claims), grant.ReliedOn, now, now, nil)
	if db.IsForeignKey(err) {
		return Grant{}, false, errGone.Because(err)
	}
	if err != nil || changed != 1 {
		return Grant{}, false, err
	}
	return grant, true, s.addPermissions(ctx, grant)
}

// lockLive is live within a transaction, and locks the grant
// until its end. (SQLite has no SELECT … FOR UPDATE; this works on both engines.)
func (s store) lockLive(ctx context.Context, clientRecord, userID uuid.UUID, by Decider) (Grant, bool, error) {
	return s.complete(ctx, s.database.Write(ctx), s.database.Write(ctx).QueryRow(ctx, `UPDATE grants SET updated_at = updated_at
		WHERE client = $1 AND user_id = $2 AND decided_by = $3 AND revoked_at IS NULL RETURNING `+columns, clientRecord, userID, string(by)))
}

// replace changes a locked grant.
func (s store) replace(ctx context.Context, widened Grant) error {
	if _, err := s.database.Write(ctx).Exec(ctx, `UPDATE grants SET claims = $1, relied_on = $2, updated_at = $3 WHERE id = $4`,
		db.Strings(widened.Claims), widened.ReliedOn, widened.UpdatedAt, widened.ID); err != nil {
		return err
	}
	if _, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM grant_permissions WHERE grant_id = $1`, widened.ID); err != nil {
		return err
	}
	return s.addPermissions(ctx, widened)
}

// permissionsAtOnce bounds the rows of one statement.
const permissionsAtOnce = 256

func (s store) addPermissions(ctx context.Context, grant Grant) error {
	for chunk := range slices.Chunk(grant.Permissions, permissionsAtOnce) {
		arguments := make([]any, 0, 3*len(chunk))
		for _, one := range chunk {
			arguments = append(arguments, grant.ID, one.Resource, one.Scope)
		}
		if _, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO grant_permissions (grant_id, resource, scope) VALUES `+db.Values(len(chunk), 3), arguments...); err != nil {
			return err
		}
	}
	return nil
}

func (s store) revoke(ctx context.Context, id uuid.UUID, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE grants SET revoked_at = $1, updated_at = $1 WHERE id = $2 AND revoked_at IS NULL`, now, id)
	return changed == 1, err
}

func (s store) revokeAll(ctx context.Context, now time.Time) (int64, error) {
	return s.database.Write(ctx).Exec(ctx, `UPDATE grants SET revoked_at = $1, updated_at = $1 WHERE revoked_at IS NULL`, now)
}

func (s store) ofUser(ctx context.Context, userID uuid.UUID) ([]Grant, error) {
	rows, err := s.database.Read(ctx).Query(ctx,
		`SELECT `+columns+` FROM grants WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC LIMIT 500`, userID)
	grants, err := db.Collect(rows, err, scan)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(grants))
	for i, grant := range grants {
		ids[i] = grant.ID
	}
	of, err := permissionsOf(ctx, s.database.Read(ctx), ids...)
	for i := range grants {
		grants[i].Permissions = of[grants[i].ID]
	}
	return grants, err
}
