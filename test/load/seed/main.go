// Command seed fills a database with users and clients:
//
//	go run ./test/load/seed -sqlite data/authly.db -users 100000 -clients 10000
//
// The database is brought up to the newest schema. Filling one twice is refused by the
// names of its users.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/secret"
	"authly/test/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) (err error) {
	flags := flag.NewFlagSet("seed", flag.ContinueOnError)
	sqlite := flags.String("sqlite", "", "the `file` of an SQLite database, which may not exist yet")
	users := flags.Int("users", 100_000, "how many users")
	clients := flags.Int("clients", 10_000, "how many clients")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	options := db.Options{SQLitePath: *sqlite}
	if *sqlite == "" {
		options.URL = secret.FromString(os.Getenv("AUTHLY_DATABASE_URL"))
		options.AllowPlaintext = os.Getenv("AUTHLY_DATABASE_ALLOW_PLAINTEXT") == "true"
	}
	if (*sqlite == "") == options.URL.IsZero() || *users < 1 || *clients < 1 {
		return errors.New("name a file with -sqlite, or a PostgreSQL database in AUTHLY_DATABASE_URL, and how many users and clients there are to be")
	}
	database, err := db.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	if err := database.Migrate(ctx); err != nil {
		return err
	}
	size := load.Size{Users: *users, Clients: *clients}
	return load.Seed(ctx, database, size, clock.System().Now(), slog.New(slog.NewTextHandler(os.Stderr, nil)))
}
