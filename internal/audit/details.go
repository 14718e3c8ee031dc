package audit

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// fitting returns details within the bound. Changes that are too large are named without
// their values: an event has to fit, and must not be lost.
func fitting(details Details) (Details, error) {
	encoded, err := json.Marshal(details)
	if err != nil {
		return Details{}, fmt.Errorf("encode details: %w", err)
	}
	if len(encoded) <= maxDetailsBytes {
		return details, nil
	}
	details.Changes, details.Scopes = slices.Clone(details.Changes), nil
	details.Note = "too large to be kept whole"
	for i := range details.Changes {
		details.Changes[i].Before, details.Changes[i].After = nil, nil
	}
	if encoded, err = json.Marshal(details); err != nil {
		return Details{}, fmt.Errorf("encode details: %w", err)
	}
	if len(encoded) > maxDetailsBytes {
		return Details{Note: "too large to be kept"}, nil
	}
	return details, nil
}

// Compare returns the differences between two states of a record, by name and in
// the order of the given keys. Values must be of JSON types.
func Compare(before, after map[string]any) []Change {
	names := make([]string, 0, len(before)+len(after))
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var changes []Change
	for _, name := range names {
		if !reflect.DeepEqual(before[name], after[name]) {
			changes = append(changes, Change{Field: name, Before: before[name], After: after[name]})
		}
	}
	return changes
}
