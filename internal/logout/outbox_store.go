package logout

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/delivery"
)

func (s store) insertParticipant(ctx context.Context, sessionID, clientRecord uuid.UUID, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO session_clients (session_id, client, created_at) VALUES ($1, $2, $3) ON CONFLICT (session_id, client) DO NOTHING`,
		sessionID, clientRecord, now)
	return err
}

func (s store) enqueue(ctx context.Context, userID uuid.UUID, sessions []uuid.UUID, now time.Time) error {
	arguments := []any{userID, now}
	for _, each := range sessions {
		arguments = append(arguments, each)
	}
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO logout_deliveries (session_id, client, user_id, attempts, created_at, next_attempt_at)
		SELECT p.session_id, p.client, $1, 0, $2, $2 FROM session_clients p
		WHERE p.session_id IN (`+db.Placeholders(3, len(sessions))+`) AND EXISTS (SELECT 1 FROM back_channel_clients c WHERE c.id = p.client)
		ON CONFLICT (session_id, client) DO NOTHING`, arguments...)
	return err
}

// framedClient is a client that the browser tells, and the address at which it does.
type framedClient struct {
	client uuid.UUID
	uri    string
}

// framed returns the logout addresses of a session's clients that are told by the
// browser. Those that an administrator registered come first, and then those that took part the
// longest: what is registered or visited in between crowds nobody out.
func (s store) framed(ctx context.Context, sessionID uuid.UUID, most int) ([]framedClient, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT c.id, c.logout_uri FROM session_clients p JOIN front_channel_clients c ON c.id = p.client
		WHERE p.session_id = $1 ORDER BY c.place, p.created_at, p.client LIMIT $2`, sessionID, most)
	return db.Collect(rows, err, func(row db.Row) (framedClient, error) {
		var found framedClient
		err := row.Scan(&found.client, &found.uri)
		return found, err
	})
}

// logoutTokens is the kind of delivery that this package has.
func logoutTokens() delivery.Kind {
	return delivery.Kind{
		Name: "logout token", Table: "logout_deliveries", Target: "client", Reference: "session_id",
		Targets: "back_channel_clients", Address: "logout_uri",
	}
}

// userOf returns the user of the session that a logout token is about.
func (s store) userOf(ctx context.Context, due delivery.Delivery) (uuid.UUID, error) {
	var userID uuid.UUID
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT user_id FROM logout_deliveries WHERE session_id = $1 AND client = $2`,
		due.Reference, due.Target).Scan(&userID)
	return userID, err
}
