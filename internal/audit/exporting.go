package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"authly/internal/platform/page"
)

const (
	// ExportedAtOnce is how many events of an export are in memory at a time.
	ExportedAtOnce = 200
	// exportPageTimeout bounds reading a page of an export, which takes longer than other requests may.
	exportPageTimeout = 15 * time.Second
	// maxExportLine bounds a line that is read back. An event is smaller, see maxDetailsBytes.
	maxExportLine = 1 << 20
)

// Export reads all matching events, page by page, and writes them as JSON lines, newest
// first, followed by a last line that describes the export; see [Exported].
type Export struct {
	log   *Log
	query Query
	view  func(Event) any
	first Page
	last  Exported
}

// Exported is the last line of an export. It lets [Log.VerifyExport] find a line that was changed, left out or
// added. Every matching event that is sealed in a batch up to the head is in the export,
// unless its retention ended meanwhile.
type Exported struct {
	At     time.Time `json:"exported_at"`
	Events int64     `json:"events"`
	// Filters are the filters that were set.
	Filters ExportFilters `json:"filters"`
	// Head is the head of the chain when the export began (see [Verification]), and HeadSealedAt its time; both are missing for an empty chain.
	Head         string     `json:"head,omitempty"`
	HeadSealedAt *time.Time `json:"head_sealed_at,omitempty"`
	// SHA256 is the digest of all lines before this one, each with its line feed, in hexadecimal.
	SHA256 string `json:"sha256"`
	// Seal is an HMAC-SHA-256 of this line without Seal, under the key of the chain, in hexadecimal. A [Log] without that
	// key leaves it out.
	Seal string `json:"seal,omitempty"`
}

// ExportFilters is a [Query] in the form of the last line of an export.
type ExportFilters struct {
	Action     Action     `json:"action,omitempty"`
	Outcome    Outcome    `json:"outcome,omitempty"`
	ActorID    string     `json:"actor_id,omitempty"`
	ClientID   string     `json:"client_id,omitempty"`
	TargetKind string     `json:"target_kind,omitempty"`
	TargetID   string     `json:"target_id,omitempty"`
	Since      *time.Time `json:"since,omitempty"`
	Until      *time.Time `json:"until,omitempty"`
}

// exportedLine is the last line of an export. No event has this member.
type exportedLine struct {
	Export Exported `json:"export"`
}

const exportedPrefix = `{"export":`

// Export starts an export, and fails if its first page fails. view returns the value to encode for an event.
// The position and the limit of the query are ignored.
func (l *Log) Export(ctx context.Context, query Query, view func(Event) any) (*Export, error) {
	last, err := l.store.newestBatch(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the head of the audit log: %w", err)
	}
	export := &Export{log: l, query: query, view: view, last: Exported{At: l.clock.Now().UTC(), Filters: filtersOf(query), Head: head(last)}}
	if last.number > 0 {
		sealedAt := last.sealedAt.UTC()
		export.last.HeadSealedAt = &sealedAt
	}
	export.query.Limit, export.query.After = ExportedAtOnce, page.Position{}
	if export.first, err = l.List(ctx, export.query); err != nil {
		return nil, err
	}
	return export, nil
}

func filtersOf(query Query) ExportFilters {
	filters := ExportFilters{
		Action: query.Action, Outcome: query.Outcome, ActorID: query.ActorID, ClientID: query.ClientID, TargetKind: query.TargetKind, TargetID: query.TargetID,
	}
	for _, each := range []struct {
		from time.Time
		to   **time.Time
	}{{query.Since, &filters.Since}, {query.Until, &filters.Until}} {
		if !each.from.IsZero() {
			at := each.from.UTC()
			*each.to = &at
		}
	}
	return filters
}

// WriteTo writes the whole export. It must be called once.
func (e *Export) WriteTo(ctx context.Context, to io.Writer) error {
	sum := sha256.New()
	encoder := json.NewEncoder(io.MultiWriter(to, sum))
	encoder.SetEscapeHTML(false)
	for read := e.first; ; {
		for _, event := range read.Events {
			if err := encoder.Encode(e.view(event)); err != nil {
				return fmt.Errorf("write an event: %w", err)
			}
		}
		e.last.Events += int64(len(read.Events))
		if read.Next.IsZero() {
			return e.end(to, sum)
		}
		var err error
		if read, err = e.next(ctx, read.Next); err != nil {
			return err
		}
	}
}

func (e *Export) next(ctx context.Context, after page.Position) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, exportPageTimeout)
	defer cancel()
	e.query.After = after
	return e.log.List(ctx, e.query)
}

func (e *Export) end(to io.Writer, sum hash.Hash) error {
	e.last.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if !e.log.chainKey.IsZero() {
		e.last.Seal = ""
		unsealed, err := encodedExport(e.last)
		if err != nil {
			return err
		}
		e.last.Seal = e.log.exportSeal(unsealed)
	}
	line, err := encodedExport(e.last)
	if err != nil {
		return err
	}
	if _, err := to.Write(line); err != nil {
		return fmt.Errorf("write the end of an export: %w", err)
	}
	return nil
}

// encodedExport returns the last line, with its line feed.
func encodedExport(last Exported) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(exportedLine{last}); err != nil {
		return nil, fmt.Errorf("encode the end of an export: %w", err)
	}
	return line.Bytes(), nil
}

func (l *Log) exportSeal(unsealed []byte) string {
	sum := hmac.New(sha256.New, []byte(l.chainKey.Reveal()))
	_, _ = sum.Write([]byte("authly audit export\n"))
	_, _ = sum.Write(unsealed)
	return hex.EncodeToString(sum.Sum(nil))
}

// ExportVerification is the result of verifying an export.
type ExportVerification struct {
	// Exported is the last line. It is not trustworthy if there is a problem.
	Exported
	// Problem is the first problem, "" for none.
	Problem string
}

// VerifyExport verifies that an export is unchanged since this server, or another one with the same chain key, wrote
// it. Its events need not be in the database. A changed export is no error.
func (l *Log) VerifyExport(from io.Reader) (ExportVerification, error) {
	if l.chainKey.IsZero() {
		return ExportVerification{}, errNoKey
	}
	var (
		result ExportVerification
		events int64
		sum    = sha256.New()
		lines  = bufio.NewScanner(from)
	)
	lines.Buffer(nil, maxExportLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		line := lines.Bytes()
		if !bytes.HasPrefix(line, []byte(exportedPrefix)) {
			events++
			_, _ = sum.Write(line)
			continue
		}
		var err error
		if result.Exported, result.Problem, err = l.verifyEnd(line, events, sum.Sum(nil)); err != nil {
			return ExportVerification{}, err
		}
		if lines.Scan() && result.Problem == "" {
			result.Problem = "there is something after its last line"
		}
		return result, scanned(lines.Err())
	}
	result.Problem = "its last line is missing, so that it was cut off"
	return result, scanned(lines.Err())
}

// verifyEnd compares the last line with what was before it.
func (l *Log) verifyEnd(line []byte, events int64, sum []byte) (last Exported, problem string, err error) {
	var read exportedLine
	if err := json.Unmarshal(line, &read); err != nil {
		return Exported{}, "its last line can't be read", nil //nolint:nilerr // the problem is the result
	}
	last = read.Export
	again, err := encodedExport(last)
	if err != nil {
		return last, "", err
	}
	unsealed := last
	unsealed.Seal = ""
	text, err := encodedExport(unsealed)
	switch {
	case err != nil:
		return last, "", err
	case last.Seal == "":
		return last, "it has no seal, as it was written without the sealing key of the server", nil
	case !bytes.Equal(again, line) || !hmac.Equal([]byte(last.Seal), []byte(l.exportSeal(text))):
		return last, "its last line is not one that this server wrote", nil
	case last.Events != events:
		return last, fmt.Sprintf("it has %d events and not %d", events, last.Events), nil
	case last.SHA256 != hex.EncodeToString(sum):
		return last, "its events are not as they were written", nil
	}
	return last, "", nil
}

// wholeLines splits after line feeds, which it keeps.
func wholeLines(data []byte, atEnd bool) (advance int, line []byte, err error) {
	if end := bytes.IndexByte(data, '\n'); end >= 0 {
		return end + 1, data[:end+1], nil
	}
	if atEnd && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func scanned(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("read an export: a line is longer than %d bytes: %w", maxExportLine, err)
	}
	if err != nil {
		return fmt.Errorf("read an export: %w", err)
	}
	return nil
}
