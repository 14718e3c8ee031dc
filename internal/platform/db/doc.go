// Package db opens the database. It is the only package that depends on the
// engine: embedded SQLite (the default) or PostgreSQL.
// Every statement is written once; both drivers bind $1…$N by
// number. Times, identifiers and JSON documents are converted here, so
// that stores deal in time.Time and uuid.UUID only.
//
// A transaction travels in the context: [DB.Read] and [DB.Write] return the
// transaction of the context if there is one, and a [DB.Tx] inside another joins
// it. No transaction may stay open across an HTTP exchange, the hashing of a
// password or the making of a signature.
//
// SQLite has two sides: a pool of read-only connections, and one connection that
// writes, used by one writer at a time, with prepared statements. It runs
// in WAL mode with synchronous=FULL, so that committed data survives a loss of power.
//
// [Group] is group commit: concurrent writers of the same kind share their
// statements and one commit.
package db
