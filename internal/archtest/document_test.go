package archtest

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	architecture = "../../docs/architecture.md"
	howto        = "../../docs/howto.md"
)

var pathInText = regexp.MustCompile("`((?:internal|cmd|docs|test)/[^` *]*)`")

// Every file and folder that docs/howto.md sends its reader to is there.
func TestHowToNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile(howto)
	if err != nil {
		t.Fatal(err)
	}
	found := pathInText.FindAllSubmatch(text, -1)
	if len(found) < 20 {
		t.Errorf("only %d paths were found", len(found))
	}
	for _, each := range found {
		if _, err := os.Stat(filepath.Join("../..", string(each[1]))); err != nil {
			t.Errorf("docs/howto.md names %s, which is not there", each[1])
		}
	}
}

// The tree of docs/architecture.md names every folder that has Go source in it, and no
// other, so that the map can't be older than the house.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	named, problems := foldersOf(string(text))
	for _, problem := range problems {
		t.Error(problem)
	}
	present := packageFolders(t, "../..")
	for _, folder := range slices.Sorted(maps.Keys(present)) {
		if !named[folder] {
			t.Errorf("docs/architecture.md doesn't name %s/", folder)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(named)) {
		if !present[folder] && !hasBelow(present, folder) {
			t.Errorf("docs/architecture.md names %s/, which has no Go source", folder)
		}
	}
}

// The reader of the tree is shown what it has to notice.
func TestFoldersOfATree(t *testing.T) {
	t.Parallel()
	const tree = "## Tree\n\n```\na.go      a file\nb/        one\n  c/ d/   two\n    e/    below the last\n                more words\nf/\n```\n\n```\ng/\n```\n"
	named, problems := foldersOf(tree)
	if want := []string{"b", "b/c", "b/d", "b/d/e", "f"}; !slices.Equal(slices.Sorted(maps.Keys(named)), want) || len(problems) > 0 {
		t.Errorf("folders %v, problems %v; want %v", named, problems, want)
	}
	for _, wrong := range []string{"no tree", "## Tree\n\n```\nb/\n    c/\n```\n", "## Tree\n\n```\nb/\nb/\n```\n"} {
		if _, problems := foldersOf(wrong); len(problems) == 0 {
			t.Errorf("nothing is wrong with %q", wrong)
		}
	}
}

// foldersOf reads the first block of code below the heading "Tree": two spaces for each
// level, names that end in a slash, and their description after two spaces or more.
func foldersOf(document string) (map[string]bool, []string) {
	_, after, found := strings.Cut(document, "\n## Tree\n")
	if !found {
		_, after, found = strings.Cut(document, "## Tree\n")
	}
	_, after, fenced := strings.Cut(after, "```\n")
	if !found || !fenced {
		return nil, []string{"docs/architecture.md has no tree"}
	}
	tree, _, _ := strings.Cut(after, "```")
	named, problems, above := map[string]bool{}, []string(nil), []string{}
	for line := range strings.Lines(tree) {
		names, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if !strings.HasSuffix(strings.TrimSpace(names), "/") {
			continue // a file, or more words about the line above
		}
		level := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		if level > len(above) {
			problems = append(problems, "docs/architecture.md: nothing is above "+names)
			continue
		}
		above = above[:level]
		for name := range strings.FieldsSeq(names) {
			folder := path.Join(path.Join(above...), name)
			if named[folder] {
				problems = append(problems, "docs/architecture.md names "+folder+"/ twice")
			}
			named[folder] = true
		}
		fields := strings.Fields(names)
		above = append(above, path.Clean(fields[len(fields)-1]))
	}
	return named, problems
}

// packageFolders returns the folders with Go source, tests included, below root.
func packageFolders(t *testing.T, root string) map[string]bool {
	t.Helper()
	folders := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && file != root && (name == "testdata" || name == "tools" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if folder, err := filepath.Rel(root, filepath.Dir(file)); strings.HasSuffix(file, ".go") && err == nil && folder != "." {
			folders[filepath.ToSlash(folder)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

func hasBelow(folders map[string]bool, above string) bool {
	for folder := range folders {
		if strings.HasPrefix(folder, above+"/") {
			return true
		}
	}
	return false
}
