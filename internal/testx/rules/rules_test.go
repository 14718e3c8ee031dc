package rules_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"authly/internal/testx/rules"
)

// sampleVariable names, in a child process, the sample that it is to run.
const sampleVariable = "AUTHLY_RULES_SAMPLE"

// sample is a test package of two rules. Each case changes one thing about it.
type sample struct {
	name string
	// The rules of the tests that are skipped, that fail, that fail as they clean up, and
	// that are missing.
	skips, fails, failsLate, missing string
	arguments                        []string // of the test binary
	want                             string   // part of the output; "" if the run is good
	wantFailure                      bool
}

const (
	first, second = "first: a", "second: b"
	complaint     = "no test that passed held these rules"
)

func samples() []sample {
	return []sample{
		{name: "complete"},
		{name: "a case is commented out", missing: second, want: complaint + " of the sample:\n\t" + second, wantFailure: true},
		{name: "a case is skipped", skips: second, want: complaint + " of the sample:\n\t" + second, wantFailure: true},
		{name: "a case fails", fails: first, want: complaint + " of the sample:\n\t" + first, wantFailure: true},
		{name: "a case fails as it cleans up", failsLate: first, want: complaint + " of the sample:\n\t" + first, wantFailure: true},
		{name: "a rule that is not in the list", missing: "third: c", want: `"third: c" is not among the rules of the sample`, wantFailure: true},
		{name: "a part with -run", arguments: []string{"-test.run=TestFirst"}},
		{name: "a part with -skip", arguments: []string{"-test.skip=TestSecond"}},
		{name: "a part, and a case fails", fails: first, arguments: []string{"-test.run=TestFirst"}, wantFailure: true},
		{name: "no list at all", missing: "everything", want: "has no rules in the catalogue", wantFailure: true},
	}
}

// current is the sample that this process runs: the complete one, unless it is a child of
// TestUnheldRulesFailTheRun.
func current() sample {
	all := samples()
	return all[max(0, slices.IndexFunc(all, func(s sample) bool { return s.name == os.Getenv(sampleVariable) }))]
}

func isChild() bool { return os.Getenv(sampleVariable) != "" }

var ledger = func() *rules.Ledger {
	if current().missing == "everything" {
		return rules.New("the sample")
	}
	return rules.New("the sample", first, second)
}()

func TestMain(m *testing.M) { os.Exit(ledger.Run(m)) }

func TestFirst(t *testing.T)  { current().play(t, first) }
func TestSecond(t *testing.T) { current().play(t, second) }

func (s sample) play(t *testing.T, rule string) {
	t.Helper()
	t.Parallel()
	if rule == s.missing || s.missing == "everything" {
		return
	}
	for _, part := range []string{"one", "two"} { // subtests that run in parallel end after this function
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			ledger.Holds(t, rule)
			if s.missing == "third: c" {
				ledger.Holds(t, s.missing)
			}
			t.Cleanup(func() {
				if rule == s.failsLate {
					t.Error("what was cleaned up was wrong")
				}
			})
			if rule == s.skips {
				t.Skip("not here")
			}
			if rule == s.fails {
				t.Error("the rule is broken")
			}
		})
	}
}

// A case that is commented out, skipped or that fails is noticed at the end of the whole
// package's run, and a part of the package can be run by itself.
func TestUnheldRulesFailTheRun(t *testing.T) {
	t.Parallel()
	if isChild() {
		return // it has no children of its own
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples() {
		t.Run(sample.name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), program, sample.arguments...)
			command.Env = append(os.Environ(), sampleVariable+"="+sample.name)
			output, err := command.CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if (err != nil) != sample.wantFailure || !strings.Contains(string(output), sample.want) {
				t.Errorf("%v:\n%s", err, output)
			}
			if sample.want == "" && strings.Contains(string(output), complaint) {
				t.Errorf("it complains:\n%s", output)
			}
		})
	}
}

// A list that nobody compares would hold nothing: each package of the catalogue has a
// TestMain that runs its own ledger.
func TestEveryPackageOfTheCatalogueComparesItsList(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		rules.Server: "Server", rules.Egress: "Egress", rules.Redirects: "Redirects", rules.Keys: "Keys", rules.Settings: "Settings",
		rules.SignIn: "SignIn", rules.Secrets: "Secrets", rules.Names: "Names", rules.Schema: "Schema", rules.Source: "Source",
	}
	seen := map[string]string{}
	for path, list := range rules.Catalogue() {
		if len(list) == 0 {
			t.Errorf("%s has no rules", path)
		}
		for _, rule := range list {
			if other, twice := seen[rule]; twice {
				t.Errorf("%q is in the list of %s and of %s", rule, other, path)
			}
			seen[rule] = path
		}
		if err := comparesItsList(filepath.Join("..", "..", "..", path), names[path]); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// comparesItsList reports what is missing in the tests of a directory: a variable ledger
// for the package, and a TestMain that exits with the result of its Run.
func comparesItsList(directory, constant string) error {
	paths, err := filepath.Glob(filepath.Join(directory, "*_test.go"))
	if err != nil {
		return err
	}
	var hasLedger, hasMain bool
	for _, path := range paths {
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.ValueSpec:
				hasLedger = hasLedger || len(node.Values) == 1 && node.Names[0].Name == "ledger" && text(node.Values[0]) == "rules.For(rules."+constant+")"
			case *ast.FuncDecl:
				if node.Name.Name == "TestMain" && len(node.Body.List) > 0 {
					last, isCall := node.Body.List[len(node.Body.List)-1].(*ast.ExprStmt)
					hasMain = isCall && text(last.X) == "os.Exit(ledger.Run(m))"
				}
			}
			return true
		})
	}
	switch {
	case !hasLedger:
		return errors.New("has no variable ledger for its own list")
	case !hasMain:
		return errors.New("has no TestMain that ends with os.Exit(ledger.Run(m))")
	}
	return nil
}

// text returns a call as it is written, without its spaces.
func text(expression ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.Ident:
		return expression.Name
	case *ast.SelectorExpr:
		return text(expression.X) + "." + expression.Sel.Name
	case *ast.CallExpr:
		arguments := make([]string, len(expression.Args))
		for i, argument := range expression.Args {
			arguments[i] = text(argument)
		}
		return text(expression.Fun) + "(" + strings.Join(arguments, ",") + ")"
	default:
		return "?"
	}
}
