package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// longest is the number of lines from which a file has to be taken apart. The
// house asks for 400; the difference is for finishing a thought.
const longest = 500

func checkLength(t *tree) []violation {
	var found []violation
	for _, s := range t.sources {
		if s.lines >= longest && !s.generated() {
			found = append(found, violation{
				rule: "file-length", path: s.path, line: s.lines, subject: s.path,
				message: fmt.Sprintf("%d lines; less than %d is asked for", s.lines, longest),
			})
		}
	}
	return found
}

// checkPackageComments holds that every package has exactly one package
// comment, in doc.go. A main package and the module's root may have it beside
// their code, and a package of nothing but tests in any of its files.
func checkPackageComments(t *tree) []violation {
	var found []violation
	for _, sources := range t.packages() {
		onlyTests := !slices.ContainsFunc(sources, func(s *source) bool { return !s.test })
		free := onlyTests || sources[0].dir == "." || sources[0].syntax.Name.Name == "main"
		var commented []*source
		for _, s := range sources {
			if s.syntax.Doc != nil && strings.TrimSpace(s.syntax.Doc.Text()) != "" && (onlyTests || !s.test) {
				commented = append(commented, s)
			}
		}
		report := func(s *source, message string) {
			found = append(found, violation{
				rule: "package-comment", path: s.path, line: s.line(s.syntax.Name), subject: s.dir, message: message,
			})
		}
		if len(commented) == 0 {
			report(sources[0], "the package has no package comment")
			continue
		}
		for _, s := range commented[1:] {
			report(s, "the package has another package comment in "+commented[0].path)
		}
		first := commented[0]
		if !free && first.base != "doc.go" {
			report(first, "the package comment belongs into doc.go")
		}
		name := first.syntax.Name.Name
		if name != "main" && !strings.HasPrefix(first.syntax.Doc.Text(), "Package "+name+" ") {
			report(first, "the package comment starts with \"Package "+name+" \"")
		}
	}
	return found
}

var replaceDirective = regexp.MustCompile(`^\s*replace\b|=>`)

// checkGoMod refuses replace: it does not reach those who import the module.
func checkGoMod(t *tree) []violation {
	var found []violation
	number := 0
	for line := range strings.Lines(t.goMod) {
		number++
		code, _, _ := strings.Cut(line, "//")
		if replaceDirective.MatchString(code) {
			found = append(found, violation{
				rule: "no-replace", path: "go.mod", line: number, subject: strings.TrimSpace(code),
				message: "go.mod has no replace",
			})
		}
	}
	return found
}

// requirement finds the version that a go.mod asks for.
func requirement(goMod, module string) string {
	for line := range strings.Lines(goMod) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && fields[0] == module {
			return fields[1]
		}
	}
	return ""
}

var (
	createTable = regexp.MustCompile(`(?i)\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?"?([a-z_]+)`)
	tableUse    = regexp.MustCompile(`(?i)\b(insert\s+into|from|into|update|join)\s+"?([a-z_]+)`)
)

// checkTables holds that a table has one home: the package that inserts into
// it. Nobody else reads or changes it (architecture 1).
func checkTables(t *tree) []violation {
	type use struct {
		home    string
		table   string
		inserts bool
		source  *source
		line    int
	}
	var uses []use
	for _, s := range t.sources {
		home := homeOf(s)
		if home == "" {
			continue
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			literal, ok := node.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				return true
			}
			for _, at := range tableUse.FindAllStringSubmatchIndex(text, -1) {
				verb, table := strings.ToLower(text[at[2]:at[3]]), strings.ToLower(text[at[4]:at[5]])
				if slices.Contains(t.tables, table) {
					line := s.line(literal) + strings.Count(text[:at[0]], "\n")
					uses = append(uses, use{home, table, strings.HasPrefix(verb, "insert"), s, line})
				}
			}
			return true
		})
	}
	homes := map[string]map[string]bool{}
	for _, u := range uses {
		if u.inserts {
			if homes[u.table] == nil {
				homes[u.table] = map[string]bool{}
			}
			homes[u.table][u.home] = true
		}
	}
	var found []violation
	for _, u := range uses {
		if owners := homes[u.table]; len(owners) > 1 || len(owners) == 1 && !owners[u.home] {
			found = append(found, violation{
				rule: "foreign-table", path: u.source.path, line: u.line, subject: u.home + " " + u.table,
				message: fmt.Sprintf("the table %s is at home in %s", u.table,
					strings.Join(slices.Sorted(maps.Keys(owners)), " and ")),
			})
		}
	}
	return found
}

// homeOf returns the package that answers for a file's tables: a feature with
// its sub-packages, or a package of the platform. Tests and helpers set scenes.
func homeOf(s *source) string {
	if s.test {
		return ""
	}
	switch kind, name := ringOf(s.dir); kind {
	case feature:
		if !strings.HasSuffix(s.base, "_store.go") {
			return "" // by checkLayers there is no SQL, but there may be sentences
		}
		return path.Join("internal", name)
	case platform:
		return s.dir
	default:
		return ""
	}
}
