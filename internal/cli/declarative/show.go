package declarative

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"authly/internal/cli/remote"
)

// notShown stands for what is known of somebody.
const notShown = "…"

// Discreet returns the plan without what it has of people, for the log of a server.
func (p Plan) Discreet() Plan {
	p.Steps = slices.Clone(p.Steps)
	for i, step := range p.Steps {
		if !step.of.belongs {
			continue
		}
		shown := slices.Clone(step.Differences)
		for j := range shown {
			shown[j] = shown[j].discreet()
		}
		p.Steps[i].Differences = shown
	}
	return p
}

// discreet leaves what is yes or no, and what the file is called.
func (d Difference) discreet() Difference {
	if d.Field == managedField || d.Field == stateField {
		return d
	}
	for _, value := range []*any{&d.Before, &d.After} {
		if _, isSwitch := (*value).(bool); !isSwitch && *value != nil {
			*value = notShown
		}
	}
	return d
}

// Write shows a plan to people, like a difference of two files.
func (p Plan) Write(to io.Writer) error {
	var text strings.Builder
	for _, step := range p.Steps {
		step.write(&text)
	}
	if p.Changes() == 0 {
		text.WriteString("Nothing to change")
	} else {
		fmt.Fprintf(&text, "%d to create, %d to change, %d to delete", p.count(Create), p.count(Change), p.count(Delete))
	}
	fmt.Fprintf(&text, "; %d as the file says", p.count(Leave))
	left, unlisted := 0, map[string]int{}
	for _, step := range p.Steps {
		switch {
		case step.Action == Abandon && step.unlisted:
			unlisted[step.of.member]++
		case step.Action == Abandon:
			left++
		}
	}
	if left > 0 {
		fmt.Fprintf(&text, "; %d no longer in it (--prune deletes them)", left)
	}
	for _, member := range slices.Sorted(maps.Keys(unlisted)) {
		fmt.Fprintf(&text, "; %d %s that it managed, and has no list of any more (with %[2]s: [], --prune deletes them)", unlisted[member], member)
	}
	text.WriteString(".\n")
	if _, err := io.WriteString(to, text.String()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

// WriteNames shows which records would change, one a line.
func (p Plan) WriteNames(to io.Writer) error {
	for _, step := range p.Steps {
		if step.Action == Leave || step.Action == Abandon {
			continue
		}
		if _, err := fmt.Fprintf(to, "%s %s\n", step.Kind, remote.Printable(step.Key)); err != nil {
			return fmt.Errorf("write the plan: %w", err)
		}
	}
	return nil
}

// write shows one step, if there is something to be seen.
func (s Step) write(text *strings.Builder) {
	sign := map[Action]string{Create: "+", Change: "~", Delete: "-", Abandon: "?"}[s.Action]
	if sign == "" {
		return
	}
	fmt.Fprintf(text, "%s %s %s\n", sign, s.Kind, remote.Printable(s.Key))
	for _, each := range s.Differences {
		each.write(text, s.Action)
	}
	if s.Remark != "" {
		fmt.Fprintf(text, "    (%s)\n", s.Remark)
	}
	if len(s.Differences) > 0 {
		text.WriteString("\n")
	}
}

func (d Difference) write(text *strings.Builder, action Action) {
	before, beforeIsList := d.Before.([]any)
	after, afterIsList := d.After.([]any)
	switch {
	case (beforeIsList || d.Before == nil) && afterIsList:
		fmt.Fprintf(text, "    %s:\n", d.Field)
		d.writeEntries(text, before, after)
	case action == Create || d.Before == nil:
		fmt.Fprintf(text, "    %s: %s\n", d.Field, shown(d.After))
	default:
		fmt.Fprintf(text, "    %s: %s → %s\n", d.Field, shown(d.Before), shown(d.After))
	}
}

// writeEntries shows what is in one list and not in the other, or all of it if only
// the order differs.
func (Difference) writeEntries(text *strings.Builder, before, after []any) {
	lacks := func(list []any, one any) bool {
		return !slices.ContainsFunc(list, func(other any) bool { return shown(other) == shown(one) })
	}
	differs := false
	for _, each := range before {
		if lacks(after, each) {
			fmt.Fprintf(text, "      - %s\n", shown(each))
			differs = true
		}
	}
	for _, each := range after {
		if lacks(before, each) {
			fmt.Fprintf(text, "      + %s\n", shown(each))
			differs = true
		}
	}
	if !differs {
		fmt.Fprintf(text, "      %s → %s\n", shown(before), shown(after))
	}
}

// shown returns a value on one line, without what could steer a terminal.
func shown(value any) string {
	if value == nil {
		return "none"
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return remote.Printable(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(encoded)))
}
