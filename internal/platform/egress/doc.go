// Package egress has the one client with which this server asks others: for keys,
// request objects, sector documents and logos of clients, and to deliver logout
// tokens. All of these addresses come from whoever registered a client, so that each
// request is held to rules against being used to reach what only this server can
// reach (server-side request forgery):
//
//   - https only, on its own port or one from 1024 on;
//   - a name is resolved here, every address that it has must be public, and the
//     connection goes to the address that was checked, so that a second answer of the
//     resolver changes nothing;
//   - with a list of hosts, no other is asked;
//   - no redirect is followed, no proxy is used, no cookie is kept, nothing is
//     decompressed;
//   - header and body are bounded in bytes, and the whole request in time.
//
// Addresses on this machine are refused unless [LoopbackAllowed]; with it they may be
// plain http. Errors name the host that was asked and never quote an answer.
//
// Not here: which answers are believed, caching, retries.
package egress
