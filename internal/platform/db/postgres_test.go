package db_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
)

// A server that takes connections and then says nothing, as a frozen one does.
func TestOpenDoesNotWaitForASilentServer(t *testing.T) {
	t.Parallel()
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	url := "postgres://authly@" + listener.Addr().String() + "/authly?sslmode=disable"
	database, err := db.Open(ctx, db.Options{URL: secret.FromString(url)})
	if err == nil {
		_ = database.Close()
		t.Fatal("a silent server was opened")
	}
	if ctx.Err() != nil {
		t.Error("it was waited for until the caller gave up")
	}
}

// What a restart does to a connection is told apart from what is wrong with a
// statement, and the next statement has another connection.
func TestConnectionThatEndsIsAFaultThatPasses(t *testing.T) {
	t.Parallel()
	if !slices.Contains(dbtest.Engines(t), db.PostgreSQL) {
		t.Skip("about PostgreSQL only")
	}
	database := dbtest.Open(t, db.PostgreSQL)
	run := func(ctx context.Context, statement string) error {
		_, err := database.Write(ctx).Exec(ctx, statement)
		return err
	}
	var passing interface{ RetryAfter() time.Duration }
	if err := run(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`); !errors.As(err, &passing) || passing.RetryAfter() <= 0 {
		t.Errorf("the end of the connection: %v", err)
	}
	if err := run(t.Context(), `SELECT 1/0`); err == nil || errors.As(err, &passing) {
		t.Errorf("a wrong statement: %v", err)
	}
	err := database.Tx(t.Context(), func(ctx context.Context) error {
		if err := run(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`); !errors.As(err, &passing) {
			t.Errorf("within a transaction: %v", err)
		}
		return run(ctx, `SELECT 1`)
	})
	if !errors.As(err, &passing) {
		t.Errorf("after it in the transaction: %v", err)
	}
	if err := run(t.Context(), `SELECT 1`); err != nil {
		t.Errorf("on a new connection: %v", err)
	}
}

// A statement that is never answered must not keep the program from ending.
func TestCloseDoesNotWaitForeverForAnAnswer(t *testing.T) {
	t.Parallel()
	if !slices.Contains(dbtest.Engines(t), db.PostgreSQL) {
		t.Skip("about PostgreSQL only")
	}
	database, err := db.Open(t.Context(), dbtest.Options(t, db.PostgreSQL))
	if err != nil {
		t.Fatal(err)
	}
	_ = database.Tx(t.Context(), func(context.Context) error {
		if err := database.Close(); err == nil {
			t.Error("closed with a connection in use, and said nothing")
		}
		return nil
	})
}
