package cli

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

// Whoever reads the help of a flag learns what it is for: not its own name once more, nothing
// about JSON, and a word for the value that stands for one.
func TestFlagsSayWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	empty := regexp.MustCompile(`whose [a-z]+ [a-z]+ is this|\bnull\b|unless sent|^such as|after how many`)
	odd := []string{"many", "long", "often", "when", "whom", "what"}
	for _, of := range resources() {
		for _, each := range of.verbs {
			bound := Program{}.bind(described(), operationsOf(described()), each)
			if bound.schema == nil {
				continue
			}
			for name, member := range bound.schema.Properties {
				if member.Description == "" {
					t.Errorf("%s: %s is not described", each.operation, name)
				}
			}
		}
	}
	var walk func(command *cobra.Command)
	walk = func(command *cobra.Command) {
		command.Flags().VisitAll(func(flag *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(flag)
			own := "the " + strings.ReplaceAll(flag.Name, "-", " ")
			if slices.Contains(odd, value) || usage == own || empty.MatchString(usage) {
				t.Errorf("%s: --%s %s  %s", command.CommandPath(), flag.Name, value, usage)
			}
		})
		for _, each := range command.Commands() {
			walk(each)
		}
	}
	walk(Program{}.Root())
}
