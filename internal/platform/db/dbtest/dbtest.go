package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"authly/internal/platform/db"
	"authly/internal/platform/secret"
)

// Engines returns the engines to test in this run, from TEST_ENGINES
// ("sqlite", "postgres" or both, separated by commas); both by default.
func Engines(t testing.TB) []db.Engine {
	t.Helper()
	names := os.Getenv("TEST_ENGINES")
	if names == "" {
		return []db.Engine{db.SQLite, db.PostgreSQL}
	}
	var engines []db.Engine
	for name := range strings.SplitSeq(names, ",") {
		engine := db.Engine(strings.TrimSpace(name))
		if !slices.Contains([]db.Engine{db.SQLite, db.PostgreSQL}, engine) {
			t.Fatalf("TEST_ENGINES names %q; it knows sqlite and postgres", engine)
		}
		engines = append(engines, engine)
	}
	return engines
}

// Each runs a test on a fresh, migrated database of each engine.
func Each(t *testing.T, test func(t *testing.T, database *db.DB)) {
	t.Helper()
	for _, engine := range Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, engine))
		})
	}
}

// Open returns a fresh, migrated database that is closed and dropped when the test ends.
func Open(t testing.TB, engine db.Engine) *db.DB {
	t.Helper()
	return OpenWith(t, Options(t, engine))
}

// OpenWith opens the database of the given options, brings its schema up to date,
// and closes it when the test ends.
func OpenWith(t testing.TB, options db.Options) *db.DB {
	t.Helper()
	opened, err := db.Open(t.Context(), options)
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	if err := opened.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate the database: %v", err)
	}
	return opened
}

// Options returns options that open a fresh database; each call creates another.
// It is a copy of a migrated one, and is removed when the test ends.
func Options(t testing.TB, engine db.Engine) db.Options {
	t.Helper()
	if engine == db.SQLite {
		return db.Options{SQLitePath: createSQLite(t)}
	}
	return db.Options{URL: secret.FromString(createPostgreSQL(t)), MaxConnections: 16, AllowPlaintext: true}
}

// Empty is Options without the schema, for tests of the migrations.
func Empty(t testing.TB, engine db.Engine) db.Options {
	t.Helper()
	if engine == db.SQLite {
		return db.Options{SQLitePath: filepath.Join(t.TempDir(), "authly.db")}
	}
	return db.Options{URL: secret.FromString(createFrom(t, server(t), "template0")), MaxConnections: 16, AllowPlaintext: true}
}

func server(t testing.TB) *url.URL {
	t.Helper()
	text := os.Getenv("TEST_POSTGRES_URL")
	if text == "" {
		t.Fatal("TEST_POSTGRES_URL is not set: run the tests through make, or set TEST_ENGINES=sqlite for a partial run")
	}
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal("TEST_POSTGRES_URL is not a URL")
	}
	return parsed
}

// template is created once for each test process, because migrating takes longer than copying.
var template = struct {
	sync.Mutex
	name string
}{}

func createPostgreSQL(t testing.TB) string {
	t.Helper()
	at := server(t)
	template.Lock()
	defer template.Unlock()
	if template.name == "" {
		name := "authly_template_" + strings.ToLower(rand.Text())
		administer(t, at, fmt.Sprintf(`CREATE DATABASE %q TEMPLATE template0`, name))
		migrate(t, db.Options{URL: secret.FromString(inDatabase(at, name)), AllowPlaintext: true})
		template.name = name // dropped with the throw-away server
	}
	return createFrom(t, at, template.name)
}

func createFrom(t testing.TB, at *url.URL, source string) string {
	t.Helper()
	name := "authly_test_" + strings.ToLower(rand.Text())
	administer(t, at, fmt.Sprintf(`CREATE DATABASE %q TEMPLATE %q`, name, source))
	t.Cleanup(func() { administer(t, at, fmt.Sprintf(`DROP DATABASE %q WITH (FORCE)`, name)) })
	return inDatabase(at, name)
}

func inDatabase(at *url.URL, name string) string {
	changed := *at
	changed.Path = "/" + name
	return changed.String()
}

func administer(t testing.TB, at *url.URL, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	connection, err := pgx.Connect(ctx, at.String())
	if err != nil {
		t.Fatalf("reach the PostgreSQL server of the tests: %v", err)
	}
	defer func() { _ = connection.Close(ctx) }()
	if _, err := connection.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Copy returns options that open a copy of a database in its present state, as a backup would be. The
// original must not be open. The copy is removed when the test ends.
func Copy(t testing.TB, options db.Options) db.Options {
	t.Helper()
	if options.URL.IsZero() {
		options.SQLitePath = copySQLite(t, options.SQLitePath)
		return options
	}
	original, err := url.Parse(options.URL.Reveal())
	if err != nil {
		t.Fatal("the database has no URL")
	}
	options.URL = secret.FromString(createFrom(t, server(t), strings.TrimPrefix(original.Path, "/")))
	return options
}
