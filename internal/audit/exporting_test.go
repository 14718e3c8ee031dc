package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// view is an event as the exports of these tests have it.
func view(event audit.Event) any {
	return map[string]any{"id": event.ID, "target_id": event.Target.ID, "note": event.Details.Note}
}

func (w *world) export(log *audit.Log, query audit.Query) string {
	w.t.Helper()
	var text bytes.Buffer
	begun, err := log.Export(w.t.Context(), query, view)
	w.must(err)
	w.must(begun.WriteTo(w.t.Context(), &text))
	return text.String()
}

// The last line says what there is, with the head of the chain, and counts although the events are deleted.
func TestExportSaysWhatItHas(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		verified := func(text string) audit.ExportVerification {
			t.Helper()
			found, err := w.log.VerifyExport(strings.NewReader(text))
			w.must(err)
			if found.Problem != "" {
				t.Errorf("%s in\n%s", found.Problem, text)
			}
			return found
		}
		if empty := verified(w.export(w.log, audit.Query{})); empty.Events != 0 || empty.Head != "" || empty.HeadSealedAt != nil {
			t.Errorf("an empty log: %+v", empty)
		}
		w.sealed()
		head := w.verify("").Head
		all, some := w.export(w.log, audit.Query{}), w.export(w.log, audit.Query{TargetID: "second", Since: start, Until: start.Add(90 * time.Minute), Limit: 1})
		if lines := strings.Count(all, "\n"); lines != 8 {
			t.Errorf("%d lines for 7 events", lines)
		}
		found := verified(all)
		if found.Events != 7 || found.Head != head || !found.HeadSealedAt.Equal(start.Add(2*time.Hour)) || !found.At.Equal(w.clock.Now()) || found.Filters != (audit.ExportFilters{}) {
			t.Errorf("all: %+v", found)
		}
		if found := verified(some); found.Events != 2 || found.Filters.TargetID != "second" || !found.Filters.Since.Equal(start) || !found.Filters.Until.Equal(start.Add(90*time.Minute)) {
			t.Errorf("some: %+v", found)
		}
		w.clock.Advance(1000 * time.Hour)
		w.must(w.log.Delete(t.Context(), w.clock.Now()))
		verified(all)
		if after := w.verify(found.Head); !after.OK() {
			t.Errorf("the chain with the head of the export: %+v", after)
		}
	})
}

func TestChangedExportIsFound(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.sealed()
		text := w.export(w.log, audit.Query{})
		short := w.export(w.log, audit.Query{TargetID: "second"})
		lines, others := strings.SplitAfter(text, "\n"), strings.SplitAfter(short, "\n")
		lines, others = lines[:len(lines)-1], others[:len(others)-1]
		end := len(lines) - 1
		with := func(number int, line string) string {
			changed := append([]string(nil), lines...)
			changed[number] = line
			return strings.Join(changed, "")
		}
		for name, changed := range map[string]string{
			"nothing":                        "",
			"the first line is cut":          strings.Join(lines[1:], ""),
			"a line is cut":                  with(3, ""),
			"the last event is cut":          with(end-1, ""),
			"the end is cut":                 strings.Join(lines[:end], ""),
			"cut within a line":              text[:len(text)/2],
			"cut within the last line":       text[:len(text)-20],
			"the last line feed is cut":      strings.TrimSuffix(text, "\n"),
			"a line is changed":              with(0, strings.Replace(lines[0], "third", "fourth", 1)),
			"a line is another":              with(0, lines[1]),
			"lines changed places":           strings.Join(append([]string{lines[1], lines[0]}, lines[2:]...), ""),
			"a line is doubled":              with(2, lines[2]+lines[2]),
			"a line is added":                with(0, `{"id":"0199e000-0000-7000-8000-00000000000c"}`+"\n"+lines[0]),
			"an empty line":                  with(2, "\n"+lines[2]),
			"a line is appended":             text + lines[0],
			"a text is appended":             text + "x",
			"the last line is doubled":       text + lines[end],
			"two exports in one":             text + short,
			"the last line of another":       with(end, others[len(others)-1]),
			"another count":                  with(end, strings.Replace(lines[end], `"events":7`, `"events":8`, 1)),
			"a filter that was not":          with(end, strings.Replace(lines[end], `"filters":{}`, `"filters":{"target_id":"second"}`, 1)),
			"a member that is none":          with(end, strings.Replace(lines[end], `"events":7`, `"events":7,"note":"x"`, 1)),
			"a member twice":                 with(end, strings.Replace(lines[end], `"events":7`, `"events":9,"events":7`, 1)),
			"another head":                   with(end, strings.Replace(lines[end], `"head":"3:`, `"head":"2:`, 1)),
			"without the seal":               with(end, lines[end][:strings.Index(lines[end], `,"seal"`)]+"}}\n"),
			"by another server":              w.export(w.with("another key"), audit.Query{}),
			"by a log that can't seal":       w.export(audit.New(audit.Deps{Database: database, Clock: w.clock}), audit.Query{}),
			"a line that looks like the end": with(0, `{"export":{}}`+"\n"+lines[0]),
		} {
			if changed == text {
				t.Fatalf("%s: nothing was changed", name)
			}
			found, err := w.log.VerifyExport(strings.NewReader(changed))
			if err != nil || found.Problem == "" {
				t.Errorf("%s: not found: %+v %v", name, found, err)
			}
		}
		if _, err := w.log.VerifyExport(strings.NewReader(strings.Repeat("x", 2<<20))); err == nil {
			t.Error("a line without an end was read")
		}
		if _, err := audit.New(audit.Deps{Database: database, Clock: w.clock}).VerifyExport(strings.NewReader(text)); err == nil {
			t.Error("it was verified without the key of the chain")
		}
	})
}

// What is sealed before an export begins is in it, however much is added meanwhile.
func TestExportHasAllUpToItsHead(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for i := range audit.ExportedAtOnce + 5 {
			w.record(event(audit.RegisterClient, ada, fmt.Sprint(i)))
		}
		w.must(w.log.Seal(t.Context()))
		before := w.verify("").Head
		begun, err := w.log.Export(t.Context(), audit.Query{}, view)
		w.must(err)
		w.record(event(audit.RegisterClient, ada, "later"))
		w.must(w.log.Seal(t.Context()))
		var text bytes.Buffer
		w.must(begun.WriteTo(t.Context(), &text))
		found, err := w.log.VerifyExport(&text)
		w.must(err)
		if found.Problem != "" || found.Head != before || found.Events != audit.ExportedAtOnce+5 {
			t.Errorf("%+v", found)
		}
	})
}

// An export that fails has no last line.
func TestExportThatFails(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		for i := range audit.ExportedAtOnce + 1 {
			w.record(event(audit.RegisterClient, ada, fmt.Sprint(i)))
		}
		begun, err := w.log.Export(t.Context(), audit.Query{}, view)
		w.must(err)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var text bytes.Buffer
		if err := begun.WriteTo(ended, &text); !errors.Is(err, context.Canceled) || strings.Contains(text.String(), `{"export"`) {
			t.Errorf("%v with %d bytes", err, text.Len())
		}
	})
}
