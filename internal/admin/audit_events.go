package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
)

// AuditLog reads the audit log.
type AuditLog interface {
	List(ctx context.Context, query audit.Query) (audit.Page, error)
	Find(ctx context.Context, event uuid.UUID) (audit.Event, error)
	Export(ctx context.Context, query audit.Query, view func(audit.Event) any) (*audit.Export, error)
}

// auditEvents shows the audit log. Nobody changes it.
type auditEvents struct {
	log AuditLog
	// exporting bounds how many exports there are at once.
	exporting chan struct{}
}

const maxExports = 4

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
	*audit.Export
	done func()
}

// export begins one: what fails at the first page is still an answer of its own. The
// caller must call done.
func (a *auditEvents) export(ctx context.Context, query audit.Query) (*export, error) {
	select {
	case a.exporting <- struct{}{}:
	default:
		return nil, fault.New(fault.Unavailable, "admin.exports_busy")
	}
	done := func() { <-a.exporting }
	begun, err := a.log.Export(ctx, query, func(event audit.Event) any { return eventView(event) })
	if err != nil {
		done()
		return nil, err
	}
	return &export{begun, done}, nil
}
