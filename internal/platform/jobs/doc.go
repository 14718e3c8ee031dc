// Package jobs runs the regular work of the server inside its own process: sweeps
// of what has expired, the rotation of keys.
//
// There is no claim among the nodes of a cluster: each runs every job. That is
// right for work that is idempotent, such as a DELETE of expired rows, and jobs must
// be of that kind, or take care of it in one conditional statement of their own.
//
// What it does not do: keep a job that was missed, try a failed one again before its
// next time, or run anything at a time of the day.
package jobs
