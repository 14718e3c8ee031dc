package cli

import (
	"maps"
	"slices"
	"strings"

	"authly"
	"authly/internal/cli/openapi"
	"authly/internal/cli/remote"
)

// found is an operation where it is.
type found struct {
	openapi.Operation
	method, path string
}

// operationsOf returns all operations by their identifiers.
func operationsOf(d openapi.Description) map[string]found {
	all := map[string]found{}
	for path, methods := range d.Paths {
		for method, each := range methods {
			all[each.ID] = found{each, strings.ToUpper(method), strings.TrimPrefix(path, remote.Path)}
		}
	}
	return all
}

// described returns the description. One that can't be read is a defect of the program.
func described() openapi.Description {
	read, err := openapi.Read(authly.AdministrationDescription())
	if err != nil {
		panic(err)
	}
	return read
}

// administrationScopes returns the scopes of all operations.
func administrationScopes() []string {
	return slices.Sorted(maps.Keys(described().Components.SecuritySchemes["oauth"].Flows.AuthorizationCode.Scopes))
}
