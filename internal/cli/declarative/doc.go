// Package declarative makes a server what a file says: it reads the file, finds out what
// differs, shows it, and does it through the administration, by the same operations and with
// the same field names as every other program.
//
//	file ─▶ Document ─▶ Plan (against the server as it is) ─▶ Apply
//
// A field that the file does not name stays as it is on the server. A record that the file names
// is marked with the file's name (managed_by); one that has the mark and is no longer in
// the file can be deleted by [Prune], if the file has a list of its kind, and nothing else ever is.
// Secrets are references to files or variables; what a server has is never read, only compared
// there.
//
// Accounts are somebody's own: a file says how they begin, takes over none that exists unless
// that is said ([Adopt]), and makes nobody an administrator by taking over.
//
// Applying what was applied changes nothing. Each change says which state of the record it
// was made from (If-Match), so that nothing that somebody else has done meanwhile is undone.
//
// Not here: the order of deployments, several servers at once, and what has no name of its
// own (sessions, tokens, keys, initial access tokens).
package declarative
