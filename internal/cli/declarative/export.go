package declarative

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"go.yaml.in/yaml/v3"

	"authly/internal/cli/remote"
)

const exportHead = `# What this server has, for "authly apply". Secrets are not in it: a client that has one
# keeps it, and gets one from a file or a variable with client_secret: file:/path or env:NAME.
`

// Export writes a document that describes what is on a server: all that administrators made,
// and nothing that clients registered by themselves. Fields without a value are left out.
func Export(ctx context.Context, api API, description []byte, name string, to io.Writer) error {
	known, err := kinds(description)
	if err != nil {
		return err
	}
	root := &yaml.Node{Kind: yaml.MappingNode, HeadComment: exportHead}
	if name == "" {
		name = defaultName
	}
	root.Content = append(root.Content, text("name"), text(name))
	for _, of := range known {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		request := remote.Request{Method: http.MethodGet, Path: remote.Join(of.member), Scope: of.scopeToRead()}
		for record, err := range api.Items(ctx, request, of.member, 0) {
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
	if isBuiltIn, _ := current[builtInField].(bool); isBuiltIn || current["registered_by"] == "client" {
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
		isOwn := name == stateField && k.switched && current[name] == disabled
		return name == k.key || !isOwn && (name == stateField || !k.isField(name) || isEmpty(current[name]))
	})
	for _, name := range append([]string{k.key}, names...) {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return entry, nil
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
