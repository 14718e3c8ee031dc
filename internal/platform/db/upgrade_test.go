package db_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/id"
)

// apply runs the steps of the schema from one name on up to another one, both included.
func apply(t *testing.T, database *db.DB, from, to string) {
	t.Helper()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files { // in the order of their names
		name := filepath.Base(file)
		if other := strings.Split(name, "."); name < from || name > to+"~" || len(other) == 3 && other[1] != string(database.Engine()) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(text)) {
			before, _, _ := strings.Cut(line, "--")
			lines = append(lines, strings.TrimSpace(before))
		}
		for statement := range strings.SplitSeq(strings.Join(lines, "\n"), ";") {
			if statement = strings.TrimSpace(statement); statement == "" {
				continue
			}
			if _, err := database.Write(t.Context()).Exec(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, statement)
			}
		}
	}
}

// The rows of access tokens are made anew by a step of the schema: nothing of them may be lost.
func TestAccessTokensOutliveTheirNewTable(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			database, err := db.Open(ctx, dbtest.Empty(t, engine))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = database.Close() })
			apply(t, database, "00001", "00070")
			user, client, grant, family, first, refreshed, own, at := id.New(), id.New(), id.New(), id.New(), id.New(), id.New(), id.New(), time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
			exec := func(statement string, arguments ...any) {
				t.Helper()
				if _, err := database.Write(ctx).Exec(ctx, statement, arguments...); err != nil {
					t.Fatal(err)
				}
			}
			exec(`INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change, phone_number_verified,
				created_at, updated_at) VALUES ($1, 'ada', 'ada', $2, 'active', $2, $2, $2, $3, $3)`, user, false, at)
			exec(`INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types, response_types,
				scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation, id_token_signed_response_alg, contacts,
				post_logout_redirect_uris, require_auth_time, state, created_at, updated_at) VALUES ($1, 'app', 'App', 'web', 'none', '[]', '[]', '[]', '[]',
				'[]', '[]', 'required', 'remember', 'opaque', 'rotate', 'RS256', '[]', '[]', $2, 'active', $3, $3)`, client, false, at)
			exec(`INSERT INTO grants (id, client, user_id, scopes, resources, created_at, updated_at) VALUES ($1, $2, $3, '[]', '[]', $4, $4)`, grant, client, user, at)
			exec(`INSERT INTO token_families (id, grant_id, client, user_id, offline, scopes, resources, authentication_methods, authenticated_at, max_age_requested,
				created_at, expires_at) VALUES ($1, $2, $3, $4, $5, '[]', '[]', '[]', $6, $5, $6, $6)`, family, grant, client, user, false, at)
			const insert = `INSERT INTO access_tokens (id, token_hash, client, family_id, scopes, audience, issued_at, expires_at, revoked_at)
				VALUES ($1, $2, $3, $4, '["openid"]', '["https://id.example"]', $5, $6, $7)`
			exec(insert, first, []byte{0, 1, 255}, client, family, at, at.Add(time.Hour), nil)
			exec(insert, refreshed, nil, client, family, at.Add(time.Minute), at.Add(time.Hour), at.Add(2*time.Minute))
			exec(insert, own, nil, client, nil, at, at.Add(time.Hour), nil)

			apply(t, database, "00071", "00071")
			rows, err := database.Read(ctx).Query(ctx, `SELECT id, token_hash, client, client_id, COALESCE(user_id, id), refreshed, scopes, audience, issued_at, expires_at,
				revoked_at FROM access_tokens ORDER BY id`)
			type row struct {
				id, client, clientID, user, hash, scopes, audience string
				refreshed, revoked                                 bool
				lifetime                                           time.Duration
			}
			got, err := db.Collect(rows, err, func(from db.Row) (row, error) {
				var (
					r                 row
					hash              []byte
					scopes, audience  []string
					issued, expires   time.Time
					revoked           *time.Time
					which, whose, who = id.New(), id.New(), id.New()
				)
				err := from.Scan(&which, &hash, &whose, &r.clientID, &who, &r.refreshed, db.IntoJSON(&scopes), db.IntoJSON(&audience), &issued, &expires, &revoked)
				r.id, r.client, r.user, r.hash, r.scopes, r.audience = which.String(), whose.String(), who.String(), string(hash), strings.Join(scopes, " "), strings.Join(audience, " ")
				r.revoked, r.lifetime = revoked != nil, expires.Sub(issued)
				return r, err
			})
			if err != nil {
				t.Fatal(err)
			}
			want := []row{
				{first.String(), client.String(), "app", user.String(), "\x00\x01\xff", "openid", "https://id.example", false, false, time.Hour},
				{refreshed.String(), client.String(), "app", user.String(), "", "openid", "https://id.example", true, true, 59 * time.Minute},
				{own.String(), client.String(), "app", own.String(), "", "openid", "https://id.example", false, false, time.Hour},
			}
			if len(got) != len(want) {
				t.Fatalf("%d rows", len(got))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("got %+v\nwant %+v", got[i], want[i])
				}
			}
		})
	}
}

// Grants of two lists become pairs, and none that the person may not have seen.
func TestGrantsBecomePairs(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			database, err := db.Open(ctx, dbtest.Empty(t, engine))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = database.Close() })
			apply(t, database, "00001", "00119")
			at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
			exec := func(statement string, arguments ...any) {
				t.Helper()
				if _, err := database.Write(ctx).Exec(ctx, statement, arguments...); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"openid", "email", "doc:read", "doc"} {
				exec(`INSERT INTO scopes (name, description, is_default, active, created_at, updated_at) VALUES ($1, $1, $2, $2, $3, $3)`, name, true, at)
			}
			user := id.New()
			exec(`INSERT INTO users (id, username, username_folded, email_verified, state, administrator, require_password_change, phone_number_verified,
				created_at, updated_at) VALUES ($1, 'ada', 'ada', $2, 'active', $2, $2, $2, $3, $3)`, user, false, at)
			const a, b = `"https://a.example"`, `"https://b.example"`
			cases := map[string]struct {
				scopes, resources, consent string
				widened, revoked           bool
				want                       string
			}{
				"nothing":                {`[]`, `[]`, "remember", false, false, "user:"},
				"no resource":            {`["openid","doc"]`, `[]`, "remember", false, false, "user: @doc @openid"},
				"no resource, widened":   {`["openid","doc"]`, `[]`, "always", true, false, "user: @doc @openid"},
				"one resource":           {`["openid","doc:read"]`, `[` + a + `]`, "remember", false, false, "user: @openid https://a.example@doc:read"},
				"one resource, widened":  {`["openid","doc:read"]`, `[` + a + `]`, "remember", true, false, "user: @openid"},
				"one resource, no scope": {`["openid"]`, `[` + a + `]`, "remember", false, false, "user: @openid https://a.example@"},
				"two resources":          {`["openid","doc:read"]`, `[` + a + `,` + b + `]`, "remember", false, false, "user: @openid"},
				"escaped":                {`["doc"]`, `["https://a.example/\"x"]`, "remember", false, false, "user:"},
				"not in the catalogue":   {`["email","gone"]`, `[]`, "remember", false, false, "user: @email"},
				"revoked":                {`["openid","doc"]`, `[` + a + `]`, "remember", false, true, "user: @openid"},
				"nobody was asked":       {`["openid"]`, `[]`, "skip", false, false, "policy: @openid"},
			}
			grants := map[string]string{}
			for name, test := range cases {
				client, grant, updated := id.New(), id.New(), at
				exec(`INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types, response_types,
					scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation, id_token_signed_response_alg, contacts,
					post_logout_redirect_uris, require_auth_time, state, created_at, updated_at) VALUES ($1, $2, 'App', 'web', 'none', '[]', '[]', '[]', '[]',
					'[]', '[]', 'required', $3, 'opaque', 'rotate', 'RS256', '[]', '[]', $4, 'active', $5, $5)`, client, name, test.consent, false, at)
				if test.widened {
					updated = at.Add(time.Second)
				}
				var revoked *time.Time
				if test.revoked {
					revoked = &at
				}
				exec(`INSERT INTO grants (id, client, user_id, scopes, resources, claims, created_at, updated_at, revoked_at) VALUES ($1, $2, $3, $4, $5, '["name"]', $6, $7, $8)`,
					grant, client, user, test.scopes, test.resources, at, updated, revoked)
				grants[grant.String()] = name
			}
			apply(t, database, "00120", "00120")
			got := map[string]string{}
			rows, err := database.Read(ctx).Query(ctx, `SELECT g.id, g.decided_by, COALESCE(p.resource, ''), COALESCE(p.scope, ''), p.grant_id IS NULL
				FROM grants g LEFT JOIN grant_permissions p ON p.grant_id = g.id ORDER BY g.id, p.resource, p.scope`)
			_, err = db.Collect(rows, err, func(row db.Row) (string, error) {
				var (
					grant               = id.New()
					by, resource, scope string
					none                bool
				)
				err := row.Scan(&grant, &by, &resource, &scope, &none)
				name := grants[grant.String()]
				if got[name] == "" {
					got[name] = by + ":"
				}
				if !none {
					got[name] += " " + resource + "@" + scope
				}
				return name, err
			})
			if err != nil {
				t.Fatal(err)
			}
			for name, test := range cases {
				if got[name] != test.want {
					t.Errorf("%s: %q, want %q", name, got[name], test.want)
				}
			}
		})
	}
}

// The client of the console, which doesn't exist yet, is disabled, and no other client is.
func TestConsoleIsDisabled(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			database, err := db.Open(ctx, dbtest.Empty(t, engine))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = database.Close() })
			apply(t, database, "00001", "00140")
			at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
			for _, clientID := range []string{"authly-cli", "authly-console", "app"} {
				if _, err := database.Write(ctx).Exec(ctx, `INSERT INTO clients (id, client_id, client_name, application_type, token_endpoint_auth_method,
					redirect_uris, grant_types, response_types, scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation,
					id_token_signed_response_alg, contacts, post_logout_redirect_uris, require_auth_time, state, created_at, updated_at, built_in)
					VALUES ($1, $2, 'App', 'web', 'none', '[]', '[]', '[]', '[]', '[]', '[]', 'required', 'remember', 'opaque', 'rotate', 'RS256', '[]', '[]', $3,
					'active', $4, $4, $5)`, id.New(), clientID, false, at, clientID != "app"); err != nil {
					t.Fatal(err)
				}
			}
			apply(t, database, "00141", "00141")
			rows, err := database.Read(ctx).Query(ctx, `SELECT client_id, state, epoch FROM clients ORDER BY client_id`)
			got, err := db.Collect(rows, err, func(row db.Row) (string, error) {
				var (
					clientID, state string
					epoch           int64
				)
				err := row.Scan(&clientID, &state, &epoch)
				return fmt.Sprintf("%s %s %d", clientID, state, epoch), err
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := "app active 0,authly-cli active 0,authly-console disabled 1"; strings.Join(got, ",") != want {
				t.Errorf("got %v, want %s", got, want)
			}
		})
	}
}
