package db_test

import (
	"context"
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
