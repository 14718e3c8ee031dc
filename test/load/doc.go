// Package load fills databases with very many users and clients, and measures what the
// administration's lists take there.
//
// What it makes goes through the services of the features, so that it is what a server
// would have made; only tokens are written as rows, because making them takes signatures
// that nobody would look at. Everything but identifiers and secrets is the same each time.
package load
