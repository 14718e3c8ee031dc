// Package jobs runs the regular work of the server inside its own process: deleting
// expired rows, rotating keys.
//
// The nodes of a cluster don't coordinate: each runs every job. So jobs must be idempotent,
// such as a DELETE of expired rows, or claim their work with one conditional
// statement.
//
// What it does not do: remember a missed run, retry a failed one before its
// next time, or run anything at a time of day.
package jobs
