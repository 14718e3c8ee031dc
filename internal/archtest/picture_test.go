package archtest

import (
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bands are the rings of the picture from the outside to the inside, each with what it is for.
var bands = []struct {
	title string
	about string
	rings []ring
}{
	{"outside", "the facade and the program: the only way in", []ring{facade, command}},
	{"frame", "composition, configuration, commands", []ring{app, config, cli, buildinfo}},
	{"features", "model, rules, storage and routes of one thing together", []ring{feature}},
	{"platform", "engines and wires, which know no feature", []ring{platform}},
	{"protocol", "rules of the specifications, from values to values", []ring{protocol}},
}

// TestPicture compares docs/architecture.svg with the packages that there are;
// "go test ./internal/archtest -run TestPicture -update" draws it again.
func TestPicture(t *testing.T) {
	loaded, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docs", "architecture.svg")
	want := picture(loaded)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	had, err := os.ReadFile(file)
	if err != nil || string(had) != want {
		t.Errorf("docs/architecture.svg shows other packages than there are (%v): run this test with -update", err)
	}
}

// The measures of the picture, in its own units.
const (
	pictureWidth, bandIndent, boxHeight, boxGap, lineGap, bandHead = 960, 16, 26, 8, 8, 44
	letterWidth                                                    = 8 // of 13 px in a monospaced face, rounded up
)

// picture draws a band for each ring, and in it a box for each of its packages.
func picture(t *tree) string {
	packages := map[ring]map[string]bool{}
	for _, s := range t.written() {
		kind, _ := ringOf(s.dir)
		if packages[kind] == nil {
			packages[kind] = map[string]bool{}
		}
		packages[kind][s.dir] = true
	}
	var drawn strings.Builder
	y := boxGap
	for number, band := range bands {
		var names []string
		for _, kind := range band.rings {
			for _, dir := range slices.Sorted(maps.Keys(packages[kind])) {
				names = append(names, shortName(dir))
			}
		}
		body, height := boxes(names, y+bandHead)
		fmt.Fprintf(&drawn, "<g class=\"ring%d\"><rect class=\"band\" x=\"8\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n", number, y, pictureWidth-16, bandHead+height)
		fmt.Fprintf(&drawn, "<text class=\"title\" x=\"%d\" y=\"%d\">%s</text><text class=\"about\" x=\"%d\" y=\"%d\">%s</text>\n%s</g>\n",
			8+bandIndent, y+27, band.title, 8+bandIndent+100, y+27, html.EscapeString(band.about), body)
		y += bandHead + height + boxGap
		if number < len(bands)-1 {
			fmt.Fprintf(&drawn, "<path class=\"arrow\" d=\"M%d %dv14m-5-6l5 6l5-6\"/>\n", pictureWidth/2, y)
			y += 22
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="The packages of Authly by ring; each ring imports only what is below it, and protocol only itself">
<!-- Drawn from the source by internal/archtest. -->
<style>
svg{font:13px ui-monospace,monospace;background:#fff}text{fill:#1c2430}.title{font-weight:700;font-size:15px}.about{fill:#566070}
.band{fill:#f3f5f8;stroke:#c9d0da}.box{fill:#fff;stroke:#8a95a5}.arrow{fill:none;stroke:#566070;stroke-width:1.5}
.ring2 .box{stroke:#2458d3}.ring4 .box{stroke:#147a4b}
@media(prefers-color-scheme:dark){svg{background:#12161c}text{fill:#e4e9f0}.about{fill:#9aa6b5}.band{fill:#1a2029;stroke:#384250}.box{fill:#12161c;stroke:#6b7787}.ring2 .box{stroke:#7ea2ff}.ring4 .box{stroke:#56c596}.arrow{stroke:#9aa6b5}}
</style>
%s</svg>
`, pictureWidth, y, drawn.String())
}

// boxes lays names out in lines from the height y, and returns how high they are together.
func boxes(names []string, y int) (drawn string, height int) {
	var text strings.Builder
	x, line := 8+bandIndent, 0
	for _, name := range names {
		width := len(name)*letterWidth + 20
		if x+width > pictureWidth-8-bandIndent {
			x, line = 8+bandIndent, line+1
		}
		top := y + line*(boxHeight+lineGap)
		fmt.Fprintf(&text, "<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
			x, top, width, boxHeight, x+10, top+18, html.EscapeString(name))
		x += width + boxGap
	}
	return text.String(), (line+1)*(boxHeight+lineGap) + 8
}

func shortName(dir string) string {
	if dir == "." {
		return "authly"
	}
	for _, above := range []string{"internal/platform/", "internal/protocol/", "internal/"} {
		if name, ok := strings.CutPrefix(dir, above); ok {
			return name
		}
	}
	return dir
}
