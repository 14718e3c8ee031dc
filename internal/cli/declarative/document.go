package declarative

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"authly/internal/protocol/policy"
)

// defaultName marks records whose file has no name of its own.
const defaultName = "authly"

// The bounds of a document.
const (
	maxDocumentBytes = 16 << 20
	maxNesting       = 20
)

// Document is what files say.
type Document struct {
	// Name marks what the document manages.
	Name    string
	kinds   []kind
	entries map[string][]entry // by the kind's name, in the order of the file
	named   map[string]bool    // the kinds that the file has a list of, even an empty one
}

// entry is one record of a document.
type entry struct {
	key     string
	fields  map[string]any // as JSON has them
	secret  reference
	overlap int64
	state   string // "" if the file doesn't say
	where   string // for people
}

// Problems is everything that is wrong with a document.
type Problems []string

func (p Problems) Error() string { return strings.Join(p, "\n") }

// Source is a file with a document.
type Source struct {
	Name    string // for people
	Content io.Reader
}

// Read reads a document that may be spread over several files. The description is that of the
// administration (OpenAPI 3.1). The error is [Problems] if the files are wrong.
func Read(description []byte, sources ...Source) (Document, error) {
	known, err := kinds(description)
	if err != nil {
		return Document{}, err
	}
	document := Document{kinds: known, entries: map[string][]entry{}, named: map[string]bool{}}
	var problems Problems
	for _, source := range sources {
		content, err := io.ReadAll(io.LimitReader(source.Content, maxDocumentBytes+1))
		if err != nil {
			return Document{}, fmt.Errorf("read %s: %w", source.Name, err)
		}
		if len(content) > maxDocumentBytes {
			return Document{}, Problems{source.Name + ": the file is too long"}
		}
		reading := reader{document: &document, source: source.Name}
		reading.read(content)
		problems = append(problems, reading.problems...)
	}
	if len(problems) == 0 && len(document.named) == 0 {
		problems = append(problems, fmt.Sprintf("there is nothing in it: a file has at least one list of %s", strings.Join(document.members(), ", ")))
	}
	document.Name = cmp.Or(document.Name, defaultName)
	if len(problems) > 0 {
		return Document{}, problems
	}
	return document, nil
}

// reader reads one file.
type reader struct {
	document *Document
	source   string
	problems Problems
}

func (r *reader) wrong(node *yaml.Node, format string, values ...any) {
	r.problems = append(r.problems, fmt.Sprintf("%s: %s", r.at(node), fmt.Sprintf(format, values...)))
}

func (r *reader) at(node *yaml.Node) string { return fmt.Sprintf("%s:%d", r.source, node.Line) }

func (r *reader) read(content []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var root yaml.Node
		err := decoder.Decode(&root)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.problems = append(r.problems, r.source+": "+strings.TrimPrefix(err.Error(), "yaml: "))
			return
		}
		if len(root.Content) == 1 && root.Content[0].Tag != "!!null" {
			r.readRoot(root.Content[0])
		}
	}
}

func (r *reader) readRoot(root *yaml.Node) {
	for name, value := range r.members(root) {
		if name.Value == "name" {
			r.readName(value)
			continue
		}
		at := slices.IndexFunc(r.document.kinds, func(k kind) bool { return k.member == name.Value })
		if at < 0 {
			r.wrong(name, "there is no %q; a file has name, %s", name.Value, strings.Join(r.document.members(), ", "))
			continue
		}
		r.document.named[r.document.kinds[at].name] = true
		if value.Kind != yaml.SequenceNode {
			if value.Tag != "!!null" {
				r.wrong(value, "%s is a list", name.Value)
			}
			continue
		}
		for _, each := range value.Content {
			r.readEntry(r.document.kinds[at], each)
		}
	}
}

func (d Document) members() []string {
	all := make([]string, len(d.kinds))
	for i, each := range d.kinds {
		all[i] = each.member
	}
	return all
}

func (r *reader) readName(value *yaml.Node) {
	switch {
	case value.Kind != yaml.ScalarNode || !policy.ValidManager(value.Value):
		r.wrong(value, "name takes up to 64 letters, digits and the characters . _ - /")
	case r.document.Name != "" && r.document.Name != value.Value:
		r.wrong(value, "the name is %s already", r.document.Name)
	default:
		r.document.Name = value.Value
	}
}

// members walks through a mapping without aliases, merges or repeated names.
func (r *reader) members(node *yaml.Node) func(yield func(*yaml.Node, *yaml.Node) bool) {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			r.wrong(node, "names with values are expected here")
			return
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i]
			if name.Kind != yaml.ScalarNode || name.Tag == "!!merge" {
				r.wrong(name, "a plain name is expected here")
				continue
			}
			if seen[name.Value] {
				r.wrong(name, "%s stands here twice", name.Value)
				continue
			}
			seen[name.Value] = true
			if !yield(name, node.Content[i+1]) {
				return
			}
		}
	}
}

func (r *reader) readEntry(of kind, node *yaml.Node) {
	before := len(r.problems)
	made := entry{fields: map[string]any{}, where: r.at(node)}
	for name, value := range r.members(node) {
		r.readField(of, &made, name, value)
	}
	made.key, _ = made.fields[of.key].(string)
	switch {
	case len(r.problems) > before:
		return
	case made.key == "":
		r.wrong(node, "a %s needs %s", of.name, of.key)
		return
	case slices.ContainsFunc(r.document.entries[of.name], func(other entry) bool { return of.isNamed(other.key, made.key) }):
		r.wrong(node, "the %s %s stands here twice", of.name, made.key)
		return
	}
	delete(made.fields, of.key)
	r.document.entries[of.name] = append(r.document.entries[of.name], made)
}

func (r *reader) readField(of kind, made *entry, name, node *yaml.Node) {
	if !of.isField(name.Value) {
		r.wrong(name, "a %s has no field %s that can be set%s", of.name, name.Value, suggestion(name.Value, of))
		return
	}
	value, err := of.valueOf(name.Value, node)
	if err != nil {
		r.wrong(node, "%s: %v", name.Value, err)
		return
	}
	switch name.Value {
	case of.secret:
		text, _ := value.(string)
		if made.secret, err = parseReference(text); err != nil {
			r.wrong(node, "%s: %v", name.Value, err)
		}
	case overlapField:
		number, ok := value.(int)
		if made.overlap = int64(number); !ok || number < 0 {
			r.wrong(node, "%s is a number of seconds", name.Value)
		}
	case stateField:
		text, _ := value.(string)
		if made.state = text; text != active && text != disabled {
			r.wrong(node, "state is %s or %s", active, disabled)
		}
	default:
		if of.saysNothing(name.Value, value) {
			r.wrong(node, "%s is always there, so that nothing can't stay: leave it out, or say the value", name.Value)
			return
		}
		made.fields[name.Value] = value
	}
}

// valueOf returns the value of a field. What has to be a text is one, also if it looks like a
// number to YAML: a year, a telephone number or a postal code. White space around it isn't kept.
func (k kind) valueOf(name string, node *yaml.Node) (any, error) {
	value, err := plain(node, 0)
	if err != nil || value == nil {
		return value, err
	}
	known, ok := k.change[name]
	if !ok {
		known = k.create[name]
	}
	if known.text && node.Kind == yaml.ScalarNode {
		return strings.TrimSpace(node.Value), nil
	}
	object, isObject := value.(map[string]any)
	if !isObject || len(known.texts) == 0 {
		return value, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		member, text := node.Content[i], node.Content[i+1]
		if !slices.Contains(known.texts, member.Value) {
			return nil, fmt.Errorf("it has no member %s, but %s", member.Value, strings.Join(known.texts, ", ")) //nolint:err113 // for a person, once
		}
		if text.Kind == yaml.ScalarNode && object[member.Value] != nil {
			object[member.Value] = strings.TrimSpace(text.Value)
		}
	}
	return object, nil
}

// suggestion names the field that was probably meant.
func suggestion(wrong string, of kind) string {
	if wrong == managedField {
		return ": that is the name of the file itself"
	}
	simple := func(name string) string {
		return strings.TrimSuffix(strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name)), "s")
	}
	if slices.Contains(of.once, wrong) {
		return ": what it is answered with is shown this once"
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(of.create)), func(name string) bool { return !of.isField(name) })
	for _, name := range names {
		if simple(name) == simple(wrong) || simple(name) == simple(of.name+wrong) {
			return "; is it " + name + "?"
		}
	}
	return ""
}

// plain turns a node into what JSON has. Aliases and the types of YAML that JSON doesn't
// have are refused.
func plain(node *yaml.Node, depth int) (any, error) {
	if depth > maxNesting {
		return nil, errors.New("it is nested too deeply")
	}
	switch node.Kind {
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, each := range node.Content {
			value, err := plain(each, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			value, err := plain(node.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			if _, isThere := object[node.Content[i].Value]; isThere {
				return nil, fmt.Errorf("%s stands there twice", node.Content[i].Value) //nolint:err113 // for a person, once
			}
			object[node.Content[i].Value] = value
		}
		return object, nil
	case yaml.ScalarNode:
		return plainScalar(node)
	case yaml.DocumentNode, yaml.AliasNode:
		return nil, errors.New("aliases are not followed")
	default:
		return nil, errors.New("it can't be read")
	}
}

func plainScalar(node *yaml.Node) (any, error) {
	switch node.Tag {
	case "!!null":
		return nil, nil //nolint:nilnil // null is a value
	case "!!bool", "!!int", "!!float":
		var value any
		if err := node.Decode(&value); err != nil {
			return nil, err
		}
		return value, nil
	default:
		return node.Value, nil // also what YAML takes for a time
	}
}
