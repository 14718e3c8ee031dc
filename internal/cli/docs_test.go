package cli

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page is written from the program; -update writes it anew.
func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	path, want := filepath.Join("..", "..", "docs", "commands.md"), Reference(Program{}.Root())
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(string(committed), want); difference != "" {
		t.Errorf("docs/commands.md is not as the program; go generate ./internal/cli writes it:\n%s", difference)
	}
}

func TestManualIsTheSameForTheSameSource(t *testing.T) {
	t.Parallel()
	var pages [2]string
	for i := range pages {
		directory := t.TempDir()
		program := Program{}
		program.Version.Time = "2026-11-25T12:00:00Z"
		if err := program.writeManual(program.Root(), directory); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(directory, "authly-client-create.1"))
		if err != nil {
			t.Fatal(err)
		}
		pages[i] = string(text)
	}
	if pages[0] != pages[1] || pages[0] == "" {
		t.Error(cmp.Diff(pages[0], pages[1]))
	}
}
