package ui

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/pages.md is a promise to programs: it has every id and input name that the
// pages have, and none that they don't have.
func TestDocumentationSaysWhatThePagesHave(t *testing.T) {
	content, err := os.ReadFile("../../../docs/pages.md")
	if err != nil {
		t.Fatal(err)
	}
	r := newRenderer(t, "")
	found := map[string]map[string]bool{} // page → id or name
	for _, fixture := range fixtures {
		page := strings.TrimSuffix(fixture.page.template(), ".html")
		if found[page] == nil {
			found[page] = map[string]bool{}
		}
		body := render(t, r, fixture.status, fixture.page).Body.String()
		for _, match := range regexp.MustCompile(`\sid="([^"]+)"`).FindAllStringSubmatch(body, -1) {
			found[page]["id "+match[1]] = true
		}
		for _, match := range regexp.MustCompile(`<(?:input|button)[^>]*\sname="([^"]+)"`).FindAllStringSubmatch(body, -1) {
			found[page]["name "+match[1]] = true
		}
	}
	documented := map[string]map[string]bool{}
	texts := slices.Collect(maps.Values(r.messages))
	for _, section := range strings.Split(string(content), "\n## ")[1:] {
		heading := regexp.MustCompile("^[^\n]*\\(`([a-z_]+)`\\)\n").FindStringSubmatch(section)
		if heading == nil {
			continue
		}
		documented[heading[1]] = map[string]bool{}
		for _, row := range regexp.MustCompile("(?m)^\\| (?:`([^`]+)`)? ?\\| (?:`([^`]+)`)? ?\\|").FindAllStringSubmatch(section, -1) {
			if row[1] != "" {
				documented[heading[1]]["id "+row[1]] = true
			}
			if row[2] != "" {
				documented[heading[1]]["name "+row[2]] = true
			}
		}
		_, promised, _ := strings.Cut(section, "\nTexts: ")
		for _, text := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(promised, -1) {
			if !slices.Contains(texts, text[1]) {
				t.Errorf("the catalogue has no text %q", text[1])
			}
		}
	}
	if diff := cmp.Diff(found, documented); diff != "" {
		t.Errorf("pages (-) and documentation (+) differ:\n%s", diff)
	}
}
