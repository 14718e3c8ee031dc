// Package rules keeps a list of security rules for each test package, and fails the
// package's run if a rule of its list was not held by a test that passed.
//
// A test that holds a rule says so with [Ledger.Holds]. The rule counts as held when that
// test has passed: a test that is commented out, skipped, filtered away in its own table, or
// that fails holds nothing. [Ledger.Run] compares at the end. A run of a part of a package
// (go test -run, -skip, -list, -short) is not compared, because it can't be complete.
package rules
