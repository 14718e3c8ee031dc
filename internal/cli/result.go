package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"authly/internal/cli/remote"
)

// resultFlag is in which form a command shows what a server answered.
type resultFlag struct {
	choice
	quiet bool
}

func newResultFlag() *resultFlag {
	return &resultFlag{choice: choice{value: "table", choices: []string{"table", "json", "yaml"}}}
}

func (r *resultFlag) table() bool { return r.value == "table" }

func (r *resultFlag) register(command *cobra.Command) {
	command.Flags().VarP(r, "output", "o", "the form of the result")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(r.choices, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that isn't there
}

func (r *resultFlag) registerQuiet(command *cobra.Command) {
	command.Flags().BoolVarP(&r.quiet, "quiet", "q", false, "show identifiers only, one a line")
}

// write writes a value for programs.
func (r *resultFlag) write(output io.Writer, value any) error {
	if r.value != "yaml" {
		return writeJSON(output, value)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return writeYAML(output, text)
}

// writeYAML writes JSON as YAML, with its members in the same order.
func writeYAML(output io.Writer, text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	node, err := yamlOf(decoder)
	if err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	encoder := yaml.NewEncoder(output)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(node), encoder.Close()); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// yamlOf reads the next value.
func yamlOf(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch value := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if value == '[' {
			node = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		}
		for decoder.More() {
			entry, err := yamlOf(decoder) // of an object: a name, then a value
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, entry)
		}
		if len(node.Content) == 0 {
			node.Style = yaml.FlowStyle // {} and []
		}
		_, err := decoder.Token()
		return node, err
	case string:
		node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
		switch strings.ToLower(value) {
		case "y", "n", "yes", "no", "on", "off": // to readers of YAML 1.1 they are no texts
			node.Style = yaml.DoubleQuotedStyle
		}
		return node, nil
	case json.Number:
		tag := "!!int"
		if bytes.ContainsAny([]byte(value), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(value)}, nil
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
}

// writePairs writes what there is to say of one thing, a line for each; what is empty
// is left out. Nothing of it can steer a terminal.
func writePairs(output io.Writer, pairs [][2]string) error {
	writer := tabwriter.NewWriter(output, 0, 0, 2, ' ', 0)
	for _, pair := range pairs {
		if pair[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(writer, "%s\t%s\n", pair[0], remote.Printable(pair[1])); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	if err := writer.Flush(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// oneArgument asks for exactly one argument.
func oneArgument(what string) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		switch {
		case len(arguments) == 0:
			return usagef("%q needs %s", command.CommandPath(), what)
		case len(arguments) > 1:
			return usagef("%q takes one argument, %s, but got %q too", command.CommandPath(), what, arguments[1])
		case arguments[0] == "":
			return usagef("%q needs %s, which is not empty", command.CommandPath(), what)
		}
		return nil
	}
}
