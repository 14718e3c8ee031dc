package conformance_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"authly/test/conformance"
)

func mixedReport() conformance.Report {
	return conformance.Report{Issuer: "https://id.example.com", Results: []conformance.Result{
		{"b-10-x", "Specification B", "10", "the last section comes last", conformance.Passed, ""},
		{"a-1-x", "Specification A", "1", "something is <b>bold</b> & \"quoted\"", conformance.Failed, "it is \"<i>\x01\u2028\xff\" and\nsays so in more words than there is room for in one line of eighty characters"},
		{"b-2.1-x", "Specification B", "2.1", "something is recommended", conformance.Warning, "it is not done"},
		{"a-2-x", "Specification A", "2", "something else", conformance.Skipped, "no client is configured"},
		{"a-3-x", "Specification A", "3", "another thing", conformance.Skipped, "no client is configured"},
		{"b-2-x", "Specification B", "2", "a title that is so long that it does not fit into one line of a terminal with eighty columns", conformance.Passed, ""},
	}}
}

func written(t *testing.T, write func(r conformance.Report, out *strings.Builder) error) string {
	t.Helper()
	var out strings.Builder
	if err := write(mixedReport(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const expectedTable = `Specification B                                  2 of 3 passed, 1 with a warning
Specification A                               0 of 1 passed, 1 failed, 2 skipped

Warnings: what a specification recommends

  Specification B, section 2.1
  expected: something is recommended
  but:      it is not done
  check:    b-2.1-x

Failed

  Specification A, section 1
  expected: something is <b>bold</b> & "quoted"
  but:      it is "<i>? ?" and says so in more words than there is room for in
            one line of eighty characters
  check:    a-1-x

Skipped

    2  no client is configured

https://id.example.com passes 2 of 4 checks, not certified; 1 failed, 1 with a
warning, 2 skipped
`

const expectedDetails = `Specification B

  passed   2         a title that is so long that it does not fit into one line
                     of a terminal with eighty columns
  warning  2.1       something is recommended
                     → it is not done
  passed   10        the last section comes last

Specification A

  failed   1         something is <b>bold</b> & "quoted"
                     → it is "<i>? ?" and says so in more words than there is
                       room for in one line of eighty characters
  skipped  2         something else
                     → no client is configured
  skipped  3         another thing
                     → no client is configured

https://id.example.com passes 2 of 4 checks, not certified; 1 failed, 1 with a
warning, 2 skipped
`

func TestReportForPeople(t *testing.T) {
	t.Parallel()
	table := written(t, func(r conformance.Report, out *strings.Builder) error { return r.WriteTable(out) })
	if difference := cmp.Diff(expectedTable, table); difference != "" {
		t.Errorf("(-want +got)\n%s", difference)
	}
	details := written(t, func(r conformance.Report, out *strings.Builder) error { return r.WriteDetails(out) })
	if difference := cmp.Diff(expectedDetails, details); difference != "" {
		t.Errorf("(-want +got)\n%s", difference)
	}
	for line := range strings.Lines(table + details) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("too wide: %s", line)
		}
	}
}

func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	var read struct {
		conformance.Report
		Summary string `json:"summary"`
	}
	text := written(t, func(r conformance.Report, out *strings.Builder) error { return r.WriteJSON(out) })
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	want := mixedReport()
	want.Results[1].Detail = strings.ToValidUTF8(want.Results[1].Detail, "\ufffd")
	if difference := cmp.Diff(want, read.Report); difference != "" || read.Summary != want.Summary() {
		t.Errorf("%q (-want +got)\n%s", read.Summary, difference)
	}
}

func TestReportAsJUnit(t *testing.T) {
	t.Parallel()
	type note struct {
		Message string `xml:"message,attr"`
	}
	var read struct {
		XMLName    xml.Name   `xml:"testsuite"`
		Name       string     `xml:"name,attr"`
		Attributes []xml.Attr `xml:",any,attr"`
		Cases      []struct {
			Class   string `xml:"classname,attr"`
			Name    string `xml:"name,attr"`
			Failure *note  `xml:"failure"`
			Skipped *note  `xml:"skipped"`
			Output  string `xml:"system-out"`
		} `xml:"testcase"`
	}
	text := written(t, func(r conformance.Report, out *strings.Builder) error { return r.WriteJUnit(out) })
	if err := xml.Unmarshal([]byte(text), &read); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	counts := map[string]string{}
	for _, attribute := range read.Attributes {
		counts[attribute.Name.Local] = attribute.Value
	}
	if difference := cmp.Diff(map[string]string{"tests": "6", "failures": "1", "skipped": "2"}, counts); difference != "" {
		t.Errorf("(-want +got)\n%s", difference)
	}
	if len(read.Cases) != 6 || read.Cases[1].Failure == nil || !strings.Contains(read.Cases[1].Failure.Message, `it is "<i>`) ||
		read.Cases[2].Output != "warning: it is not done" || read.Cases[3].Skipped == nil || read.Cases[0].Failure != nil || read.Cases[0].Class != "Specification B" {
		t.Errorf("%+v", read.Cases)
	}
}

// A warning is nothing that passed, whatever else did.
func TestSummaryCountsNoWarningAsPassed(t *testing.T) {
	t.Parallel()
	for want, outcomes := range map[string][]conformance.Outcome{
		"passes 2 of 2 checks, not certified":                                        {conformance.Passed, conformance.Passed},
		"passes 1 of 2 checks, not certified; 1 with a warning":                      {conformance.Passed, conformance.Warning},
		"passes 0 of 1 checks, not certified; 1 failed, 1 skipped":                   {conformance.Skipped, conformance.Failed},
		"passes 1 of 3 checks, not certified; 1 failed, 1 with a warning, 1 skipped": {conformance.Skipped, conformance.Failed, conformance.Warning, conformance.Passed},
	} {
		var report conformance.Report
		for _, outcome := range outcomes {
			report.Results = append(report.Results, conformance.Result{Outcome: outcome})
		}
		if got := report.Summary(); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}
