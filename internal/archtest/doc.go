// Package archtest holds the rules about the shape of the source that
// docs/architecture.md sets, as tests. It reads every file with go/parser and
// looks at imports and a little syntax; it does not type-check, so that it
// needs no compiled dependency and says exactly which line to look at.
//
// Each rule has a name. Its fixtures are testdata/*.txtar: small trees that
// break the rule beside ones that keep it, and the lines that must be reported.
// A rule that is broken on purpose is listed in exceptions.go with the reason,
// and an entry that is no longer needed fails the test.
//
// What it does not do: mistakes inside a function are the linters' business
// (.golangci.yml), and names are the reviewer's.
package archtest
