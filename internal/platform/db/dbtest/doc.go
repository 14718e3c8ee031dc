// Package dbtest gives tests a fresh, migrated database on each engine.
//
// TEST_POSTGRES_URL names a PostgreSQL server and a role that may create databases.
// A test that can't reach it fails: it is never skipped. TEST_ENGINES=sqlite
// restricts a quick local run to the embedded engine.
//
// [ExpectIndex] checks that a query reads by an index.
package dbtest
