package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Description is the whole of it.
type Description struct {
	// Paths are operations by path and by method in lower case.
	Paths      map[string]map[string]Operation `json:"paths"`
	Components struct {
		Schemas         map[string]Schema `json:"schemas"`
		SecuritySchemes map[string]struct {
			Flows struct {
				AuthorizationCode struct {
					Scopes map[string]string `json:"scopes"`
				} `json:"authorizationCode"`
			} `json:"flows"`
		} `json:"securitySchemes"`
	} `json:"components"`
}

// Operation is one operation.
type Operation struct {
	ID         string                `json:"operationId"`
	Summary    string                `json:"summary"`
	Security   []map[string][]string `json:"security"`
	Parameters []Parameter           `json:"parameters"`
	Body       struct {
		Content map[string]struct {
			Schema Schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

// Parameter is a part of the path, the query or the header.
type Parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Schema      Schema `json:"schema"`
}

// Schema is the form of a value.
type Schema struct {
	Reference   string            `json:"$ref"`
	Type        Types             `json:"type"`
	Description string            `json:"description"`
	Enum        []any             `json:"enum"`
	Items       *Schema           `json:"items"`
	Properties  map[string]Schema `json:"properties"`
	Required    []string          `json:"required"`
}

// Types is a type, or that and null.
type Types []string

// UnmarshalJSON reads both forms.
func (t *Types) UnmarshalJSON(encoded []byte) error {
	var one string
	if err := json.Unmarshal(encoded, &one); err == nil {
		*t = Types{one}
		return nil
	}
	return json.Unmarshal(encoded, (*[]string)(t))
}

// Read reads a description.
func Read(text []byte) (Description, error) {
	var read Description
	if err := json.Unmarshal(text, &read); err != nil {
		return Description{}, fmt.Errorf("read the description of the administration: %w", err)
	}
	return read, nil
}

// Resolve follows a reference.
func (d Description) Resolve(s Schema) Schema {
	if name, found := strings.CutPrefix(s.Reference, "#/components/schemas/"); found {
		return d.Components.Schemas[name]
	}
	return s
}

// Scope returns the scope that an operation declares, "" if none.
func (o Operation) Scope() string {
	for _, needs := range o.Security {
		for _, scopes := range needs {
			if len(scopes) > 0 {
				return scopes[0]
			}
		}
	}
	return ""
}

// Takes tells whether an operation has a parameter of its query.
func (o Operation) Takes(name string) bool {
	return slices.ContainsFunc(o.Parameters, func(each Parameter) bool { return each.In == "query" && each.Name == name })
}

// Words returns the few words that a value, or a value of a list, can be; none if it can be others.
func (s Schema) Words() []string {
	values := s.Enum
	if s.Items != nil {
		values = s.Items.Enum
	}
	all := make([]string, 0, len(values))
	for _, each := range values {
		if text, ok := each.(string); ok { // and not null
			all = append(all, text)
		}
	}
	return all
}

// IsText tells whether a value is a text, if it is not null.
func (s Schema) IsText() bool { return slices.Contains(s.Type, "string") }
