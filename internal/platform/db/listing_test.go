package db_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
	"authly/internal/platform/page"
)

type sight struct {
	id    uuid.UUID
	at    time.Time
	state string
}

func sights(t *testing.T, database *db.DB, count int, state func(int) string) []sight {
	t.Helper()
	ctx, began := t.Context(), time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	if _, err := database.Write(ctx).Exec(ctx, `CREATE TABLE sights (id UUID PRIMARY KEY, at TIMESTAMPTZ NOT NULL, state TEXT NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	if _, err := database.Write(ctx).Exec(ctx, `CREATE INDEX sights_at_idx ON sights (at, id)`); err != nil {
		t.Fatal(err)
	}
	var all []sight
	err := database.Tx(ctx, func(ctx context.Context) error {
		for i := range count {
			made := sight{id.New(), began.Add(time.Duration(i/3) * time.Second), state(i)} // three share a time
			all = append(all, made)
			if _, err := database.Write(ctx).Exec(ctx, `INSERT INTO sights (id, at, state) VALUES ($1, $2, $3)`, made.id, made.at, made.state); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// walk reads a list to its end and returns it with the number of its pages.
func walk(t *testing.T, database *db.DB, limit int, change func(*db.Listing)) (all []sight, pages int) {
	t.Helper()
	var from page.Position
	for {
		list := db.Listing{Table: "sights", Columns: "id, at, state", Time: "at"}
		change(&list)
		list.Before(from)
		read, err := db.ReadPage(t.Context(), database.Read(t.Context()), list, limit, func(row db.Row) (sight, error) {
			var s sight
			err := row.Scan(&s.id, &s.at, &s.state)
			s.at = s.at.UTC()
			return s, err
		}, func(s sight) page.Position {
			if list.Time == "" {
				return page.Position{ID: s.id}
			}
			return page.Position{At: s.at, ID: s.id}
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(read.Items) > limit {
			t.Fatalf("a page of %d", len(read.Items))
		}
		all, pages = append(all, read.Items...), pages+1
		if from = read.Next; from.IsZero() {
			return all, pages
		}
		if pages > 1000 {
			t.Fatal("the list has no end")
		}
	}
}

// Each list is whole and in order, however few rows of it match and however many share a time.
func TestListing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		const count = 5003
		all := sights(t, database, count, func(i int) string {
			switch {
			case i == 1:
				return "rare" // at the far end
			case i%2 == 0:
				return "even"
			default:
				return "odd"
			}
		})
		only := func(keep func(sight) bool) []sight {
			return slices.DeleteFunc(slices.Clone(all), func(s sight) bool { return !keep(s) })
		}
		middle := all[count/2].at
		const seen = "(SELECT s.id, s.state FROM sights s) AS seen"
		for name, test := range map[string]struct {
			limit, pages int
			change       func(*db.Listing)
			want         []sight
		}{
			"all by time":       {500, 11, func(*db.Listing) {}, all},
			"all by identifier": {500, 11, func(l *db.Listing) { l.Time = "" }, all},
			"from a time":       {3000, 1, func(l *db.Listing) { l.Between(middle, time.Time{}) }, only(func(s sight) bool { return !s.at.Before(middle) })},
			"every second":      {200, 13, func(l *db.Listing) { l.Matching("state = $?", "even") }, only(func(s sight) bool { return s.state == "even" })},
			"one at the end":    {10, 3, func(l *db.Listing) { l.Matching("state = $?", "rare") }, only(func(s sight) bool { return s.state == "rare" })},
			"none":              {10, 3, func(l *db.Listing) { l.Matching("state = $?", "none"); l.Time = "" }, nil},
			"dear ones": {10, 11, func(l *db.Listing) {
				l.Dear = true
				l.Matching("state = $?", "rare")
			}, only(func(s sight) bool { return s.state == "rare" })},
			"through others": {500, 11, func(l *db.Listing) { l.Through, l.Time = seen, "" }, all},
			"some of others": {10, 3, func(l *db.Listing) {
				l.Through, l.Time = seen, ""
				l.Matching("state = $?", "rare")
			}, only(func(s sight) bool { return s.state == "rare" })},
			"a range, few": {10, 3, func(l *db.Listing) {
				l.Between(all[4500].at, all[200].at)
				l.Matching("state = $?", "rare")
			}, nil},
			"before a time": {700, 4, func(l *db.Listing) {
				l.Between(time.Time{}, middle)
			}, only(func(s sight) bool { return s.at.Before(middle) })},
			"of a time, some": {10, 1, func(l *db.Listing) {
				l.Between(middle, middle.Add(time.Second))
				l.Matching("(state = $? OR state = $?)", "odd", "even")
			}, only(func(s sight) bool { return s.at.Equal(middle) })},
		} {
			got, pages := walk(t, database, test.limit, test.change)
			if !slices.Equal(got, test.want) || pages != test.pages {
				t.Errorf("%s: %d rows on %d pages, want %d on %d", name, len(got), pages, len(test.want), test.pages)
			}
		}
		dbtest.ExpectIndex(t, database, "sights_at_idx", func(ctx context.Context) error {
			list := db.Listing{Table: "sights", Columns: "id", Time: "at"}
			list.Before(page.Position{At: middle, ID: all[count/2].id})
			list.Matching("state = $?", "even")
			_, err := db.ReadPage(ctx, database.Read(ctx), list, 10, func(db.Row) (int, error) { return 0, nil }, func(int) page.Position { return page.Position{} })
			return err
		})
	})
}
