// Package db opens the database and is the only package that knows which of
// the two engines it is: SQLite inside the program (the default) or PostgreSQL.
// Every statement of the program is written once; both drivers bind $1…$N by
// number. Times, identifiers and JSON documents are converted here at the edge, so
// that stores deal in time.Time and uuid.UUID only.
//
// A transaction travels in the context: [DB.Read] and [DB.Write] give the
// transaction of the context if there is one, and a [DB.Tx] inside another joins
// it. No transaction may stay open across an HTTP exchange, the hashing of a
// password or the making of a signature.
//
// SQLite has two sides: a pool of read-only connections, and one connection that
// writes, handed from writer to writer, with its prepared statements kept. It runs
// in WAL mode with synchronous=FULL: what was committed survives a loss of power.
//
// [Group] is group commit: concurrent writers of the same kind share their
// statements and one commit.
package db
