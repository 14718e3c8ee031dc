package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value   string
	choices []string
}

func (c *choice) String() string { return c.value }

// mostShown is how many words a line of the help text has room for.
const mostShown = 8

// Type returns the words, which the help text shows as the form of the value unless they are many.
func (c *choice) Type() string {
	if len(c.choices) > mostShown {
		return "word"
	}
	return strings.Join(c.choices, "|")
}

// Set takes one of the words.
func (c *choice) Set(value string) error {
	for _, known := range c.choices {
		if value == known {
			c.value = value
			return nil
		}
	}
	return fmt.Errorf("choose %s", strings.Join(c.choices, " or "))
}

// outputFlag is the flag --output of commands that list something.
type outputFlag struct{ choice }

func newOutputFlag() *outputFlag {
	return &outputFlag{choice{value: "table", choices: []string{"table", "json"}}}
}

func (o *outputFlag) json() bool { return o.value == "json" }

func (o *outputFlag) register(command *cobra.Command) {
	command.Flags().VarP(o, "output", "o", "the form of the result")
	words := o.choices
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that isn't there
}

// writeJSON writes a value for programs.
func writeJSON(output io.Writer, value any) error {
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// writeTable writes rows for people, in aligned columns.
func writeTable(output io.Writer, heading []string, rows [][]string) error {
	writer := tabwriter.NewWriter(output, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		line := strings.TrimRight(strings.Join(row, "\t"), "\t")
		if _, err := fmt.Fprintln(writer, line); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	if err := writer.Flush(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// timeText returns a time for people, or otherwise for none.
func timeText(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// timeOrNil returns a time for JSON, which has no zero time.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
