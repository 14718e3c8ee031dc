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

// rareScopes are those that "authly login" doesn't ask for unless they are named: what they allow is done
// rarely, and is of use to a thief.
func rareScopes() []string { return []string{"admin:keys:write", "admin:system:write"} }

// The words that stand for scopes of the administration.
const (
	scopesRead    = "read"    // those that change nothing
	scopesDefault = "default" // all but the rare ones
	scopesAll     = "all"
)

// loginScopes returns the scopes that are asked for at a sign-in: those that are wanted, in which words may
// stand for some, each once.
func loginScopes(wanted []string) []string {
	if len(wanted) == 0 {
		wanted = []string{scopesDefault}
	}
	var scopes []string
	for _, each := range wanted {
		switch each {
		case scopesRead, scopesDefault, scopesAll:
			for _, scope := range administrationScopes() {
				if each == scopesAll || each == scopesRead && strings.HasSuffix(scope, ":read") || each == scopesDefault && !slices.Contains(rareScopes(), scope) {
					scopes = append(scopes, scope)
				}
			}
		default:
			scopes = append(scopes, each)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}
