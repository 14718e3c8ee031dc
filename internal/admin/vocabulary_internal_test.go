package admin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A word that a feature gets is described: each vocabulary has all the constants of its type.
func TestVocabulariesHaveEveryWord(t *testing.T) {
	t.Parallel()
	for _, each := range vocabularies() {
		var want []string
		folder := filepath.Join("..", strings.TrimPrefix(each.of.PkgPath(), "authly/internal/"))
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, constantsOf(t, parsed, each.of.Name())...)
		}
		var got []string
		for _, word := range each.words {
			got = append(got, word.(string)) //nolint:forcetypeassert // vocabularyOf makes nothing else
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s has %q, and is described with %q", each.of, want, got)
		}
	}
}

// constantsOf returns the values of the constants that are declared with a type, but the empty one.
func constantsOf(t *testing.T, file *ast.File, name string) (values []string) {
	t.Helper()
	for _, declared := range file.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constant, _ := spec.(*ast.ValueSpec)
			if of, ok := constant.Type.(*ast.Ident); !ok || of.Name != name {
				continue
			}
			for _, value := range constant.Values {
				literal, ok := value.(*ast.BasicLit)
				if !ok {
					t.Fatalf("a constant of %s is no literal", name)
				}
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				if text != "" {
					values = append(values, text)
				}
			}
		}
	}
	return values
}
