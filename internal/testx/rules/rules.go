package rules

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Ledger records which rules of one test package were held in this run. It may be used by
// parallel tests.
type Ledger struct {
	name   string
	output io.Writer

	mu   sync.Mutex
	held map[string]int // how many passed tests held each rule of the list
}

// For returns the ledger for the package at a path below the module, such as "test/http",
// with the rules that the [Catalogue] lists for it. A package that is not in the catalogue
// gets an empty list, and [Ledger.Run] refuses that.
func For(path string) *Ledger {
	return New(path, Catalogue()[path]...)
}

// New returns a ledger with a list of rules. The name is only for messages.
func New(name string, list ...string) *Ledger {
	l := &Ledger{name: name, output: os.Stderr, held: map[string]int{}}
	for _, rule := range list {
		l.held[rule] = 0
	}
	return l
}

// Holds declares that the running test holds the rules, which count as held when the test
// has passed together with its subtests. Call it first in the test: what other clean-up
// functions find wrong then counts too. It fails the test for a rule that the list does not
// have.
func (l *Ledger) Holds(t testing.TB, list ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, rule := range list {
		if _, known := l.held[rule]; !known {
			t.Errorf("%q is not among the rules of %s: add it to the catalogue of internal/testx/rules", rule, l.name)
		}
	}
	t.Cleanup(func() {
		if t.Failed() || t.Skipped() {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, rule := range list {
			l.held[rule]++
		}
	})
}

// Run runs the tests of a package and returns the status to exit with: that of the tests, or
// 1 if they passed and a rule was not held. Call it in TestMain.
func (l *Ledger) Run(m interface{ Run() int }) int {
	status := m.Run()
	if isPartial() {
		return status
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) == 0 {
		_, _ = fmt.Fprintf(l.output, "rules: %s has no rules in the catalogue\n", l.name)
		return 1
	}
	missing := slices.Sorted(maps.Keys(l.held))
	missing = slices.DeleteFunc(missing, func(rule string) bool { return l.held[rule] > 0 })
	if len(missing) == 0 {
		return status
	}
	_, _ = fmt.Fprintf(l.output, "rules: no test that passed held these rules of %s:\n\t%s\n", l.name, strings.Join(missing, "\n\t"))
	return max(status, 1)
}

// isPartial reports whether the flags of this run leave tests out.
func isPartial() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.short", "test.failfast", "test.fuzzworker"} {
		if set := flag.Lookup(name); set != nil && set.Value.String() != set.DefValue {
			return true
		}
	}
	return false
}
