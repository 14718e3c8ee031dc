package load

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/id"
	"authly/internal/protocol/oauth"
)

// rows are what was issued in one transaction.
type rows struct{ families, refresh, access, participants []any }

const (
	familyColumns      = 14
	refreshColumns     = 5
	accessColumns      = 11
	participantColumns = 3
)

// add adds a family with a refresh token and two access tokens to a session, and now and then a token
// that a client got on its own behalf.
func (r *rows) add(now time.Time, number int, userID, grantID, sessionID uuid.UUID, through madeClient, scopes oauth.ScopeSet) {
	family, end := id.New(), now.Add(2*year)
	none, names := db.Strings([]string(nil)), db.Strings(scopes)
	r.families = append(r.families, family, grantID, through.record, userID, sessionID, true, names, none, none, db.Strings([]string{"pwd"}), now, false, now, end)
	r.refresh = append(r.refresh, id.New(), hash("refresh", number), family, now, end)
	r.participants = append(r.participants, sessionID, through.record, now)
	for second := range 2 {
		r.access = append(r.access, id.New(), hash("access", 2*number+second), through.record, through.clientID, &family, &userID, second == 1, names, none, now, end)
	}
	if number%10 == 5 {
		var nobody *uuid.UUID
		r.access = append(r.access, id.New(), hash("own", number), through.record, through.clientID, nobody, nobody, false, none, none, now, end)
	}
}

func (r *rows) insert(ctx context.Context, database *db.DB) error {
	for _, into := range []struct {
		statement string
		columns   int
		values    []any
	}{
		{`INSERT INTO token_families (id, grant_id, client, user_id, session_id, offline, scopes, resources, claims,
			authentication_methods, authenticated_at, max_age_requested, created_at, expires_at) VALUES `, familyColumns, r.families},
		{`INSERT INTO refresh_tokens (id, token_hash, family_id, created_at, expires_at) VALUES `, refreshColumns, r.refresh},
		{`INSERT INTO access_tokens (id, token_hash, client, client_id, family_id, user_id, refreshed, scopes, audience,
			issued_at, expires_at) VALUES `, accessColumns, r.access},
		{`INSERT INTO session_clients (session_id, client, created_at) VALUES `, participantColumns, r.participants},
	} {
		if _, err := database.Write(ctx).Exec(ctx, into.statement+db.Values(len(into.values)/into.columns, into.columns), into.values...); err != nil {
			return err
		}
	}
	return nil
}
