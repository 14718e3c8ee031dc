// Package egress has the one HTTP client for outgoing requests: for keys,
// request objects, sector documents and logos of clients, and to deliver logout
// tokens. All of these addresses come from the registration of a client, so
// requests are restricted to keep them from reaching what only this server can
// reach (server-side request forgery):
//
//   - https only, on its default port or one from 1024 on;
//   - a name is resolved here, all of its addresses must be public, and the
//     connection goes to an address that was checked, so that a second answer of the
//     resolver changes nothing;
//   - with a list of allowed hosts, no other is contacted;
//   - no redirect is followed, no proxy is used, no cookie is kept, nothing is
//     decompressed;
//   - header and body are bounded in bytes, and the whole request in time.
//
// Addresses on this machine are refused unless [LoopbackAllowed], which also permits
// plain http. Errors name the host and never quote an answer.
//
// Not here: whether an answer is trusted, caching, retries.
package egress
