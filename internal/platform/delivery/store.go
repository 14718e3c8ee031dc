package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
)

// store has the statements about the table of a kind.
type store struct {
	database *db.DB
	kind     Kind
	names    *strings.Replacer
}

func newStore(database *db.DB, kind Kind) store {
	return store{database, kind, strings.NewReplacer(
		"{table}", kind.Table, "{target}", kind.Target, "{reference}", kind.Reference, "{targets}", kind.Targets, "{address}", kind.Address,
	)}
}

// text completes a statement with the names of the kind.
func (s store) text(statement string) string { return s.names.Replace(statement) }

const columns = `{target}, {reference}, attempts, created_at, next_attempt_at, last_attempt_at, last_status, last_problem, finished_at, outcome`

func scan(row db.Row) (Delivery, error) {
	var (
		d                Delivery
		attempts         int64
		status           *int64
		problem, outcome *string
	)
	err := row.Scan(&d.Target, &d.Reference, &attempts, &d.CreatedAt, &d.NextAttemptAt, &d.LastAttemptAt, &status, &problem, &d.FinishedAt, &outcome)
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

func (s store) deliveries(ctx context.Context, target uuid.UUID, limit int) ([]Delivery, error) {
	rows, err := s.database.Read(ctx).Query(ctx, s.text(`SELECT `+columns+` FROM {table} WHERE {target} = $1
		ORDER BY created_at DESC, {reference} DESC LIMIT $2`), target, limit)
	return db.Collect(rows, err, scan)
}

// due returns deliveries that are due, without those of busy targets and hosts. A target that has many of
// them does not crowd out the others: all first ones come before all second ones.
func (s store) due(ctx context.Context, now time.Time, busyTargets []uuid.UUID, busyHosts []string) ([]dueDelivery, error) {
	arguments := []any{now, maxAttempts, lookAheadOfOne, lookAhead}
	var allowed strings.Builder
	if len(busyTargets) > 0 {
		allowed.WriteString(` AND d.{target} NOT IN (` + db.Placeholders(len(arguments)+1, len(busyTargets)) + `)`)
		for _, target := range busyTargets {
			arguments = append(arguments, target)
		}
	}
	for _, host := range busyHosts {
		// The host is that of the address only if the next character ends it: otherwise it is the beginning of another one.
		fmt.Fprintf(&allowed, ` AND substr(lower(COALESCE(t.{address}, '')) || '/', 1, %d) NOT IN (%s)`,
			len(host)+1, db.Placeholders(len(arguments)+1, len(hostEnds)))
		for _, end := range hostEnds {
			arguments = append(arguments, host+string(end))
		}
	}
	rows, err := s.database.Read(ctx).Query(ctx, s.text(`SELECT w.{target}, w.{reference}, w.attempts, w.address FROM (
			SELECT d.{target}, d.{reference}, d.attempts, d.next_attempt_at, COALESCE(t.{address}, '') AS address,
				row_number() OVER (PARTITION BY d.{target} ORDER BY d.next_attempt_at, d.{reference}) AS place
			FROM {table} d LEFT JOIN {targets} t ON t.id = d.{target}
			WHERE d.finished_at IS NULL AND d.next_attempt_at <= $1 AND d.attempts < $2`+allowed.String()+`) w
		WHERE w.place <= $3 ORDER BY w.place, w.next_attempt_at LIMIT $4`), arguments...)
	return db.Collect(rows, err, func(row db.Row) (dueDelivery, error) {
		var (
			d        dueDelivery
			attempts int64
			address  string
		)
		err := row.Scan(&d.target, &d.reference, &attempts, &address)
		d.attempts, d.host = int(attempts), hostOf(address)
		return d, err
	})
}

// claim takes a delivery for one attempt, and reports whether this caller has it: the claim of a second caller
// doesn't match the number of attempts. Unless a result is recorded, the delivery is due again at the given time.
func (s store) claim(ctx context.Context, due dueDelivery, now, again time.Time) (Delivery, bool, error) {
	claimed, err := scan(s.database.Write(ctx).QueryRow(ctx, s.text(`UPDATE {table}
		SET attempts = attempts + 1, next_attempt_at = $1, last_attempt_at = $2
		WHERE {reference} = $3 AND {target} = $4 AND attempts = $5 AND finished_at IS NULL AND next_attempt_at <= $2
		RETURNING `+columns), again, now, due.reference, due.target, due.attempts))
	if errors.Is(err, db.ErrNoRows) {
		return Delivery{}, false, nil
	}
	return claimed, err == nil, err
}

// record writes the result of an attempt, unless the delivery was claimed again meanwhile.
func (s store) record(ctx context.Context, d Delivery) error {
	_, err := s.database.Write(ctx).Exec(ctx, s.text(`UPDATE {table}
		SET last_status = $1, last_problem = $2, next_attempt_at = $3, finished_at = $4, outcome = $5
		WHERE {reference} = $6 AND {target} = $7 AND attempts = $8 AND finished_at IS NULL`),
		d.LastStatus, optional(d.LastProblem), d.NextAttemptAt, d.FinishedAt, optional(d.Outcome), d.Reference, d.Target, d.Attempts)
	return err
}

func (s store) closeInterrupted(ctx context.Context, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, s.text(`UPDATE {table} SET finished_at = $1, outcome = $3, last_problem = $4
		WHERE finished_at IS NULL AND next_attempt_at <= $1 AND attempts >= $2`), now, maxAttempts, string(GivenUp), string(Interrupted))
	return err
}

func (s store) sweep(ctx context.Context, before time.Time) error {
	return s.database.Sweep(ctx, s.text(`DELETE FROM {table} WHERE created_at <= $1 AND ({reference}, {target}) IN
		(SELECT {reference}, {target} FROM {table} WHERE created_at <= $1 LIMIT $2)`), before)
}

func optional[T ~string](word T) *string {
	if word == "" {
		return nil
	}
	text := string(word)
	return &text
}
