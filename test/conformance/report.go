package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable writes the results for people, by specification, and then the summary.
func (r Report) WriteTable(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	last := ""
	for _, result := range r.Results {
		if result.Specification != last {
			last = result.Specification
			if _, err := fmt.Fprintf(table, "\n%s\t\t\n", last); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(table, "  %s\t%s\t%s\n", result.Outcome, result.Section, result.Title); err != nil {
			return err
		}
		if result.Detail != "" {
			if _, err := fmt.Fprintf(table, "  \t\t  %s\n", result.Detail); err != nil {
				return err
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s %s\n", r.Issuer, r.Summary())
	return err
}

// WriteJSON writes the report as one JSON document, with the summary.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
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
			made.Output = result.Detail
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
