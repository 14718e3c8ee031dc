package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"authly/internal/platform/fault"
)

// batch is a sealed batch of events.
type batch struct {
	number    int64
	events    int64
	digest    []byte
	sealedAt  time.Time
	deletedAt *time.Time
	deletion  []byte
}

// errNoKey keeps a log without the secret key from making a chain that anyone could forge.
var errNoKey = errors.New("the audit log has no key for its chain")

// batchSize bounds the events that one transaction seals.
const batchSize = 500

// maxBatches bounds one run of a job; the next run continues.
const maxBatches = 1000

// Seal seals the recorded events into batches. Several nodes may do it
// concurrently: a batch number exists only once.
func (l *Log) Seal(ctx context.Context) error {
	if l.chainKey.IsZero() {
		return errNoKey
	}
	for range maxBatches {
		sealed, err := l.sealOne(ctx)
		if errors.Is(err, errSealedElsewhere) {
			return nil // another node is at it
		}
		if err != nil {
			return fmt.Errorf("seal the audit log: %w", err)
		}
		if sealed < batchSize {
			return nil
		}
	}
	return nil
}

func (l *Log) sealOne(ctx context.Context) (sealed int, err error) {
	err = l.store.inTransaction(ctx, func(ctx context.Context) error {
		sealed = 0
		unsealed, err := l.store.unsealed(ctx, batchSize)
		if err != nil || len(unsealed) == 0 {
			return err
		}
		b, err := l.makeBatch(ctx, unsealed)
		if err != nil {
			return err
		}
		sealed = len(unsealed)
		return l.store.assign(ctx, b.number, unsealed)
	})
	return sealed, err
}

// makeBatch appends a batch of events, in the order of their identifiers, to the chain.
func (l *Log) makeBatch(ctx context.Context, events []stored) (batch, error) {
	last, err := l.store.lastBatch(ctx)
	if err != nil {
		return batch{}, err
	}
	b := batch{number: last.number + 1, events: int64(len(events)), sealedAt: l.clock.Now()}
	if b.digest, err = l.digest(b.number, last.digest, events); err != nil {
		return batch{}, err
	}
	return b, l.store.insertBatch(ctx, b)
}

// sealedEvent is the form of an event that the batch's digest covers. A field must
// never be renamed or moved: old digests would be wrong.
type sealedEvent struct {
	ID         string `json:"id"`
	OccurredAt int64  `json:"occurred_at"` // microseconds since the epoch
	Action     string `json:"action"`
	Outcome    string `json:"outcome"`
	ActorKind  string `json:"actor_kind"`
	ActorID    string `json:"actor_id"`
	ActorName  string `json:"actor_name"`
	ClientID   string `json:"client_id"`
	TargetKind string `json:"target_kind"`
	TargetID   string `json:"target_id"`
	TargetName string `json:"target_name"`
	Address    string `json:"address"`
	RequestID  string `json:"request_id"`
	Details    string `json:"details"`
	// Personal is omitted where it is empty: events from before it existed have a digest without it.
	Personal string `json:"personal,omitempty"`
}

// stored is an event with the exact text of its details, and with its sealed personal values.
type stored struct {
	Event
	details  string
	personal string
}

func (s stored) sealed() sealedEvent {
	return sealedEvent{
		ID: s.ID.String(), OccurredAt: s.OccurredAt.UnixMicro(), Action: string(s.Action), Outcome: string(s.Outcome), ActorKind: string(s.Actor.Kind),
		ActorID: s.Actor.ID, ActorName: s.Actor.Name, ClientID: s.ClientID, TargetKind: s.Target.Kind, TargetID: s.Target.ID, TargetName: s.Target.Name,
		Address: s.Origin.Address, RequestID: s.Origin.RequestID, Details: s.details, Personal: s.personal,
	}
}

// digest returns the digest of a batch: over its number, the previous digest, the number of events,
// and each event, in the order of their identifiers.
func (l *Log) digest(number int64, previous []byte, events []stored) ([]byte, error) {
	sum := hmac.New(sha256.New, []byte(l.chainKey.Reveal()))
	_, _ = fmt.Fprintf(sum, "authly audit batch\n%d\n%x\n%d\n", number, previous, len(events))
	encoder := json.NewEncoder(sum) // ends each event with a line feed, and escapes those within
	for _, event := range events {
		if err := encoder.Encode(event.sealed()); err != nil {
			return nil, fmt.Errorf("encode an event: %w", err)
		}
	}
	return sum.Sum(nil), nil
}

// deletion proves that a batch was deleted by this server, and when.
func (l *Log) deletion(of batch, at time.Time) []byte {
	sum := hmac.New(sha256.New, []byte(l.chainKey.Reveal()))
	_, _ = fmt.Fprintf(sum, "authly audit deletion\n%d\n%x\n%d\n", of.number, of.digest, at.UnixMicro())
	return sum.Sum(nil)
}

// Verification is the result of verifying the whole chain.
type Verification struct {
	// Batches and Events are those that are sealed and unchanged.
	Batches, Events int64
	// Deleted is how many batches were deleted at the end of their retention.
	Deleted int64
	// Unsealed events are not in the chain yet.
	Unsealed int64
	// Head is the number and the digest of the newest batch, as text to note elsewhere; ""
	// for an empty chain.
	Head string
	// Problem is the first problem, "" for none.
	Problem string
}

// OK reports whether everything is unchanged since it was sealed.
func (v Verification) OK() bool { return v.Problem == "" }

// Verify reads the whole chain. With a head that was noted before, it also finds
// batches that were cut off at the end. The error is a fault of kind Invalid for a
// malformed head; a broken chain is no error.
func (l *Log) Verify(ctx context.Context, noted string) (Verification, error) {
	var result Verification
	if l.chainKey.IsZero() {
		return result, errNoKey
	}
	headFound := noted == ""
	if !headFound {
		var number int64
		var digest string
		if _, err := fmt.Sscanf(noted, "%d:%64s", &number, &digest); err != nil || number <= 0 || len(digest) != 2*sha256.Size || head(batch{number: number, digest: unhex(digest)}) != noted {
			return result, fault.New(fault.Invalid, "audit.head").WithField("head", "audit.head")
		}
	}
	var previous batch
	for result.Problem == "" {
		next, isThere, err := l.store.batchAfter(ctx, previous.number)
		if err != nil {
			return result, fmt.Errorf("verify the audit log: %w", err)
		}
		if !isThere {
			break
		}
		if err := l.verifyBatch(ctx, previous, next, &result); err != nil {
			return result, fmt.Errorf("verify the audit log: %w", err)
		}
		headFound = headFound || head(next) == noted
		previous = next
	}
	result.Head = head(previous)
	if result.Problem == "" && !headFound {
		result.Problem = "the batch of the noted head is not there any more"
	}
	var err error
	if result.Unsealed, err = l.store.countUnsealed(ctx); err != nil {
		return result, fmt.Errorf("verify the audit log: %w", err)
	}
	if stray, err := l.store.isStray(ctx); err != nil {
		return result, fmt.Errorf("verify the audit log: %w", err)
	} else if stray && result.Problem == "" {
		result.Problem = "there are events of a batch that was deleted"
	}
	return result, nil
}

func unhex(text string) []byte {
	decoded, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return decoded
}

func head(of batch) string {
	if of.number == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%x", of.number, of.digest)
}

func (l *Log) verifyBatch(ctx context.Context, previous, next batch, result *Verification) error {
	if next.number != previous.number+1 {
		result.Problem = fmt.Sprintf("batch %d is missing", previous.number+1)
		return nil
	}
	if next.deletedAt != nil {
		result.Deleted++
		if !hmac.Equal(next.deletion, l.deletion(next, *next.deletedAt)) {
			result.Problem = fmt.Sprintf("batch %d was deleted, and not by this server", next.number)
		}
		return nil
	}
	events, err := l.store.ofBatch(ctx, next.number, batchSize+1)
	if err != nil {
		return err
	}
	digest, err := l.digest(next.number, previous.digest, events)
	if err != nil {
		return err
	}
	if int64(len(events)) != next.events || !hmac.Equal(digest, next.digest) {
		// It may have been deleted between the two queries, at the end of its retention.
		now, isThere, err := l.store.batchAfter(ctx, previous.number)
		if err != nil {
			return err
		}
		if isThere && next.deletedAt == nil && now.deletedAt != nil {
			return l.verifyBatch(ctx, previous, now, result)
		}
		result.Problem = fmt.Sprintf("batch %d is not as it was sealed at %s", next.number, next.sealedAt.UTC().Format(time.RFC3339))
		return nil
	}
	result.Batches++
	result.Events += next.events
	return nil
}

// Delete deletes the batches that were sealed before a time, oldest first, and
// records that. Unsealed events stay. Several nodes may do it at once.
func (l *Log) Delete(ctx context.Context, before time.Time) error {
	if l.chainKey.IsZero() {
		return errNoKey
	}
	for range maxBatches {
		oldest, isThere, err := l.store.oldestBatch(ctx)
		if err != nil {
			return fmt.Errorf("delete old audit events: %w", err)
		}
		if !isThere || !oldest.sealedAt.Before(before) {
			return nil
		}
		err = l.store.inTransaction(ctx, func(ctx context.Context) error {
			now := l.clock.Now()
			first, err := l.store.markDeleted(ctx, oldest.number, now, l.deletion(oldest, now))
			if err != nil || !first {
				return err
			}
			if err := l.store.deleteEvents(ctx, oldest.number); err != nil {
				return err
			}
			return l.Record(ctx, Event{
				Action: Retention, Actor: Actor{Kind: Server}, Target: Target{Kind: "audit_batch", ID: strconv.FormatInt(oldest.number, 10)},
				Details: Details{Reason: "retention"},
			})
		})
		if err != nil {
			return fmt.Errorf("delete old audit events: %w", err)
		}
	}
	return nil
}
