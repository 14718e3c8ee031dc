package cli

import (
	"encoding/json"
	"maps"
	"slices"

	"authly"
)

// description is what the server says of its administration (OpenAPI 3.1), as far as
// commands are made of it.
type description struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas         map[string]schema `json:"schemas"`
		SecuritySchemes map[string]struct {
			Flows struct {
				AuthorizationCode struct {
					Scopes map[string]string `json:"scopes"`
				} `json:"authorizationCode"`
			} `json:"flows"`
		} `json:"securitySchemes"`
	} `json:"components"`
}

// operation is one operation.
type operation struct {
	ID         string                `json:"operationId"`
	Summary    string                `json:"summary"`
	Security   []map[string][]string `json:"security"`
	Parameters []parameter           `json:"parameters"`
	Body       struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Schema      schema `json:"schema"`
}

// schema is the form of a value.
type schema struct {
	Reference   string            `json:"$ref"`
	Type        types             `json:"type"`
	Description string            `json:"description"`
	Enum        []any             `json:"enum"`
	Items       *schema           `json:"items"`
	Properties  map[string]schema `json:"properties"`
	Required    []string          `json:"required"`
}

// words returns the few words that a value, or a value of a list, can be; none if it can be others.
func (s schema) words() []string {
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

// types is a type, or that and null.
type types []string

// UnmarshalJSON reads both forms.
func (t *types) UnmarshalJSON(encoded []byte) error {
	var one string
	if err := json.Unmarshal(encoded, &one); err == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(encoded, (*[]string)(t))
}

// described returns the description. One that can't be read is a defect of the program.
func described() description {
	var read description
	if err := json.Unmarshal(authly.AdministrationDescription(), &read); err != nil {
		panic("the description of the administration: " + err.Error())
	}
	return read
}

// administrationScopes returns the scopes of all operations.
func administrationScopes() []string {
	return slices.Sorted(maps.Keys(described().Components.SecuritySchemes["oauth"].Flows.AuthorizationCode.Scopes))
}
