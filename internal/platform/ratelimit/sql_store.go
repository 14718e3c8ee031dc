package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authly/internal/platform/db"
)

// SQL keeps attempts in the table rate_limits, shared by all nodes and across restarts.
// Times are whole microseconds since the epoch, because the engines share no
// arithmetic with times.
type SQL struct{ database *db.DB }

// NewSQL returns a store in the given database.
func NewSQL(database *db.DB) *SQL { return &SQL{database} }

// reserve is policy.Rate's Reserve as one statement: $2 is the theoretical arrival
// after a first attempt, $3 now, $4 the interval, $5 the latest theoretical arrival
// that still allows an attempt. No row comes back when the attempt is refused.
// CASE, because GREATEST is not on both engines.
const reserve = `
INSERT INTO rate_limits (key, theoretical_arrival_micros) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET theoretical_arrival_micros =
  CASE WHEN rate_limits.theoretical_arrival_micros > $3 THEN rate_limits.theoretical_arrival_micros ELSE $3 END + $4
WHERE rate_limits.theoretical_arrival_micros <= $5
RETURNING theoretical_arrival_micros`

// Reserve implements [Store].
func (s *SQL) Reserve(ctx context.Context, key Key, rate Rate, now time.Time) (Decision, error) {
	if err := validate(rate); err != nil {
		return Decision{}, err
	}
	now = now.Truncate(time.Microsecond)
	latest := now.Add(rate.Period() - rate.Interval)
	var next int64
	err := s.database.Write(ctx).QueryRow(ctx, reserve,
		key[:], now.Add(rate.Interval).UnixMicro(), now.UnixMicro(), rate.Interval.Microseconds(), latest.UnixMicro()).Scan(&next)
	if err == nil {
		return Decision{Allowed: true}, nil
	}
	if !errors.Is(err, db.ErrNoRows) {
		return Decision{}, fmt.Errorf("reserve an attempt: %w", err)
	}
	arrival, err := s.arrival(ctx, key)
	if err != nil {
		return Decision{}, fmt.Errorf("read when to try again: %w", err)
	}
	return refused(rate, arrival, now), nil
}

func (s *SQL) arrival(ctx context.Context, key Key) (time.Time, error) {
	var micros int64
	err := s.database.Read(ctx).QueryRow(ctx,
		`SELECT theoretical_arrival_micros FROM rate_limits WHERE key = $1`, key[:]).Scan(&micros)
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil // reset or swept since
	}
	return time.UnixMicro(micros), err
}

// Reset implements [Store].
func (s *SQL) Reset(ctx context.Context, key Key) error {
	if _, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM rate_limits WHERE key = $1`, key[:]); err != nil {
		return fmt.Errorf("forget attempts: %w", err)
	}
	return nil
}

// sweepBatch bounds how long a sweep keeps SQLite's only writer, in rows.
const sweepBatch = 1000

// sweep repeats its condition outside the list: PostgreSQL re-evaluates only that
// one for a row that another transaction has changed since.
const sweep = `
DELETE FROM rate_limits WHERE theoretical_arrival_micros <= $1 AND key IN (
  SELECT key FROM rate_limits WHERE theoretical_arrival_micros <= $1 ORDER BY theoretical_arrival_micros LIMIT $2)`

// Sweep deletes the rows that have expired at now, and returns how many
// there were. Several nodes may sweep at once.
func (s *SQL) Sweep(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	for {
		deleted, err := s.database.Write(ctx).Exec(ctx, sweep, now.Add(-ClockSkew).UnixMicro(), sweepBatch)
		total += deleted
		if err != nil {
			return total, fmt.Errorf("sweep rate limits: %w", err)
		}
		if deleted < sweepBatch {
			return total, nil
		}
	}
}
