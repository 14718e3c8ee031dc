package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/fault"
)

// longLog has more events than an export has in memory.
func longLog(t *testing.T) (*db.DB, *auditEvents) {
	t.Helper()
	database := dbtest.Open(t, db.SQLite)
	log := audit.New(audit.Deps{Database: database, Clock: clock.System()})
	for range audit.ExportedAtOnce + 1 {
		if err := log.Record(t.Context(), audit.Event{Action: audit.SignIn}); err != nil {
			t.Fatal(err)
		}
	}
	return database, newAuditEvents(log)
}

func TestExportsAreBounded(t *testing.T) {
	t.Parallel()
	_, events := longLog(t)
	var begun []*export
	for range maxExports {
		one, err := events.export(t.Context(), audit.Query{})
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, one)
	}
	if _, err := events.export(t.Context(), audit.Query{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("one more: %v", err)
	}
	begun[0].done()
	if _, err := events.export(t.Context(), audit.Query{}); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

// Whoever gets a part must not take it for the whole.
func TestExportThatFailsBreaksOff(t *testing.T) {
	t.Parallel()
	database, events := longLog(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun, err := events.export(r.Context(), audit.Query{})
		if err != nil {
			t.Error(err)
			return
		}
		_ = database.Close()
		begun.stream(humago.NewContext(&huma.Operation{}, r, w))
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(request)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("the answer ended with %v", err)
	}
	if len(events.exporting) != 0 {
		t.Error("the export still counts")
	}
}

// slow notes the time that each write has.
type slow struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (s *slow) SetWriteDeadline(at time.Time) error {
	s.deadlines = append(s.deadlines, at)
	return nil
}

func TestEachPartOfAnExportHasItsTime(t *testing.T) {
	t.Parallel()
	_, events := longLog(t)
	begun, err := events.export(t.Context(), audit.Query{})
	if err != nil {
		t.Fatal(err)
	}
	to := &slow{ResponseRecorder: httptest.NewRecorder()}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // the time of other answers is over
	begun.stream(humago.NewContext(&huma.Operation{}, httptest.NewRequestWithContext(ended, http.MethodGet, "/", nil), to))
	if lines := strings.Count(to.Body.String(), "\n"); lines != audit.ExportedAtOnce+2 {
		t.Errorf("%d lines", lines)
	}
	if want := to.Body.Len()/exportBuffer + 1; len(to.deadlines) != want || want < 2 {
		t.Errorf("%d writes had a deadline, want %d", len(to.deadlines), want)
	}
}
