// Package testkeys makes private keys for tests in less time: RSA keys, which take
// long, are made once for a process, and every server of the process gets the same
// ones in the same order.
//
// Not for a test in which two servers must have different keys.
package testkeys
