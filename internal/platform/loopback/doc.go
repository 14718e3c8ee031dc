// Package loopback identifies hosts that are this machine, to which a connection
// needs no TLS.
package loopback
