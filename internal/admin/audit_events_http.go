package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
)

// exportWriteTimeout is how long whoever gets an export may take for each part of it.
const exportWriteTimeout = 30 * time.Second

// exportBuffer is how much of an export is written at a time.
const exportBuffer = 32 << 10

// AuditEventPage is a page of events, the newest first.
type AuditEventPage struct {
	Events []AuditEvent `json:"audit_events"`
	Next   string       `json:"next_cursor,omitempty" doc:"What to send as cursor for the next page. Left out on the last one; a page that is not full, or empty, need not be it."`
}

// AuditFilters say which events are wanted.
type AuditFilters struct {
	Action     audit.Action  `query:"action" doc:"What was done, such as session.sign_in."`
	Outcome    audit.Outcome `query:"outcome"`
	ActorID    string        `query:"actor_id" maxLength:"512" doc:"The subject of a user, or a client_id."`
	ClientID   string        `query:"client_id" maxLength:"512" doc:"The client through which it was done."`
	TargetKind string        `query:"target_kind" maxLength:"512" doc:"What kind of thing it happened to, such as client."`
	TargetID   string        `query:"target_id" maxLength:"512" doc:"To which of them, by its identifier."`
	Since      time.Time     `query:"since" doc:"What happened at this time or later (RFC 3339)."`
	Until      time.Time     `query:"until" doc:"What happened before this time (RFC 3339)."`
}

func (f AuditFilters) query() audit.Query {
	return audit.Query{
		Action: f.Action, Outcome: f.Outcome, ActorID: f.ActorID, ClientID: f.ClientID,
		TargetKind: f.TargetKind, TargetID: f.TargetID, Since: f.Since, Until: f.Until,
	}
}

func (a *auditEvents) mount(to operations) {
	const read = "admin:audit:read"
	register(to, operation{method: http.MethodGet, path: "/audit-events", id: "list-audit-events", summary: "List what happened, the newest first", scope: read, signIn: anySignIn}, a.httpList)
	register(to, operation{method: http.MethodGet, path: "/audit-events/export", id: "export-audit-events", summary: "Get everything that happened as JSON lines, the newest first, and a last line with the head of the chain and a seal; an answer that breaks off is not whole", scope: read, signIn: anySignIn, produces: "application/x-ndjson"}, a.httpExport)
	register(to, operation{method: http.MethodGet, path: "/audit-events/{event_id}", id: "get-audit-event", summary: "Get an event", scope: read, signIn: anySignIn}, a.httpGet)
}

func (a *auditEvents) httpList(ctx context.Context, in *struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	AuditFilters
},
) (*struct{ Body AuditEventPage }, error) {
	query := in.query()
	query.Limit = in.Limit
	var err error
	if query.After, err = parsePosition(in.Cursor); err != nil {
		return nil, err
	}
	found, err := a.log.List(ctx, query)
	if err != nil {
		return nil, err
	}
	answer := &struct{ Body AuditEventPage }{AuditEventPage{Events: make([]AuditEvent, len(found.Events)), Next: found.Next.Cursor()}}
	for i, each := range found.Events {
		answer.Body.Events[i] = eventView(each)
	}
	return answer, nil
}

func (a *auditEvents) httpGet(ctx context.Context, in *struct {
	ID string `path:"event_id" maxLength:"36" format:"uuid"`
},
) (*struct{ Body AuditEvent }, error) {
	which, err := parseID(in.ID, "audit.event_unknown")
	if err != nil {
		return nil, err
	}
	known, err := a.log.Find(ctx, which)
	if err != nil {
		return nil, err
	}
	return &struct{ Body AuditEvent }{eventView(known)}, nil
}

func (a *auditEvents) httpExport(ctx context.Context, in *struct{ AuditFilters }) (*huma.StreamResponse, error) {
	begun, err := a.export(ctx, in.query())
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: begun.stream}, nil
}

// stream writes the export for as long as it takes, if whoever gets it keeps reading. What
// fails now can only be told by breaking off.
func (e *export) stream(answer huma.Context) {
	defer e.done()
	answer.SetHeader("Content-Type", "application/x-ndjson")
	answer.SetHeader("Content-Disposition", `attachment; filename="audit-events.ndjson"`)
	_, w := humago.Unwrap(answer)
	w.WriteHeader(http.StatusOK)
	buffered := bufio.NewWriterSize(patient{w, http.NewResponseController(w)}, exportBuffer)
	ctx := context.WithoutCancel(answer.Context()) // its end is for short answers
	err := e.WriteTo(ctx, buffered)
	if err == nil {
		err = buffered.Flush()
	}
	switch {
	case err == nil:
		return
	case errors.Is(err, errGone):
		httpx.Attach(ctx, slog.Bool("client_gone", true))
	default:
		httpx.Report(ctx, err)
	}
	panic(http.ErrAbortHandler)
}

// errGone says that whoever asked does not read any more.
var errGone = errors.New("the connection is gone")

// patient gives every write a time of its own.
type patient struct {
	http.ResponseWriter
	controller *http.ResponseController
}

// Write fails if it takes too long.
func (p patient) Write(part []byte) (int, error) {
	// The time is that of the network, which knows no other clock.
	if err := p.controller.SetWriteDeadline(clock.System().Now().Add(exportWriteTimeout)); err != nil {
		return 0, fmt.Errorf("%w: %w", errGone, err)
	}
	written, err := p.ResponseWriter.Write(part)
	if err != nil {
		err = fmt.Errorf("%w: %w", errGone, err)
	}
	return written, err
}
