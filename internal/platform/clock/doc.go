// Package clock is the only place of the program that asks the operating
// system for the time. Everything else is handed a [Clock], so that a test can
// stand still, jump over a code's sixty seconds, or cross a key rotation without
// waiting for it.
package clock
