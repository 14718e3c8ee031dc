// Package loopback says which hosts are this machine itself, to which a connection
// needs no TLS: for what asks whether a connection stays on it.
package loopback
