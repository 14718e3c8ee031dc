package archtest

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// root is where the module is, seen from this package.
const root = "../.."

func TestTree(t *testing.T) {
	ledger.Holds(t, "operation: secrets are compared in constant time") // TestRules shows that it can fail
	loaded, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.sources) < 20 || len(loaded.tables) < 5 {
		t.Fatalf("%d Go files and %d tables were found in %s: this is not the tree", len(loaded.sources), len(loaded.tables), root)
	}
	used := make([]bool, len(exceptions))
	for _, v := range check(loaded) {
		at := slices.IndexFunc(exceptions, func(e exception) bool { return e.rule == v.rule && e.subject == v.subject })
		if at < 0 {
			t.Error(v)
			continue
		}
		used[at] = true
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("the exception %q for %q is no longer needed", e.rule, e.subject)
		}
		if e.reason == "" {
			t.Errorf("the exception %q for %q has no reason", e.rule, e.subject)
		}
	}
}

// TestRules shows that each rule can fail: it runs them over small trees and
// compares all that they report with the file "want" of each.
func TestRules(t *testing.T) {
	fixtures, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(fixtures) == 0 {
		t.Fatalf("no fixtures were found (%v)", err)
	}
	reported := map[string]bool{}
	for _, fixture := range fixtures {
		t.Run(strings.TrimSuffix(filepath.Base(fixture), ".txtar"), func(t *testing.T) {
			tree, want := readFixture(t, fixture)
			loaded, err := load(tree)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range check(loaded) {
				reported[v.rule] = true
				got = append(got, fmt.Sprintf("%s:%d: %s", v.path, v.line, v.rule))
			}
			slices.Sort(got)
			if difference := cmp.Diff(want, got); difference != "" {
				t.Errorf("the rules report something else (-want +got):\n%s", difference)
			}
		})
	}
	rules := []string{
		"bool-parameter", "clock", "constructor-goroutine", "context-first", "file-length", "foreign-table", "http-layer",
		"no-init", "no-replace", "package-comment", "package-variable", "presented-token", "protocol-purity", "request-host", "ring-direction",
		"secret-comparison", "store-layer", "stored-context", "three-results", "weak-hash",
	}
	if difference := cmp.Diff(rules, slices.Sorted(maps.Keys(reported))); difference != "" {
		t.Errorf("the fixtures break other rules than there are (-want +got):\n%s", difference)
	}
}

// readFixture returns the tree of an archive and the sorted lines of its file
// "want". A package without doc.go gets one, and the tree a go.mod, so that a
// fixture shows only what it is about.
func readFixture(t *testing.T, name string) (fs.FS, []string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{"go.mod": {Data: []byte("module authly\n")}}
	var want []string
	for _, file := range archive.Files {
		if file.Name == "want" {
			want = strings.Split(strings.TrimSpace(string(file.Data)), "\n")
			continue
		}
		data := string(file.Data)
		if lines, ok := strings.CutPrefix(data, "// LINES "); ok {
			var count int
			if _, err := fmt.Sscan(lines, &count); err != nil {
				t.Fatal(err)
			}
			data += strings.Repeat("//\n", count-strings.Count(data, "\n"))
		}
		tree[file.Name] = &fstest.MapFile{Data: []byte(data)}
		addPackageComment(tree, archive, file)
	}
	slices.Sort(want)
	return tree, want
}

func addPackageComment(tree fstest.MapFS, archive *txtar.Archive, file txtar.File) {
	directory := filepath.Dir(file.Name)
	doc := filepath.Join(directory, "doc.go")
	if filepath.Ext(file.Name) != ".go" || strings.Contains(string(archive.Comment), "package comments") {
		return
	}
	for line := range strings.Lines(string(file.Data)) {
		if name, ok := strings.CutPrefix(line, "package "); ok {
			name = strings.TrimSpace(name)
			tree[doc] = &fstest.MapFile{Data: fmt.Appendf(nil, "// Package %s is a fixture.\npackage %s\n", name, name)}
			return
		}
	}
}
