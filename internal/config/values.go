package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// values are the values of one source, by the name of a setting. They include sections, as
// maps, because a section may stand in the place of a value.
type values struct {
	all    map[string]any
	leaves map[string][]string // the path of keys to each value that is not a section with content
}

func noValues() values { return values{map[string]any{}, map[string][]string{}} }

// flatten returns the values of a document by their full names: url in the section database
// is database.url.
func flatten(document map[string]any) values {
	flat := noValues()
	flat.add(nil, document)
	return flat
}

func (v values) add(above []string, section map[string]any) {
	for key, value := range section {
		path := append(slices.Clone(above), key)
		name := strings.Join(path, ".")
		below, isSection := value.(map[string]any)
		if keyed, ok := value.(map[any]any); ok { // YAML has keys that are not strings
			below, isSection = make(map[string]any, len(keyed)), true
			for key, value := range keyed {
				below[fmt.Sprint(key)] = value
			}
			value = below
		}
		v.all[name] = value
		if isSection && len(below) > 0 {
			v.add(path, below)
			continue
		}
		v.leaves[name] = path
	}
}

func (v values) set(name string, value any) { v.all[name], v.leaves[name] = value, []string{name} }

func (v values) has(name string) bool {
	_, ok := v.all[name]
	return ok
}

// names returns the names of the leaves, sorted.
func (v values) names() []string { return slices.Sorted(maps.Keys(v.leaves)) }
