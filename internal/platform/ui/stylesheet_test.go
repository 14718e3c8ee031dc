package ui

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(colour) {
		t.Fatalf("%q is not a colour", colour)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		part, _ := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		c := float64(part) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	one, two := luminance(t, a), luminance(t, b)
	return (math.Max(one, two) + 0.05) / (math.Min(one, two) + 0.05)
}

// WCAG 2.2: 4.5 for text (1.4.3), 3 for the edges of inputs and for focus (1.4.11).
func TestColoursHaveContrast(t *testing.T) {
	content, err := os.ReadFile("static/authly.css")
	if err != nil {
		t.Fatal(err)
	}
	roots := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(content), 2)
	if len(roots) != 2 {
		t.Fatal("the two colour schemes are not where they were")
	}
	for i, scheme := range []string{"light", "dark"} {
		colours := map[string]string{}
		for _, match := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]+);`).FindAllStringSubmatch(roots[i][1], -1) {
			colours[match[1]] = match[2]
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "ground", 4.5},
			{"text", "card", 4.5},
			{"text", "field", 4.5},
			{"text", "tint", 4.5},
			{"muted", "card", 4.5},
			{"muted", "tint", 4.5},
			{"accent", "card", 4.5},
			{"accent", "tint", 4.5},
			{"accent-hover", "card", 4.5},
			{"on-accent", "accent", 4.5},
			{"on-accent", "accent-hover", 4.5},
			{"bad", "card", 4.5},
			{"bad", "bad-tint", 4.5},
			{"field-line", "card", 3},
			{"field-line", "field", 3},
			{"focus", "card", 3},
			{"focus", "ground", 3},
			{"focus", "field", 3},
		} {
			if got := contrast(t, colours[pair.front], colours[pair.back]); got < pair.least {
				t.Errorf("%s: %s on %s has %.2f, needs %.1f", scheme, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

func TestStylesheetLoadsNothing(t *testing.T) {
	content, err := os.ReadFile("static/authly.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"url(", "@import", "@font-face", "expression("} {
		if strings.Contains(string(content), forbidden) {
			t.Errorf("the stylesheet has %s", forbidden)
		}
	}
	for _, wanted := range []string{"prefers-color-scheme: dark", "prefers-reduced-motion: reduce", ":focus-visible", "forced-colors"} {
		if !strings.Contains(string(content), wanted) {
			t.Errorf("the stylesheet has no %s", wanted)
		}
	}
	logo, err := os.ReadFile("static/logo.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"<script", "style", "href", "foreignobject", " on"} {
		if strings.Contains(strings.ToLower(string(logo)), forbidden) {
			t.Errorf("the logo has %q", forbidden)
		}
	}
}
