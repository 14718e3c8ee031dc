// Package clock is the only package that reads the time of the
// operating system. All other code gets a [Clock], so that a test can
// stop the time, jump past a code's sixty seconds, or cross a key rotation without
// waiting for it.
package clock
