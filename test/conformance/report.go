package conformance

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is how wide the report for people is.
const width = 80

// Group is what was found out about one specification.
type Group struct {
	Specification string
	Results       []Result
}

// Groups returns the results by specification, each group in the order of its sections.
func (r Report) Groups() []Group {
	var groups []Group
	for _, result := range r.Results {
		at := slices.IndexFunc(groups, func(g Group) bool { return g.Specification == result.Specification })
		if at < 0 {
			at = len(groups)
			groups = append(groups, Group{Specification: result.Specification})
		}
		groups[at].Results = append(groups[at].Results, result)
	}
	for _, group := range groups {
		slices.SortStableFunc(group.Results, func(a, b Result) int { return compareSections(a.Section, b.Section) })
	}
	return groups
}

// compareSections orders sections by their numbers.
func compareSections(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
}

// Tally says in a few words how a group ended.
func (g Group) Tally() string { return Report{Results: g.Results}.tally() }

func (r Report) tally() string {
	made := len(r.Results) - r.Count(Skipped)
	text := fmt.Sprintf("%d of %d passed", r.Count(Passed), made)
	if made == 0 {
		return fmt.Sprintf("%d skipped", r.Count(Skipped))
	}
	return text + r.others()
}

// others counts what did not pass.
func (r Report) others() string {
	var text strings.Builder
	for _, each := range []struct {
		outcome Outcome
		word    string
	}{{Failed, "failed"}, {Warning, "with a warning"}, {Skipped, "skipped"}} {
		if count := r.Count(each.outcome); count > 0 {
			fmt.Fprintf(&text, ", %d %s", count, each.word)
		}
	}
	return text.String()
}

// Summary is the one sentence that may be said of a run. What ended with a warning
// has not passed.
func (r Report) Summary() string {
	made := len(r.Results) - r.Count(Skipped)
	text := fmt.Sprintf("passes %d of %d checks, not certified", r.Count(Passed), made)
	if others := strings.TrimPrefix(r.others(), ", "); others != "" {
		text += "; " + others
	}
	return text
}

// WriteTable writes for people how each specification fared, what did not pass and
// why, what was skipped for which reasons, and the summary.
func (r Report) WriteTable(out io.Writer) error {
	var text strings.Builder
	for _, group := range r.Groups() {
		name, tally := group.Specification, group.Tally()
		gap := width - utf8.RuneCountInString(name) - utf8.RuneCountInString(tally)
		if gap < 1 { // the tally goes to a line of its own
			name, gap = name+"\n", width-utf8.RuneCountInString(tally)
		}
		text.WriteString(name + strings.Repeat(" ", gap) + tally + "\n")
	}
	for _, part := range []struct {
		outcome Outcome
		title   string
	}{{Warning, "Warnings: what a specification recommends"}, {Failed, "Failed"}} {
		if r.Count(part.outcome) == 0 {
			continue
		}
		text.WriteString("\n" + part.title + "\n")
		for _, result := range r.Results {
			if result.Outcome == part.outcome {
				text.WriteString("\n" + indented("  ", result.Specification+", section "+result.Section) + indented("  ", "expected: "+result.Title) +
					indented("  ", "but:      "+result.Detail) + indented("  ", "check:    "+result.ID))
			}
		}
	}
	r.writeSkipped(&text)
	text.WriteString("\n" + indented("", r.Issuer+" "+r.Summary()))
	_, err := io.WriteString(out, text.String())
	return err
}

// writeSkipped counts the reasons for which checks were skipped, the most frequent first.
func (r Report) writeSkipped(text *strings.Builder) {
	if r.Count(Skipped) == 0 {
		return
	}
	counts, reasons := map[string]int{}, []string{}
	for _, result := range r.Results {
		if result.Outcome == Skipped {
			if counts[result.Detail] == 0 {
				reasons = append(reasons, result.Detail)
			}
			counts[result.Detail]++
		}
	}
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	text.WriteString("\nSkipped\n\n")
	for _, reason := range reasons {
		text.WriteString(indented(fmt.Sprintf("  %3d  ", counts[reason]), reason))
	}
}

// WriteDetails writes every check for people, by specification, and the summary.
func (r Report) WriteDetails(out io.Writer) error {
	var text strings.Builder
	for _, group := range r.Groups() {
		text.WriteString(group.Specification + "\n\n")
		for _, result := range group.Results {
			text.WriteString(indented(fmt.Sprintf("  %-8s %-9s ", result.Outcome, result.Section), result.Title))
			if result.Detail != "" {
				text.WriteString(indented(strings.Repeat(" ", 21)+"→ ", result.Detail))
			}
		}
		text.WriteString("\n")
	}
	text.WriteString(indented("", r.Issuer+" "+r.Summary()))
	_, err := io.WriteString(out, text.String())
	return err
}

// indented breaks a text into lines that fit; the first has a prefix, and the others
// as much space. Words that are too long stay whole.
func indented(prefix, text string) string {
	margin := strings.Repeat(" ", utf8.RuneCountInString(prefix))
	for _, label := range []string{"expected: ", "but:      ", "check:    "} {
		if strings.HasPrefix(text, label) {
			prefix, margin, text = prefix+label, margin+strings.Repeat(" ", len(label)), strings.TrimPrefix(text, label)
		}
	}
	var made strings.Builder
	line := prefix
	for i, word := range strings.Fields(strings.Map(printable, text)) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			made.WriteString(line + "\n")
			line = margin + word
		default:
			line += " " + word
		}
	}
	return made.String() + line + "\n"
}

// printable keeps what a provider sends from steering the terminal.
func printable(r rune) rune {
	if unicode.IsSpace(r) {
		return ' '
	}
	if r == utf8.RuneError || !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// WriteJSON writes the report as one JSON document, with the summary.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Report
		Summary string `json:"summary"`
	}{r, r.Summary()})
}

// WriteJUnit writes the report in the form that build servers read.
func (r Report) WriteJUnit(out io.Writer) error {
	type note struct {
		Message string `xml:"message,attr"`
	}
	type testCase struct {
		Class   string `xml:"classname,attr"`
		Name    string `xml:"name,attr"`
		Failure *note  `xml:"failure"`
		Skipped *note  `xml:"skipped"`
		Output  string `xml:"system-out,omitempty"`
	}
	suite := struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Cases    []testCase `xml:"testcase"`
	}{Name: r.Issuer + " " + r.Summary(), Tests: len(r.Results), Failures: r.Count(Failed), Skipped: r.Count(Skipped)}
	for _, result := range r.Results {
		made := testCase{Class: result.Specification, Name: result.ID + ": " + result.Title}
		switch result.Outcome {
		case Failed:
			made.Failure = &note{result.Detail}
		case Skipped:
			made.Skipped = &note{result.Detail}
		case Warning:
			made.Output = "warning: " + result.Detail
		case Passed:
		}
		suite.Cases = append(suite.Cases, made)
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
