// Package http tells the protocol's stories to the whole server over HTTP, each
// as a [Scenario].
package http
