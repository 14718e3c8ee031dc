package http_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"authly/internal/platform/db"
)

// aside are the tables that a refusal may write to: the log, and the counts of attempts.
var aside = []string{"audit_batches", "audit_events", "audit_keys", "audit_outbox", "audit_sources", "goose_db_version", "rate_limits"}

// rows returns each row of the database as a text, but those of some tables.
func rows(t testing.TB, database *db.DB, without ...string) []string {
	t.Helper()
	ofTables, ofColumns, wholly := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`, `SELECT name FROM pragma_table_info($1)`, "quote(%s)"
	if database.Engine() == db.PostgreSQL {
		ofTables = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name`
		ofColumns, wholly = `SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1`, "COALESCE(CAST(%s AS TEXT), 'NULL')"
	}
	var all []string
	for _, table := range texts(t, database, ofTables) {
		if slices.Contains(without, table) {
			continue
		}
		columns := texts(t, database, ofColumns, table)
		for i, name := range columns {
			columns[i] = fmt.Sprintf(wholly, `"`+name+`"`)
		}
		for _, row := range texts(t, database, `SELECT `+strings.Join(columns, ` || '|' || `)+` FROM "`+table+`"`) {
			all = append(all, table+": "+row)
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		t.Fatal("the database has no rows")
	}
	return all
}

// texts returns the only column of a query.
func texts(t testing.TB, database *db.DB, query string, arguments ...any) []string {
	t.Helper()
	found, err := database.Read(t.Context()).Query(t.Context(), query, arguments...)
	all, err := db.Collect(found, err, func(row db.Row) (text string, err error) {
		err = row.Scan(&text)
		return text, err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

// difference returns the first rows that are in one list and not in the other.
func difference(before, after []string) string {
	const most = 6
	var found []string
	for sign, pair := range map[string][2][]string{"- ": {before, after}, "+ ": {after, before}} {
		for _, row := range pair[0] {
			if _, there := slices.BinarySearch(pair[1], row); !there && len(found) < most {
				found = append(found, sign+row)
			}
		}
	}
	return strings.Join(found, "\n")
}
