package logout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
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

const deliveryColumns = `session_id, client, user_id, attempts, created_at, next_attempt_at, last_attempt_at, last_status, last_problem,
	finished_at, outcome`

func scanDelivery(row db.Row) (Delivery, error) {
	var (
		d                Delivery
		attempts         int64
		status           *int64
		problem, outcome *string
	)
	err := row.Scan(&d.SessionID, &d.Client, &d.UserID, &attempts, &d.CreatedAt, &d.NextAttemptAt, &d.LastAttemptAt, &status, &problem,
		&d.FinishedAt, &outcome)
	d.Attempts = int(attempts)
	if status != nil {
		d.LastStatus = int(*status)
	}
	if problem != nil {
		d.LastProblem = Problem(*problem)
	}
	if outcome != nil {
		d.Outcome = Outcome(*outcome)
	}
	return d, err
}

func (s store) deliveries(ctx context.Context, clientRecord uuid.UUID, most int) ([]Delivery, error) {
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT `+deliveryColumns+` FROM logout_deliveries WHERE client = $1
		ORDER BY created_at DESC, session_id DESC LIMIT $2`, clientRecord, most)
	return db.Collect(rows, err, scanDelivery)
}

// due returns deliveries that are due, without those of clients and hosts that are busy. A client that has
// many of them does not crowd out the others: all first ones come before all second ones.
func (s store) due(ctx context.Context, now time.Time, busyClients []uuid.UUID, busyHosts []string) ([]dueDelivery, error) {
	arguments := []any{now, maxAttempts, lookAheadOfOne, lookAhead}
	var allowed strings.Builder
	if len(busyClients) > 0 {
		allowed.WriteString(` AND d.client NOT IN (` + db.Placeholders(len(arguments)+1, len(busyClients)) + `)`)
		for _, each := range busyClients {
			arguments = append(arguments, each)
		}
	}
	for _, each := range busyHosts {
		// The host is that of the address if the character after it ends it: it is not the beginning of another one.
		fmt.Fprintf(&allowed, ` AND substr(lower(COALESCE(c.logout_uri, '')) || '/', 1, %d) NOT IN (%s)`,
			len(each)+1, db.Placeholders(len(arguments)+1, len(hostEnds)))
		for _, end := range hostEnds {
			arguments = append(arguments, each+string(end))
		}
	}
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT w.session_id, w.client, w.attempts, w.address FROM (
			SELECT d.session_id, d.client, d.attempts, d.next_attempt_at, COALESCE(c.logout_uri, '') AS address,
				row_number() OVER (PARTITION BY d.client ORDER BY d.next_attempt_at, d.session_id) AS place
			FROM logout_deliveries d LEFT JOIN back_channel_clients c ON c.id = d.client
			WHERE d.finished_at IS NULL AND d.next_attempt_at <= $1 AND d.attempts < $2`+allowed.String()+`) w
		WHERE w.place <= $3 ORDER BY w.place, w.next_attempt_at LIMIT $4`, arguments...)
	return db.Collect(rows, err, func(row db.Row) (dueDelivery, error) {
		var (
			found    dueDelivery
			attempts int64
			address  string
		)
		err := row.Scan(&found.session, &found.client, &attempts, &address)
		found.attempts, found.host = int(attempts), hostOf(address)
		return found, err
	})
}

// claim takes a delivery for one attempt, and reports whether this caller has it: for one that comes second,
// its time has moved. The delivery comes back at the time again, in case the caller never says what came of it.
func (s store) claim(ctx context.Context, due dueDelivery, now, again time.Time) (Delivery, bool, error) {
	claimed, err := scanDelivery(s.database.Write(ctx).QueryRow(ctx, `UPDATE logout_deliveries
		SET attempts = attempts + 1, next_attempt_at = $1, last_attempt_at = $2
		WHERE session_id = $3 AND client = $4 AND attempts = $5 AND finished_at IS NULL AND next_attempt_at <= $2
		RETURNING `+deliveryColumns, again, now, due.session, due.client, due.attempts))
	if errors.Is(err, errNoRecord) {
		return Delivery{}, false, nil
	}
	return claimed, err == nil, err
}

// record writes down what came of an attempt, if the delivery was not claimed
// again meanwhile.
func (s store) record(ctx context.Context, d Delivery) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE logout_deliveries
		SET last_status = $1, last_problem = $2, next_attempt_at = $3, finished_at = $4, outcome = $5
		WHERE session_id = $6 AND client = $7 AND attempts = $8 AND finished_at IS NULL`,
		d.LastStatus, optional(d.LastProblem), d.NextAttemptAt, d.FinishedAt, optional(d.Outcome), d.SessionID, d.Client, d.Attempts)
	return err
}

func (s store) closeInterrupted(ctx context.Context, most int, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE logout_deliveries SET finished_at = $1, outcome = $3, last_problem = $4
		WHERE finished_at IS NULL AND next_attempt_at <= $1 AND attempts >= $2`, now, most, string(GivenUp), string(NeverHeardFrom))
	return err
}

func (s store) sweepDeliveries(ctx context.Context, before time.Time) error {
	return s.database.Sweep(ctx, `DELETE FROM logout_deliveries WHERE created_at <= $1 AND (session_id, client) IN
		(SELECT session_id, client FROM logout_deliveries WHERE created_at <= $1 LIMIT $2)`, before)
}

func optional[T ~string](word T) *string {
	if word == "" {
		return nil
	}
	text := string(word)
	return &text
}
