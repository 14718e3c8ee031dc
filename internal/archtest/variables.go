package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// immutable are the functions whose result nobody can change, by import path.
var immutable = map[string][]string{
	"encoding/base64": {"NewEncoding"},
	"errors":          {"New"},
	"fmt":             {"Errorf"},
	"html/template":   {"Must"},
	"net/netip":       {"MustParseAddr", "MustParsePrefix"},
	"regexp":          {"MustCompile"},
	"strings":         {"NewReplacer"},
	"sync":            {"OnceValue"},
	"time":            {"Date"},
}

// mutators change their first argument.
var mutators = regexp.MustCompile(`^(clear|copy|delete|slices\.(Sort\w*|Reverse|Compact\w*|Delete\w*|Insert|Replace)|sort\.\w+|maps\.(Copy|DeleteFunc))$`)

var sentinel = regexp.MustCompile(`^[eE]rr[A-Z]`)

// checkVariables holds that a package has no state. What may stand at package
// level is what can't change: guards (var _ X = …), error sentinels, compiled
// expressions, embedded files, and unexported tables (literals of slices, arrays
// and maps), all as long as nothing in the package writes to them.
func checkVariables(t *tree) []violation {
	var found []violation
	for _, sources := range t.packages() {
		sources = slices.DeleteFunc(slices.Clone(sources), func(s *source) bool { return s.test || s.generated() })
		for _, s := range sources {
			for _, declaration := range s.syntax.Decls {
				general, ok := declaration.(*ast.GenDecl)
				if !ok || general.Tok != token.VAR {
					continue
				}
				for _, spec := range general.Specs {
					variable, ok := spec.(*ast.ValueSpec)
					if !ok {
						continue
					}
					for position, name := range variable.Names {
						why := s.whyMutable(general, variable, position)
						if why == "" && name.Name != "_" {
							why = whyWritten(sources, s, variable, name.Name)
						}
						if why != "" {
							found = append(found, violation{
								rule: "package-variable", path: s.path, line: s.line(name), subject: s.dir + "." + name.Name,
								message: "a package has no variables: " + why,
							})
						}
					}
				}
			}
		}
	}
	return found
}

// whyMutable says why the declaration alone makes a variable, or "".
func (s *source) whyMutable(declaration *ast.GenDecl, variable *ast.ValueSpec, position int) string {
	name := variable.Names[position].Name
	if name == "_" || embeds(declaration.Doc) || embeds(variable.Doc) {
		return ""
	}
	if position >= len(variable.Values) {
		return "it has no value yet, or shares one"
	}
	switch value := variable.Values[position].(type) {
	case *ast.CompositeLit:
		switch value.Type.(type) {
		case *ast.ArrayType, *ast.MapType:
			if ast.IsExported(name) {
				return "other packages can write to an exported table; export a function"
			}
			return ""
		}
		return "a struct may have methods that change it"
	case *ast.CallExpr:
		if _, conversion := value.Fun.(*ast.ArrayType); conversion && !ast.IsExported(name) {
			return ""
		}
		if sentinel.MatchString(name) || s.callsImmutable(value) {
			return ""
		}
		return "what the call returns may change"
	case *ast.SelectorExpr:
		if sentinel.MatchString(name) {
			return "" // an error of another package by a name of this one
		}
	}
	return "make it a constant, a parameter or a field"
}

func (s *source) callsImmutable(call *ast.CallExpr) bool {
	for importPath, functions := range immutable {
		for _, function := range functions {
			if isSelector(call.Fun, s.imported(importPath), function) {
				return true
			}
		}
	}
	return false
}

// whyWritten says where the package writes to a variable, or "".
func whyWritten(sources []*source, home *source, variable *ast.ValueSpec, name string) string {
	var why string
	for _, s := range sources {
		write := func(expression ast.Expr) {
			if root := rootOf(expression); root != nil && root.Name == name && refersTo(root, variable, s == home) {
				why = fmt.Sprintf("%s:%d writes to it", s.path, s.line(root))
			}
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, left := range n.Lhs {
						write(left)
					}
				}
			case *ast.IncDecStmt:
				write(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					write(n.Key)
					write(n.Value)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					write(n.X)
				}
			case *ast.CallExpr:
				if len(n.Args) > 0 && mutators.MatchString(nameOf(n.Fun)) {
					write(n.Args[0])
				}
			}
			return true
		})
	}
	return why
}

// rootOf returns x of x.y[z].w.
func rootOf(expression ast.Expr) *ast.Ident {
	for {
		switch e := expression.(type) {
		case *ast.Ident:
			return e
		case *ast.IndexExpr:
			expression = e.X
		case *ast.SliceExpr:
			expression = e.X
		case *ast.SelectorExpr:
			expression = e.X
		case *ast.StarExpr:
			expression = e.X
		case *ast.ParenExpr:
			expression = e.X
		default:
			return nil
		}
	}
}

// refersTo tells whether an identifier means a package's variable and not a
// local one of the same name. In the variable's own file the parser has
// resolved both; in another file it leaves the package's open.
func refersTo(identifier *ast.Ident, variable *ast.ValueSpec, sameFile bool) bool {
	object := identifier.Obj
	if sameFile {
		return object != nil && object.Decl == variable
	}
	return object == nil
}

func nameOf(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	default:
		return ""
	}
}

func embeds(comments *ast.CommentGroup) bool {
	return comments != nil && slices.ContainsFunc(comments.List, func(comment *ast.Comment) bool {
		return strings.HasPrefix(comment.Text, "//go:embed ")
	})
}
