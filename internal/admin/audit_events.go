package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
)

// AuditLog reads the audit log.
type AuditLog interface {
	List(ctx context.Context, query audit.Query) (audit.Page, error)
	Find(ctx context.Context, event uuid.UUID) (audit.Event, error)
}

// auditEvents shows the audit log. Nobody changes it.
type auditEvents struct {
	log AuditLog
	// exporting bounds how many exports there are at once.
	exporting chan struct{}
}

const (
	maxExports = 4
	// exportedAtOnce is how many events of an export are in memory at a time.
	exportedAtOnce = 200
	// exportPageTimeout bounds the reading of a page of an export, which goes on for
	// longer than other requests may.
	exportPageTimeout = 15 * time.Second
)

func newAuditEvents(log AuditLog) *auditEvents {
	return &auditEvents{log, make(chan struct{}, maxExports)}
}

// AuditEvent is an event of the audit log, with the members that an export of the local
// command has.
type AuditEvent struct {
	ID         string          `json:"id"`
	OccurredAt time.Time       `json:"occurred_at"`
	Action     audit.Action    `json:"action" doc:"The kind of the object and a verb, such as client.update."`
	Outcome    audit.Outcome   `json:"outcome" doc:"success or failure."`
	ActorKind  audit.ActorKind `json:"actor_kind" doc:"user, client, operator (somebody with access to the server's machine), server (by itself) or unknown."`
	ActorID    string          `json:"actor_id,omitempty" doc:"The subject of a user, or a client_id."`
	ActorName  string          `json:"actor_name,omitempty" doc:"(erased) for a user whose account is deleted."`
	ClientID   string          `json:"client_id,omitempty" doc:"Through which client it was done."`
	TargetKind string          `json:"target_kind,omitempty"`
	TargetID   string          `json:"target_id,omitempty"`
	TargetName string          `json:"target_name,omitempty" doc:"(erased) for a user whose account is deleted."`
	Address    string          `json:"address,omitempty" doc:"Of the caller; (erased) for a user whose account is deleted."`
	RequestID  string          `json:"request_id,omitempty" doc:"As in the server's own log."`
	Details    audit.Details   `json:"details"`
	Batch      int64           `json:"batch,omitempty" doc:"The batch that it is sealed in. Left out until it is."`
}

func eventView(e audit.Event) AuditEvent {
	return AuditEvent{
		ID: e.ID.String(), OccurredAt: e.OccurredAt.UTC(), Action: e.Action, Outcome: e.Outcome,
		ActorKind: e.Actor.Kind, ActorID: e.Actor.ID, ActorName: e.Actor.Name, ClientID: e.ClientID,
		TargetKind: e.Target.Kind, TargetID: e.Target.ID, TargetName: e.Target.Name,
		Address: e.Origin.Address, RequestID: e.Origin.RequestID, Details: e.Details, Batch: e.Batch,
	}
}

// export is a reading of many events, page by page.
type export struct {
	log   AuditLog
	query audit.Query
	first audit.Page
	done  func()
}

// export begins one: what fails at the first page is still an answer of its own. The
// caller must call done.
func (a *auditEvents) export(ctx context.Context, query audit.Query) (*export, error) {
	select {
	case a.exporting <- struct{}{}:
	default:
		return nil, fault.New(fault.Unavailable, "admin.exports_busy")
	}
	begun := &export{log: a.log, query: query, done: func() { <-a.exporting }}
	begun.query.Limit = exportedAtOnce
	var err error
	if begun.first, err = a.log.List(ctx, begun.query); err != nil {
		begun.done()
		return nil, err
	}
	return begun, nil
}

// writeTo writes the events as JSON lines.
func (e *export) writeTo(ctx context.Context, to io.Writer) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	for page := e.first; ; {
		for _, event := range page.Events {
			if err := encoder.Encode(eventView(event)); err != nil {
				return fmt.Errorf("write an event: %w", err)
			}
		}
		if page.Next.IsZero() {
			return nil
		}
		var err error
		if page, err = e.next(ctx, page); err != nil {
			return err
		}
	}
}

func (e *export) next(ctx context.Context, page audit.Page) (audit.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, exportPageTimeout)
	defer cancel()
	e.query.After = page.Next
	return e.log.List(ctx, e.query)
}
