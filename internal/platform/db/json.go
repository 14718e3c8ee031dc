package db

import (
	"encoding/json"
	"fmt"
)

// JSON returns value as an argument for a JSONB column. It panics if the value
// has no JSON form, which is a mistake in the program and not in any input.
func JSON(value any) any {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encode a JSON column: %v", err))
	}
	return string(encoded)
}

// Strings returns values as an argument for a JSONB column that holds an array
// of strings; no values are an empty array, never null.
func Strings[S ~string](values []S) any {
	if len(values) == 0 {
		return "[]"
	}
	return JSON(values)
}

// IntoJSON returns a destination for Scan that decodes a JSONB column into target.
// A NULL leaves target as it is.
func IntoJSON(target any) any { return &jsonTarget{target} }

type jsonTarget struct{ target any }

// Scan implements the scanner that both drivers look for.
func (t *jsonTarget) Scan(source any) error {
	switch encoded := source.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(encoded), t.target)
	case []byte:
		return json.Unmarshal(encoded, t.target)
	default:
		return fmt.Errorf("decode a JSON column: it came as %T", source)
	}
}
