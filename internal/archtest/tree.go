package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A violation is one place that breaks one rule.
type violation struct {
	rule string
	path string
	line int
	// subject names what breaks the rule independently of the line, for exceptions.
	subject string
	message string
}

func (v violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s (subject %q)", v.path, v.line, v.rule, v.message, v.subject)
}

// A source is one Go file.
type source struct {
	path   string
	dir    string
	base   string
	test   bool
	lines  int
	syntax *ast.File
	set    *token.FileSet
}

func (s *source) line(node ast.Node) int { return s.set.Position(node.Pos()).Line }

// imported returns the name by which the file knows the package of an import
// path, or "" if the file doesn't import it.
func (s *source) imported(importPath string) string {
	for _, spec := range s.syntax.Imports {
		if pathOf(spec) != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

func pathOf(spec *ast.ImportSpec) string {
	unquoted, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
	return unquoted
}

// A tree is the source of a module.
type tree struct {
	module  string
	goMod   string
	sources []*source
	// tables are the names that the migrations create.
	tables []string
}

// skipped directories hold no source of this module.
var skipped = []string{"testdata", "tools", "bin", "vendor", "node_modules", "authly-data"}

// load reads a module. The first line of go.mod that names the module is all
// that it needs to be one.
func load(fsys fs.FS) (*tree, error) {
	goMod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	loaded := &tree{goMod: string(goMod)}
	for line := range strings.Lines(loaded.goMod) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			loaded.module = strings.TrimSpace(name)
		}
	}
	if loaded.module == "" {
		return nil, errors.New("go.mod names no module")
	}
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || slices.Contains(skipped, base)) {
				return fs.SkipDir
			}
			return nil
		}
		switch path.Ext(base) {
		case ".go":
			return loaded.addGo(fsys, name)
		case ".sql":
			return loaded.addSQL(fsys, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return loaded, nil
}

func (t *tree) addGo(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	t.sources = append(t.sources, &source{
		path:   name,
		dir:    path.Dir(name),
		base:   path.Base(name),
		test:   strings.HasSuffix(name, "_test.go"),
		lines:  strings.Count(string(text), "\n"),
		syntax: syntax,
		set:    set,
	})
	return nil
}

func (t *tree) addSQL(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	for _, match := range createTable.FindAllStringSubmatch(string(text), -1) {
		t.tables = append(t.tables, match[1])
	}
	return nil
}

// packages returns the sources by directory, in the order of their paths.
func (t *tree) packages() [][]*source {
	byDir := map[string][]*source{}
	for _, s := range t.sources {
		byDir[s.dir] = append(byDir[s.dir], s)
	}
	var packages [][]*source
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		packages = append(packages, byDir[dir])
	}
	return packages
}

// inside returns the directory of a package of this module from its import
// path, and whether it is one.
func (t *tree) inside(importPath string) (string, bool) {
	if importPath == t.module {
		return ".", true
	}
	return strings.CutPrefix(importPath, t.module+"/")
}

// generated tells whether nobody wrote the file.
func (s *source) generated() bool { return ast.IsGenerated(s.syntax) }
