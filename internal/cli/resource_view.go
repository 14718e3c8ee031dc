package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"authly/internal/cli/remote"
)

// entry is a member of a JSON object, in the order in which the server wrote them.
type entry struct {
	name  string
	value json.RawMessage
}

// entriesOf reads a JSON object; what is none has no entries.
func entriesOf(text json.RawMessage) []entry {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil
	}
	var all []entry
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return all
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return all
		}
		text, ok := name.(string)
		if ok && text != "$schema" {
			all = append(all, entry{text, value})
		}
	}
	return all
}

// valueOf returns the text of a member: of the first of "a|b" that is not empty; a.b is
// the member b of the object a.
func valueOf(object json.RawMessage, names string) string {
	for name := range strings.SplitSeq(names, "|") {
		value := object
		for part := range strings.SplitSeq(name, ".") {
			value = memberOf(value, part)
		}
		if text := shown(value); text != "" {
			return text
		}
	}
	return ""
}

func memberOf(object json.RawMessage, name string) json.RawMessage {
	for _, each := range entriesOf(object) {
		if each.name == name {
			return each.value
		}
	}
	return nil
}

// shown returns a value for people.
func shown(value json.RawMessage) string {
	var read any
	if err := decodeJSON(value, &read); err != nil {
		return ""
	}
	switch known := read.(type) {
	case nil:
		return ""
	case string:
		if at, err := time.Parse(time.RFC3339, known); err == nil {
			return timeText(at, "")
		}
		return known
	case []any:
		texts := make([]string, len(known))
		for i, each := range known {
			text, ok := each.(string)
			if !ok {
				return compact(value)
			}
			texts[i] = text
		}
		return strings.Join(texts, " ")
	case map[string]any:
		if len(known) == 0 {
			return ""
		}
		return compact(value)
	default:
		return fmt.Sprint(known)
	}
}

func compact(value json.RawMessage) string {
	var short bytes.Buffer
	if err := json.Compact(&short, value); err != nil {
		return ""
	}
	return short.String()
}

// writeRows writes a list for people.
func writeRows(output io.Writer, columns []string, list []json.RawMessage) error {
	heading := make([]string, len(columns))
	for i, column := range columns {
		first, _, _ := strings.Cut(column, "|")
		heading[i] = strings.ToUpper(strings.NewReplacer("_", " ", ".", " ").Replace(first))
	}
	rows := make([][]string, len(list))
	for i, object := range list {
		rows[i] = make([]string, len(columns))
		for j, column := range columns {
			rows[i][j] = short(remote.Printable(valueOf(object, column)))
		}
	}
	return writeTable(output, heading, rows)
}

// short keeps a table within a screen.
func short(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	if text == "" {
		return "-"
	}
	return text
}

// writeOne writes one thing for people.
func writeOne(output io.Writer, object json.RawMessage) error {
	return writePairs(output, pairsOf("", object))
}

// pairsOf returns the members of an object; those of an object in it have its name in front.
func pairsOf(before string, object json.RawMessage) [][2]string {
	var pairs [][2]string
	for _, each := range entriesOf(object) {
		name := before + remote.Printable(each.name)
		if inside := pairsOf(name+".", each.value); len(inside) > 0 {
			pairs = append(pairs, inside...)
			continue
		}
		var objects []map[string]any
		if json.Unmarshal(each.value, &objects) == nil && len(objects) > 0 {
			pairs = append(pairs, [2]string{name, fmt.Sprintf("%d of them, with --output json", len(objects))}) // too much for a line
			continue
		}
		pairs = append(pairs, [2]string{name, shown(each.value)})
	}
	return pairs
}

// difference is what would change of something.
type difference struct{ name, before, after string }

// differences compares what is there with what would be sent.
func differences(known json.RawMessage, sent map[string]any) ([]difference, error) {
	var all []difference
	names := make([]string, 0, len(sent))
	for name := range sent {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		after, err := json.Marshal(sent[name])
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		before := compact(memberOf(known, name))
		if before == "" {
			before = "(none)"
		}
		text := string(after)
		if sent[name] == nil {
			text = "(its default)"
		}
		if secretMember.MatchString(name) {
			before, text = "(kept secret)", "(another one)"
		}
		if before != text {
			all = append(all, difference{name, before, text})
		}
	}
	return all, nil
}
