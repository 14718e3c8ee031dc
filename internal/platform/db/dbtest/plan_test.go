package dbtest

import (
	"context"
	"errors"
	"testing"

	"authly/internal/platform/db"
)

func TestAPlanSaysWhatGrowsWithTheTable(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, database *db.DB) {
		for _, test := range []struct {
			name, index, query string
			complaints         int
		}{
			{"in the order of the key", "setup_tokens_pkey", `SELECT id FROM setup_tokens WHERE $1 = $1 ORDER BY id LIMIT 5`, 0},
			{"by the key", "setup_tokens_pkey", `SELECT created_at FROM setup_tokens WHERE id > $1 ORDER BY id LIMIT 5`, 0},
			{"by a constraint", "clients_client_id_key", `SELECT client_name FROM clients WHERE client_id = $1`, 0},
			{"by an index", "sessions_user_created_idx", `SELECT id FROM sessions WHERE user_id = $1`, 0},
			{"by another index", "sessions_expires_at_idx", `SELECT id FROM sessions WHERE user_id = $1`, 1},
			{"a whole table", "clients_pkey", `SELECT client_name FROM clients WHERE client_name = $1`, 2},
			{"sorted", "sessions_user_created_idx", `SELECT id FROM sessions WHERE user_id = $1 ORDER BY address`, 1},
		} {
			const anyID = "0193d5a0-0000-7000-8000-000000000000"
			plans := Plans(t, database, func(ctx context.Context) error {
				rows, err := database.Read(ctx).Query(ctx, test.query, anyID)
				_, err = db.Collect(rows, err, func(row db.Row) (string, error) { return "", nil })
				return err
			})
			if len(plans) != 1 || plans[0].Query != test.query {
				t.Fatalf("%s: explained %v", test.name, plans)
			}
			if all := complaints(plans, indexName(t, database, test.index)); len(all) != test.complaints {
				t.Errorf("%s: complaints %q", test.name, all)
			}
		}
	})
}

func TestStatementsOfATransactionAreExplained(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, database *db.DB) {
		ExpectIndex(t, database, "scopes_pkey", func(ctx context.Context) error {
			return database.Tx(ctx, func(ctx context.Context) error {
				var name string
				err := database.Write(ctx).QueryRow(ctx, `SELECT name FROM scopes WHERE name = $1`, "x").Scan(&name)
				if !errors.Is(err, db.ErrNoRows) {
					return err
				}
				_, err = database.Write(ctx).Exec(ctx, `DELETE FROM scopes WHERE name = $1`, "x")
				return err
			})
		})
	})
}
