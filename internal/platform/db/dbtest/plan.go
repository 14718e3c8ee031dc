package dbtest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"authly/internal/platform/db"
)

// ExpectIndex runs work, which reads something through the given context, and
// fails the test unless the engine's plan of one of its queries uses the
// named index and no plan reads a whole table or sorts what it found.
//
// An index of a constraint has the constraint's name: clients_pkey,
// clients_client_id_key. PostgreSQL may not scan a whole table here, so few
// rows are enough; which of several fitting indexes an engine takes depends on its
// statistics, so a test whose filters compete needs rows that tell them apart.
func ExpectIndex(t testing.TB, database *db.DB, index string, work func(ctx context.Context) error) {
	t.Helper()
	for _, complaint := range complaints(Plans(t, database, work), indexName(t, database, index)) {
		t.Error(complaint)
	}
}

// complaints returns what is wrong with the plans of a list.
func complaints(plans []Plan, index string) []string {
	var all []string
	wanted := regexp.MustCompile(`\b` + regexp.QuoteMeta(index) + `\b`)
	found := false
	for _, plan := range plans {
		found = found || wanted.MatchString(plan.Text)
		if step := costlyStep.FindString(plan.Text); step != "" {
			all = append(all, fmt.Sprintf("%q takes time that grows with the table:\n%s", step, plan))
		}
	}
	if !found {
		all = append(all, fmt.Sprintf("no query reads by %s:\n%v", index, plans))
	}
	return all
}

// costlyStep matches steps that read a whole table, or sort. SQLite's "SCAN t USING INDEX"
// reads in the order of an index, and stops at a LIMIT.
var costlyStep = regexp.MustCompile(`(?m)Seq Scan on.*$|\bSort\b.*$|SCAN \w+$|USE TEMP B-TREE FOR ORDER BY`)

// Plan is how an engine means to run a query.
type Plan struct {
	Query string
	Text  string
}

// String returns the plan below its query.
func (p Plan) String() string { return p.Query + "\n" + p.Text }

// Plans runs work and returns the plans of its queries. Statements that are not a
// SELECT have none.
func Plans(t testing.TB, database *db.DB, work func(ctx context.Context) error) []Plan {
	t.Helper()
	var statements []db.Statement
	observe := func(statement db.Statement) {
		text := strings.ToUpper(strings.TrimSpace(statement.Text))
		if strings.HasPrefix(text, "SELECT") || strings.HasPrefix(text, "WITH") {
			statements = append(statements, db.Statement{Text: statement.Text, Arguments: slices.Clone(statement.Arguments)})
		}
	}
	if err := work(database.Observed(t.Context(), observe)); err != nil {
		t.Fatalf("run what is to be explained: %v", err)
	}
	plans := make([]Plan, 0, len(statements))
	for _, statement := range statements {
		plans = append(plans, explain(t, database, statement))
	}
	return plans
}

func explain(t testing.TB, database *db.DB, statement db.Statement) Plan {
	t.Helper()
	prefix, columns := "EXPLAIN (COSTS OFF) ", 1
	if database.Engine() == db.SQLite {
		prefix, columns = "EXPLAIN QUERY PLAN ", 4
	}
	var lines []string
	err := database.Tx(t.Context(), func(ctx context.Context) error {
		if database.Engine() == db.PostgreSQL {
			// Scanning and sorting a small table is the cheapest plan, so forbid both.
			if _, err := database.Write(ctx).Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
				return err
			}
			if _, err := database.Write(ctx).Exec(ctx, `SET LOCAL enable_sort = off`); err != nil {
				return err
			}
		}
		rows, err := database.Write(ctx).Query(ctx, prefix+statement.Text, statement.Arguments...)
		lines, err = db.Collect(rows, err, func(row db.Row) (string, error) {
			line, into := "", make([]any, columns)
			for i := range into {
				into[i] = new(int)
			}
			into[columns-1] = &line
			err := row.Scan(into...)
			return "  " + line, err
		})
		return err
	})
	if err != nil {
		t.Fatalf("explain %s: %v", statement.Text, err)
	}
	return Plan{Query: statement.Text, Text: strings.Join(lines, "\n")}
}

// indexName returns the engine's name of an index. SQLite numbers the indexes that
// constraints need.
func indexName(t testing.TB, database *db.DB, index string) string {
	t.Helper()
	if database.Engine() != db.SQLite || !strings.HasSuffix(index, "_pkey") && !strings.HasSuffix(index, "_key") {
		return index
	}
	read := database.Read(t.Context())
	rows, err := read.Query(t.Context(), `SELECT m.name, l.name, l.origin FROM sqlite_master m JOIN pragma_index_list(m.name) l
		WHERE m.type = 'table' AND l.origin IN ('pk', 'u')`)
	type made struct{ table, name, origin string }
	all, err := db.Collect(rows, err, func(row db.Row) (made, error) {
		var one made
		return one, row.Scan(&one.table, &one.name, &one.origin)
	})
	if err != nil {
		t.Fatalf("list the keys: %v", err)
	}
	for _, one := range all {
		rows, err := read.Query(t.Context(), `SELECT name FROM pragma_index_info($1) ORDER BY seqno`, one.name)
		columns, err := db.Collect(rows, err, func(row db.Row) (string, error) {
			var name string
			return name, row.Scan(&name)
		})
		if err != nil {
			t.Fatalf("list the columns of a key: %v", err)
		}
		names := []string{fmt.Sprintf("%s_%s_key", one.table, strings.Join(columns, "_"))}
		if one.origin == "pk" {
			names = append(names, one.table+"_pkey")
		}
		if slices.Contains(names, index) {
			return one.name
		}
	}
	t.Fatalf("there is no key %s", index)
	return ""
}
