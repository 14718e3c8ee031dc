package archtest

import (
	"go/ast"
	"go/token"
	"slices"
)

// comparisons take as long as two values are alike, by import path.
var comparisons = map[string][]string{
	"bytes":   {"Compare", "Equal", "EqualFold"},
	"cmp":     {"Compare"},
	"reflect": {"DeepEqual"},
	"slices":  {"Compare", "Contains", "Equal", "Index"},
	"strings": {"Compare", "EqualFold"},
}

// checkSecrets holds that what was revealed of a secret is compared in constant time, as its own
// method Equal does. Whether it is empty may be asked, and how long it is.
func checkSecrets(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		names := map[string][]string{}
		for path, functions := range comparisons {
			if name := s.imported(path); name != "" {
				names[name] = functions
			}
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			if comparesRevealed(node, names) {
				found = append(found, violation{
					rule: "secret-comparison", path: s.path, line: s.line(node), subject: s.path,
					message: "secrets are compared with their method Equal, which takes the same time for each",
				})
			}
			return true
		})
	}
	return found
}

func comparesRevealed(node ast.Node, names map[string][]string) bool {
	switch node := node.(type) {
	case *ast.BinaryExpr:
		isComparison := slices.Contains([]token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}, node.Op)
		return isComparison && (isRevealed(node.X) && !isEmptyText(node.Y) || isRevealed(node.Y) && !isEmptyText(node.X))
	case *ast.SwitchStmt:
		return node.Tag != nil && isRevealed(node.Tag)
	case *ast.CallExpr:
		selector, ok := node.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		from, ok := selector.X.(*ast.Ident)
		return ok && slices.Contains(names[from.Name], selector.Sel.Name) && slices.ContainsFunc(node.Args, isRevealed)
	default:
		return false
	}
}

// isRevealed reports whether an expression is what a secret has, as text or as bytes.
func isRevealed(expression ast.Expr) bool {
	switch expression := expression.(type) {
	case *ast.ParenExpr:
		return isRevealed(expression.X)
	case *ast.CallExpr:
		if selector, ok := expression.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Reveal" {
			return true
		}
		_, isBytes := expression.Fun.(*ast.ArrayType)
		return (isBytes || isName(expression.Fun, "string")) && len(expression.Args) == 1 && isRevealed(expression.Args[0])
	default:
		return false
	}
}

func isEmptyText(expression ast.Expr) bool {
	literal, ok := expression.(*ast.BasicLit)
	return ok && literal.Kind == token.STRING && literal.Value == `""`
}
