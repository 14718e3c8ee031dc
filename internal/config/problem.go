package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing to fix before the server can start. No
// field of it contains the value of a secret.
type Problem struct {
	Setting string // the name of the setting, or the unknown name
	Origin  string // where the value came from, such as "environment variable AUTHLY_ISSUER"
	Message string // what is wrong, as a sentence without a full stop
	Remedy  string // what to do, as a sentence without a full stop
}

// String returns the problem as text of one or two indented lines after a heading.
func (p Problem) String() string {
	heading := p.Setting
	if p.Origin != "" && p.Origin != p.Setting {
		heading += " (" + p.Origin + ")"
	}
	text := heading + "\n    " + p.Message + "."
	if p.Remedy != "" {
		text += "\n    " + p.Remedy + "."
	}
	return text
}

// Problems are all problems of a configuration, in the order of
// the settings. It is an error if there is at least one.
type Problems []Problem

// Error returns all problems, each with what to do.
func (p Problems) Error() string {
	var text strings.Builder
	if len(p) == 1 {
		text.WriteString("there is a problem in the configuration:\n")
	} else {
		fmt.Fprintf(&text, "there are %d problems in the configuration:\n", len(p))
	}
	for _, problem := range p {
		text.WriteString("\n  " + problem.String())
	}
	return text.String()
}

// sort orders problems by the table; unknown settings come first.
func (p Problems) sort() {
	position := func(problem Problem) int {
		return slices.IndexFunc(table, func(o option) bool { return o.name == problem.Setting })
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return position(a) - position(b) })
}

// err returns p as an error, or nil if there is no problem.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
