package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// written returns the files to which the rules about code apply: not tests, and
// not what a generator wrote.
func (t *tree) written() []*source {
	return slices.DeleteFunc(slices.Clone(t.sources), func(s *source) bool { return s.test || s.generated() })
}

// checkInit refuses init functions: app.New is the only place that puts things together.
func checkInit(t *tree) []violation {
	var found []violation
	for _, s := range t.sources {
		for _, declaration := range s.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && function.Recv == nil && function.Name.Name == "init" {
				found = append(found, violation{
					rule: "no-init", path: s.path, line: s.line(function), subject: s.dir,
					message: "no package has an init function",
				})
			}
		}
	}
	return found
}

// checkClock holds that only platform/clock asks the operating system for the
// time. A dot import would hide it.
func checkClock(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		name := s.imported("time")
		if name == "" || s.dir == "internal/platform/clock" {
			continue
		}
		report := func(node ast.Node, message string) {
			found = append(found, violation{
				rule: "clock", path: s.path, line: s.line(node), subject: s.path, message: message,
			})
		}
		if name == "." {
			report(s.syntax.Name, "time is not imported with a dot")
			continue
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if ok && isName(selector.X, name) && slices.Contains([]string{"Now", "Since", "Until"}, selector.Sel.Name) {
				report(node, "time."+selector.Sel.Name+" is for internal/platform/clock; take a clock.Clock or the time")
			}
			return true
		})
	}
	return found
}

// checkSignatures holds what the signature of a function may look like: no
// bool parameter if it is exported (a call f(true) says nothing), the context
// first, and at most three results.
func checkSignatures(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		contextName := s.imported("context")
		testingName := s.imported("testing")
		for _, declaration := range s.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			receiver := receiverOf(function)
			subject := strings.TrimSuffix(s.dir+"."+receiver, ".") + "." + function.Name.Name
			report := func(rule, message string) {
				found = append(found, violation{rule: rule, path: s.path, line: s.line(function), subject: subject, message: message})
			}
			exported := function.Name.IsExported() && (receiver == "" || ast.IsExported(receiver)) && s.syntax.Name.Name != "main"
			parameters := flatten(function.Type.Params)
			for position, parameter := range parameters {
				switch {
				case exported && isBool(parameter):
					report("bool-parameter", "an exported function has no bool parameter; take an option or have two functions")
				case isSelector(parameter, contextName, "Context") && position > 0:
					// A test helper has its testing.TB first.
					if position > 1 || !fromPackage(parameters[0], testingName) {
						report("context-first", "a context is the first parameter")
					}
				}
			}
			if results := len(flatten(function.Type.Results)); results > 3 {
				report("three-results", fmt.Sprintf("%d results; at most three are asked for", results))
			}
		}
	}
	return found
}

// checkStoredContext refuses contexts in structs: one outlives the call that it belongs to.
func checkStoredContext(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		name := s.imported("context")
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			structure, ok := node.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range structure.Fields.List {
				if isSelector(field.Type, name, "Context") {
					found = append(found, violation{
						rule: "stored-context", path: s.path, line: s.line(field), subject: s.path,
						message: "a context is passed on, not stored",
					})
				}
			}
			return true
		})
	}
	return found
}

// checkConstructors holds that New… starts no goroutine: Run(ctx) does, so that
// somebody waits for its end.
func checkConstructors(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		if kind, _ := ringOf(s.dir); kind == helper || kind == platformHelper || kind == trial {
			continue // a test's cleanup waits
		}
		for _, declaration := range s.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil || function.Recv != nil || !strings.HasPrefix(function.Name.Name, "New") {
				continue
			}
			ast.Inspect(function.Body, func(node ast.Node) bool {
				switch node.(type) {
				case *ast.GoStmt:
					found = append(found, violation{
						rule: "constructor-goroutine", path: s.path, line: s.line(node), subject: s.dir + "." + function.Name.Name,
						message: "a constructor starts no goroutine; Run(ctx) does",
					})
				case *ast.FuncLit:
					return false // runs when it is called, not now
				}
				return true
			})
		}
	}
	return found
}

// checkRequestHost holds that URLs are built from the configured issuer: a
// feature does not look at the Host that a request claims, and only the
// platform, which knows the listed proxies, reads forwarded headers
// (architecture 7).
func checkRequestHost(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		kind, _ := ringOf(s.dir)
		report := func(node ast.Node, message string) {
			found = append(found, violation{
				rule: "request-host", path: s.path, line: s.line(node), subject: s.path, message: message,
			})
		}
		var requests []string // names of *http.Request parameters of this file
		httpName := s.imported("net/http")
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.FuncType:
				for _, field := range n.Params.List {
					if pointer, ok := field.Type.(*ast.StarExpr); ok && isSelector(pointer.X, httpName, "Request") {
						for _, name := range field.Names {
							requests = append(requests, name.Name)
						}
					}
				}
			case *ast.SelectorExpr:
				name, ok := n.X.(*ast.Ident)
				if kind == feature && ok && n.Sel.Name == "Host" && slices.Contains(requests, name.Name) {
					report(n, "a URL is built from the configured issuer, never from Host")
				}
			case *ast.BasicLit:
				if slices.Contains([]ring{feature, app, facade, cli, command}, kind) && n.Kind == token.STRING &&
					strings.Contains(strings.ToLower(n.Value), "x-forwarded-") {
					report(n, "forwarded headers are internal/platform/httpx's: they count only from listed proxies")
				}
			}
			return true
		})
	}
	return found
}

// checkPresentation holds that a protected resource has its access token, with the proof that it needs, from
// internal/platform/httpx: a feature neither reads the header Authorization nor parses a bearer token.
func checkPresentation(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		if kind, _ := ringOf(s.dir); kind != feature {
			continue
		}
		oauth := s.imported(t.module + "/internal/protocol/oauth")
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			literal, isLiteral := node.(*ast.BasicLit)
			selector, isSelector := node.(*ast.SelectorExpr)
			if isLiteral && strings.EqualFold(strings.Trim(literal.Value, "\"`"), "authorization") ||
				isSelector && isName(selector.X, oauth) && selector.Sel.Name == "ParseBearer" {
				found = append(found, violation{
					rule: "presented-token", path: s.path, line: s.line(node), subject: s.path,
					message: "an access token is read by httpx.ReadPresentation",
				})
			}
			return true
		})
	}
	return found
}

func receiverOf(function *ast.FuncDecl) string {
	if function.Recv == nil || len(function.Recv.List) == 0 {
		return ""
	}
	expression := function.Recv.List[0].Type
	for {
		switch e := expression.(type) {
		case *ast.StarExpr:
			expression = e.X
		case *ast.IndexExpr:
			expression = e.X
		case *ast.IndexListExpr:
			expression = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// flatten returns the type of each parameter or result: a, b int is two.
func flatten(fields *ast.FieldList) []ast.Expr {
	if fields == nil {
		return nil
	}
	var types []ast.Expr
	for _, field := range fields.List {
		for range max(1, len(field.Names)) {
			types = append(types, field.Type)
		}
	}
	return types
}

func isBool(expression ast.Expr) bool {
	switch e := expression.(type) {
	case *ast.Ident:
		return e.Name == "bool"
	case *ast.StarExpr:
		return isBool(e.X)
	case *ast.Ellipsis:
		return isBool(e.Elt)
	default:
		return false
	}
}

func isName(expression ast.Expr, name string) bool {
	identifier, ok := expression.(*ast.Ident)
	return ok && name != "" && identifier.Name == name
}

func isSelector(expression ast.Expr, packageName, name string) bool {
	selector, ok := expression.(*ast.SelectorExpr)
	return ok && isName(selector.X, packageName) && selector.Sel.Name == name
}

// fromPackage tells whether a type is one of a package's, or a pointer to one.
func fromPackage(expression ast.Expr, packageName string) bool {
	if pointer, ok := expression.(*ast.StarExpr); ok {
		expression = pointer.X
	}
	selector, ok := expression.(*ast.SelectorExpr)
	return ok && isName(selector.X, packageName)
}

// checkHashes holds that only tests hash passwords with parameters that are too weak for
// people.
func checkHashes(t *tree) []violation {
	var found []violation
	for _, s := range t.written() {
		if s.dir == "internal/platform/secret" || strings.HasPrefix(s.dir, "internal/testx") {
			continue
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			if name, ok := node.(*ast.Ident); ok && name.Name == "AllowWeak" {
				found = append(found, violation{
					rule: "weak-hash", path: s.path, line: s.line(node), subject: s.path, message: "AllowWeak is for tests",
				})
			}
			return true
		})
	}
	return found
}
