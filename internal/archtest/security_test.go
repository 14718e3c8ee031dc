package archtest

import (
	"flag"
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the parts of docs/security.md that come from the source")

// fact is an entry of an inventory: what there is, and where.
type fact struct{ what, where string }

// inventories are the parts of the document that come from the source.
var inventories = map[string]struct {
	head [2]string
	find func(s *source) []fact
}{
	"cryptography": {[2]string{"Package", "Imported by"}, cryptography},
	"egress":       {[2]string{"File", "Package"}, egressCallers},
	"actions":      {[2]string{"Action", "Declared in"}, actions},
	"log":          {[2]string{"Attribute", "Attached by"}, logAttributes},
}

// TestSecurityDocument compares docs/security.md with the source: an algorithm, a caller of others,
// an event or an attribute of the log that it doesn't have fails here until it is renewed by
// "go test ./internal/archtest -update" and read again.
func TestSecurityDocument(t *testing.T) {
	loaded, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docs", "security.md")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document := string(content)
	for _, name := range slices.Sorted(maps.Keys(inventories)) {
		begin, end := "<!-- from the source: "+name+" -->\n", "<!-- end -->"
		before, rest, found := strings.Cut(document, begin)
		had, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("the document has no place for %s", name)
		}
		want := inventory(loaded, name)
		if strings.Count(want, "\n") < 6 {
			t.Errorf("%s: hardly anything was found:\n%s", name, want)
		}
		if had != want && !*update {
			t.Errorf("%s is out of date: run go test ./internal/archtest -update, and see whether the text around it is still true. The source has\n%s", name, want)
		}
		document = before + begin + want + end + after
	}
	if *update {
		if err := os.WriteFile(file, []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// inventory returns a table of what the source has.
func inventory(t *tree, name string) string {
	places := map[string][]string{}
	for _, s := range t.written() {
		if kind, _ := ringOf(s.dir); kind == helper || kind == platformHelper || kind == trial {
			continue
		}
		for _, each := range inventories[name].find(s) {
			if !slices.Contains(places[each.what], each.where) {
				places[each.what] = append(places[each.what], each.where)
			}
		}
	}
	head := inventories[name].head
	var text strings.Builder
	fmt.Fprintf(&text, "\n| %s | %s |\n|---|---|\n", head[0], head[1])
	for _, what := range slices.Sorted(maps.Keys(places)) {
		slices.Sort(places[what])
		fmt.Fprintf(&text, "| `%s` | %s |\n", what, strings.Join(places[what], ", "))
	}
	return text.String() + "\n"
}

func cryptography(s *source) []fact {
	var found []fact
	for _, spec := range s.syntax.Imports {
		imported := pathOf(spec)
		if within(imported, "crypto") || within(imported, "golang.org/x/crypto") || strings.HasPrefix(imported, "github.com/go-jose/") {
			found = append(found, fact{imported, s.dir})
		}
	}
	return found
}

func egressCallers(s *source) []fact {
	for _, spec := range s.syntax.Imports {
		if strings.HasSuffix(pathOf(spec), "/internal/platform/egress") {
			return []fact{{s.path, s.syntax.Name.Name}}
		}
	}
	return nil
}

func actions(s *source) []fact {
	var found []fact
	for _, declaration := range s.syntax.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || !isAction(s, value.Type) {
				continue
			}
			for _, each := range value.Values {
				if text, ok := textOf(each); ok {
					found = append(found, fact{text, s.path})
				}
			}
		}
	}
	return found
}

// isAction reports whether a type is that of the actions of the audit log.
func isAction(s *source, expression ast.Expr) bool {
	return s.dir == "internal/audit" && isName(expression, "Action") || isSelector(expression, "audit", "Action")
}

// logAttributes finds what is given to httpx.Attach, and the attributes of the request line itself.
func logAttributes(s *source) []fact {
	var found []fact
	ast.Inspect(s.syntax, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		attach := isSelector(call.Fun, "httpx", "Attach") || isName(call.Fun, "Attach")
		for _, argument := range call.Args {
			attribute, ok := argument.(*ast.CallExpr)
			if !ok || !attach || len(attribute.Args) == 0 {
				continue
			}
			if name, ok := textOf(attribute.Args[0]); ok {
				found = append(found, fact{name, s.path})
			}
		}
		return true
	})
	if s.path != "internal/platform/httpx/middleware.go" {
		return found
	}
	ast.Inspect(s.syntax, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok && len(call.Args) == 2 {
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if name, text := textOf(call.Args[0]); ok && text && isName(selector.X, "slog") {
				found = append(found, fact{name, s.path})
			}
		}
		return true
	})
	return found
}

func textOf(expression ast.Expr) (string, bool) {
	literal, ok := expression.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
