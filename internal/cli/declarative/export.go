package declarative

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

const exportHead = `# What this server has, for "authly apply". Secrets are not in it: a client that has one
# keeps it, and gets one from a file or a variable with client_secret: file:/path or env:NAME.
# A user who is new is invited, or begins with password: file:/path or env:NAME.
`

// Extent says what is exported.
type Extent struct {
	// Name is what the document is called, [defaultName] if left out.
	Name string
	// Accounts says that the accounts of people are exported too.
	Accounts bool
}

// Export writes a document that describes what is on a server: all that administrators made,
// and nothing that clients registered by themselves. Fields without a value are left out.
func Export(ctx context.Context, api API, description []byte, extent Extent, to io.Writer) error {
	known, err := kinds(description)
	if err != nil {
		return err
	}
	root := &yaml.Node{Kind: yaml.MappingNode, HeadComment: exportHead}
	root.Content = append(root.Content, text("name"), text(cmp.Or(extent.Name, defaultName)))
	for _, of := range known {
		if of.belongs && !extent.Accounts {
			continue
		}
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for record, err := range api.Items(ctx, of.list(nil), of.member, 0) {
			if err != nil {
				return err
			}
			described, err := of.describe(record)
			if err != nil {
				return err
			}
			if described != nil {
				list.Content = append(list.Content, described)
			}
		}
		if len(list.Content) == 0 {
			list.Style = yaml.FlowStyle
		}
		root.Content = append(root.Content, text(of.member), list)
	}
	encoder := yaml.NewEncoder(to)
	const indent = 2
	encoder.SetIndent(indent)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return encoder.Close()
}

func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// describe returns the entry of a record, or nil for one that a document doesn't describe.
func (k kind) describe(record json.RawMessage) (*yaml.Node, error) {
	current := map[string]any{}
	if err := json.Unmarshal(record, &current); err != nil {
		return nil, fmt.Errorf("read a %s: %w", k.name, err)
	}
	if current[builtInField] == true && current[changedField] != true || current["registered_by"] == "client" {
		return nil, nil //nolint:nilnil // there is none, and nothing went wrong
	}
	entry := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name string) error {
		value := &yaml.Node{}
		if err := value.Encode(whole(current[name])); err != nil {
			return fmt.Errorf("write the field %s of a %s: %w", name, k.name, err)
		}
		entry.Content = append(entry.Content, text(name), value)
		return nil
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(current)), func(name string) bool {
		return name == k.key || !k.isTold(name, current)
	})
	for _, name := range append([]string{k.key}, names...) {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return entry, nil
}

// isTold tells whether a field of a record says something that stays so.
func (k kind) isTold(name string, current map[string]any) bool {
	switch of, isChecked := k.checked[name]; {
	case name == stateField:
		return k.switched && current[name] == disabled
	case isChecked && isEmpty(current[of]), k.isInitial(name) && current[name] == false:
		return false
	default:
		return k.isField(name) && !isEmpty(current[name])
	}
}

// whole returns numbers without a fraction as such, everywhere in a value.
func whole(value any) any {
	switch value := value.(type) {
	case float64:
		if value == float64(int64(value)) {
			return int64(value)
		}
	case []any:
		list := make([]any, len(value))
		for i, each := range value {
			list[i] = whole(each)
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for name, each := range value {
			object[name] = whole(each)
		}
		return object
	}
	return value
}
