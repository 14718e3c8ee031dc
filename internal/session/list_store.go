package session

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/page"
)

const knownColumns = columns + `, ended_at, user_agent, address, COALESCE((SELECT n.username FROM user_names n WHERE n.id = sessions.user_id), '')`

func scanKnown(row db.Row) (Known, error) {
	var k Known
	err := row.Scan(&k.ID, &k.UserID, db.IntoJSON(&k.Methods), &k.AuthenticatedAt, &k.CreatedAt, &k.LastSeenAt, &k.IdleExpiresAt, &k.ExpiresAt,
		&k.EndedAt, &k.UserAgent, &k.Address, &k.Username)
	return k, err
}

func (s store) list(ctx context.Context, query Query, now time.Time) (page.Of[Known], error) {
	if query.Client != uuid.Nil && query.UserID == uuid.Nil {
		return s.listOfClient(ctx, query, now)
	}
	list := db.Listing{Table: "sessions", Columns: knownColumns, Time: "created_at"}
	if query.UserID != uuid.Nil {
		list.Within("user_id = $?", query.UserID)
	}
	if query.Client != uuid.Nil { // a user has fewer sessions than a client
		list.Matching("(SELECT count(*) FROM session_participants p WHERE p.session_id = sessions.id AND p.client = $?) > 0", query.Client)
	}
	list.Between(query.Since, query.Until)
	list.Before(query.After)
	if condition, arguments := inState("sessions", query.State, now); condition != "" {
		list.Matching(condition, arguments...)
	}
	return db.ReadPage(ctx, s.database.Read(ctx), list, query.Limit, scanKnown, func(k Known) page.Position {
		return page.Position{At: k.CreatedAt, ID: k.ID}
	})
}

// listOfClient walks through session_clients_client_idx, where the sessions of a client are in the
// order of their identifiers, which is that of their creation. The condition on a session
// is a count instead of EXISTS, for which PostgreSQL may hash all sessions.
func (s store) listOfClient(ctx context.Context, query Query, now time.Time) (page.Of[Known], error) {
	list := db.Listing{
		Table: "sessions", Columns: knownColumns,
		Through: "(SELECT p.session_id AS id, p.client FROM session_participants p) AS taken",
	}
	list.Within("client = $?", query.Client)
	list.Before(query.After)
	var conditions []string
	condition, arguments := inState("s", query.State, now)
	if condition != "" {
		conditions = append(conditions, condition)
	}
	if !query.Since.IsZero() {
		conditions, arguments = append(conditions, "s.created_at >= $?"), append(arguments, query.Since)
	}
	if !query.Until.IsZero() {
		conditions, arguments = append(conditions, "s.created_at < $?"), append(arguments, query.Until)
	}
	if len(conditions) > 0 {
		list.Matching("(SELECT count(*) FROM sessions s WHERE s.id = taken.id AND "+strings.Join(conditions, " AND ")+") > 0", arguments...)
	}
	return db.ReadPage(ctx, s.database.Read(ctx), list, query.Limit, scanKnown, func(k Known) page.Position {
		return page.Position{ID: k.ID}
	})
}

// inState returns the condition for sessions that are in a state at a time, "" for any state.
func inState(table string, state State, now time.Time) (condition string, arguments []any) {
	switch state {
	case Active:
		return table + ".ended_at IS NULL AND " + table + ".idle_expires_at > $? AND " + table + ".expires_at > $?", []any{now, now}
	case Expired:
		return table + ".ended_at IS NULL AND (" + table + ".idle_expires_at <= $? OR " + table + ".expires_at <= $?)", []any{now, now}
	case Ended:
		return table + ".ended_at IS NOT NULL", nil
	default:
		return "", nil
	}
}

func (s store) find(ctx context.Context, sessionID uuid.UUID) (Known, error) {
	found, err := scanKnown(s.database.Read(ctx).QueryRow(ctx, `SELECT `+knownColumns+` FROM sessions WHERE id = $1`, sessionID))
	if err != nil {
		return Known{}, err
	}
	rows, err := s.database.Read(ctx).Query(ctx,
		`SELECT client_id FROM session_participants WHERE session_id = $1 ORDER BY client_id LIMIT 100`, sessionID)
	found.Clients, err = db.Collect(rows, err, func(row db.Row) (string, error) {
		var clientID string
		err := row.Scan(&clientID)
		return clientID, err
	})
	return found, err
}

// batch selects sessions by a key, in the order of their identifiers.
type batch struct {
	column    string // of the identifiers
	statement string // their query, with the key as $1 and the end of the previous batch as $2
}

func ofUser() batch {
	return batch{"s.id", `SELECT s.id FROM sessions s WHERE s.user_id = $1 AND s.id > $2`}
}

func ofClient() batch {
	return batch{"p.session_id", `SELECT p.session_id FROM session_participants p WHERE p.client = $1 AND p.session_id > $2`}
}

// endSome ends those sessions of a batch that have not ended. It returns them sorted by user, and the
// end of the batch, zero for the last one.
func (s store) endSome(ctx context.Context, of batch, key, after uuid.UUID, now time.Time) ([]ended, uuid.UUID, error) {
	end, next := uuid.Max, uuid.Nil
	err := s.database.Write(ctx).QueryRow(ctx, of.statement+` ORDER BY `+of.column+` LIMIT 1 OFFSET $3`, key, after, endAtOnce-1).Scan(&next)
	if err == nil {
		end = next
	} else if !errors.Is(err, errNoRecord) {
		return nil, uuid.Nil, err
	}
	rows, err := s.database.Write(ctx).Query(ctx, `UPDATE sessions SET ended_at = $4 WHERE ended_at IS NULL
		AND id IN (`+of.statement+` AND `+of.column+` <= $3) RETURNING id, user_id`, key, after, end, now)
	endedSessions, err := db.Collect(rows, err, scanEnded)
	slices.SortFunc(endedSessions, func(a, b ended) int { return bytes.Compare(a.userID[:], b.userID[:]) })
	return endedSessions, next, err
}
