package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123456000, time.UTC)

func insertScope(ctx context.Context, database *db.DB, name string) error {
	_, err := database.Write(ctx).Exec(ctx,
		`INSERT INTO scopes (name, description, is_default, active, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		name, "for a test", false, true, noon, noon)
	return err
}

func countScopes(t *testing.T, database *db.DB) int {
	t.Helper()
	var count int
	if err := database.Read(t.Context()).QueryRow(t.Context(), `SELECT count(*) FROM scopes`).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestValuesComeBackAsTheyWentIn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := t.Context()
		wantID, wantScopes := id.New(), []string{"openid", "profile"}
		later := noon.Add(time.Hour)
		_, err := database.Write(ctx).Exec(ctx, `INSERT INTO users (id, username, username_folded, email_verified, state, administrator,
			require_password_change, phone_number_verified, address, created_at, updated_at, last_login_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			wantID, "Ada", "ada", true, "active", false, false, false, db.Strings(wantScopes), noon, later, nil)
		if err != nil {
			t.Fatal(err)
		}
		var (
			gotID      uuid.UUID
			gotScopes  []string
			email      *string
			verified   bool
			created    time.Time
			updated    *time.Time
			lastLogin  *time.Time
			optionalID *uuid.UUID
		)
		// The arguments come out of order on purpose: both drivers must bind by number.
		err = database.Read(ctx).QueryRow(ctx, `SELECT id, id, address, email, email_verified, created_at, updated_at, last_login_at
			FROM users WHERE updated_at = $2 AND username_folded = $1`, "ada", later).
			Scan(&gotID, &optionalID, db.IntoJSON(&gotScopes), &email, &verified, &created, &updated, &lastLogin)
		if err != nil {
			t.Fatal(err)
		}
		if gotID != wantID || optionalID == nil || *optionalID != wantID || email != nil || !verified || lastLogin != nil {
			t.Errorf("got %v %v %v %v %v", gotID, optionalID, email, verified, lastLogin)
		}
		if !created.Equal(noon) || created.Location() != time.UTC || !updated.Equal(later) {
			t.Errorf("times came back as %v and %v", created, updated)
		}
		if diff := cmp.Diff(wantScopes, gotScopes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNothingFoundIsErrNoRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		var name string
		err := database.Read(t.Context()).QueryRow(t.Context(), `SELECT name FROM scopes WHERE name = $1`, "none").Scan(&name)
		if !errors.Is(err, db.ErrNoRows) {
			t.Errorf("got %v, want ErrNoRows", err)
		}
	})
}

func TestOptionalIdentifierCanBeNull(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := t.Context()
		var none *uuid.UUID
		var isNull bool
		if err := database.Read(ctx).QueryRow(ctx, `SELECT CAST($1 AS TEXT) IS NULL`, none).Scan(&isNull); err != nil {
			t.Fatal(err)
		}
		if !isNull {
			t.Error("a nil identifier did not arrive as NULL")
		}
	})
}

func TestConstraintsHaveOneNameOnBothEngines(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := t.Context()
		if err := insertScope(ctx, database, "openid"); err != nil {
			t.Fatal(err)
		}
		if err := insertScope(ctx, database, "openid"); !db.IsUnique(err, "") || db.IsUnique(err, "email_folded") {
			t.Errorf("a second row of the same key gives %v", err)
		}
		_, err := database.Write(ctx).Exec(ctx, `INSERT INTO client_secrets (id, client, secret_hash, created_at) VALUES ($1, $2, $3, $4)`,
			id.New(), id.New(), []byte{1}, noon)
		if !db.IsForeignKey(err) {
			t.Errorf("a dangling reference gives %v", err)
		}
		var breach *db.ConstraintError
		if err := insertScope(ctx, database, ""); !errors.As(err, &breach) || breach.Kind != db.CheckConstraint {
			t.Errorf("an empty name gives %v", err)
		}
	})
}

func TestTransactionLeavesNothingWhenItFails(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		refused := errors.New("refused")
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			if err := insertScope(ctx, database, "one"); err != nil {
				return err
			}
			return database.Tx(ctx, func(ctx context.Context) error { // joins the outer one
				if err := insertScope(ctx, database, "two"); err != nil {
					return err
				}
				return refused
			})
		})
		if !errors.Is(err, refused) {
			t.Fatalf("got %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = database.Tx(t.Context(), func(ctx context.Context) error {
				_ = insertScope(ctx, database, "three")
				panic("in the middle")
			})
		}()
		if got := countScopes(t, database); got != 0 {
			t.Errorf("%d rows stayed", got)
		}
		if err := insertScope(t.Context(), database, "four"); err != nil {
			t.Errorf("the connection did not come back: %v", err)
		}
	})
}

func TestTransactionIsRolledBackWhenItsCallerLeaves(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx, leave := context.WithCancel(t.Context())
		err := database.Tx(ctx, func(ctx context.Context) error {
			if err := insertScope(ctx, database, "one"); err != nil {
				return err
			}
			leave()
			return insertScope(ctx, database, "two")
		})
		if err == nil {
			t.Error("a transaction of a caller who left was committed")
		}
		if got := countScopes(t, database); got != 0 {
			t.Errorf("%d rows stayed", got)
		}
	})
}

func TestReadersCanNotWrite(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, db.SQLite)
	ctx := t.Context()
	var name string
	err := database.Read(ctx).QueryRow(ctx, `INSERT INTO scopes (name, description, is_default, active, created_at, updated_at)
		VALUES ('x', '', false, true, 0, 0) RETURNING name`).Scan(&name)
	if err == nil {
		t.Error("a reader wrote")
	}
}

func TestRaceForOneConditionalUpdateHasOneWinner(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ctx := t.Context()
		if err := insertScope(ctx, database, "prize"); err != nil {
			t.Fatal(err)
		}
		var winners sync.Map
		var racing sync.WaitGroup
		for i := range 32 {
			racing.Go(func() {
				var name string
				err := database.Write(ctx).QueryRow(ctx,
					`UPDATE scopes SET active = $1 WHERE name = $2 AND active RETURNING name`, false, "prize").Scan(&name)
				switch {
				case err == nil:
					winners.Store(i, true)
				case !errors.Is(err, db.ErrNoRows):
					t.Error(err)
				}
			})
		}
		racing.Wait()
		count := 0
		winners.Range(func(any, any) bool { count++; return true })
		if count != 1 {
			t.Errorf("%d winners", count)
		}
	})
}

func TestMigrationsRunOnceAndKeepTheirText(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, "operation: a step with another text is refused")
			ctx := t.Context()
			database, err := db.Open(ctx, dbtest.Empty(t, engine))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = database.Close() }()
			before, err := database.Migrations(ctx)
			if err != nil || len(before) == 0 || before[0].AppliedAt != nil {
				t.Fatalf("before: %v %v", before, err)
			}
			var nodes sync.WaitGroup
			for range 4 { // several nodes of a cluster start at once
				nodes.Go(func() {
					if err := database.Migrate(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			nodes.Wait()
			after, err := database.Migrations(ctx)
			if err != nil || after[0].AppliedAt == nil {
				t.Fatalf("after: %v %v", after, err)
			}
			if _, err := database.Write(ctx).Exec(ctx, `UPDATE schema_checksums SET sha256 = 'other'`); err != nil {
				t.Fatal(err)
			}
			if err := database.Migrate(ctx); err == nil {
				t.Error("a step with another text was accepted")
			}
		})
	}
}

// A program that is older than the database, as after a way back to the version before, refuses to
// begin on it, and changes nothing.
func TestOlderProgramIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ledger.Holds(t, "operation: an older program refuses a newer schema")
		ctx := t.Context()
		if err := database.Migrate(ctx); err != nil {
			t.Fatalf("the control: %v", err)
		}
		const later = "99999_from_the_future.sql"
		if _, err := database.Write(ctx).Exec(ctx, `INSERT INTO schema_checksums (name, sha256) VALUES ($1, 'x')`, later); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it is refused again
			if err := database.Migrate(ctx); err == nil || !strings.Contains(err.Error(), later) || !strings.Contains(err.Error(), "older than the database") {
				t.Errorf("it says %v", err)
			}
		}
	})
}

func ExampleValues() {
	fmt.Println(db.Values(2, 3))
	// Output: ($1,$2,$3),($4,$5,$6)
}
