// Package delivery tells others what happened here, in the background: at least once, in several
// attempts, and so that a target that hangs delays no other.
//
//	pending ──▶ claimed for one attempt ──▶ delivered, refused or undeliverable
//	   ▲                  │
//	   └───── failed ─────┘  at most 5 attempts in about an hour, then given up
//
// A feature gives a [Kind], which names the table of its deliveries, and a [Sender], which makes one
// attempt and says what came of it. A delivery is for a target, and refers to what is delivered:
// the sender reads that when it makes the attempt.
//
// The table is the feature's own. So a delivery is written in the transaction in which something
// happened, by one statement that may select from the feature's other tables; foreign keys decide
// what ends a delivery early; and one kind can't hold up another. The pair of target and reference
// is unique. Beside these two, both UUIDs, the table has
//
//	attempts         BIGINT NOT NULL       0 in a new row
//	created_at       TIMESTAMPTZ NOT NULL
//	next_attempt_at  TIMESTAMPTZ NOT NULL  with an index of the rows that are not finished
//	last_attempt_at  TIMESTAMPTZ
//	last_status      BIGINT
//	last_problem     TEXT
//	finished_at      TIMESTAMPTZ
//	outcome          TEXT                  see [Outcome]
//
// An attempt is claimed by a conditional statement, so that several nodes don't make the same one. A
// node that dies in the middle leaves a claim that expires after a minute: what is delivered may
// arrive twice. The rows are kept for a month as a log, without what a target answered.
//
// At most 16 attempts run at once on a node, 2 of them to one target and 2 to one host. Targets take turns: the
// first delivery of each comes before the second of any.
//
// Not here: an order among the deliveries to one target; what is sent, and how.
package delivery
