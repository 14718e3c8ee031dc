package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"authly/internal/cli/openapi"
	"authly/internal/cli/remote"
)

// resource is a noun of the command line: what the server's administration calls by one
// name. Everything that its description says is taken from there.
type resource struct {
	name, short, long string
	verbs             []verb
}

// manner is what a verb does with its operation.
type manner int

const (
	lists   manner = iota // walks through the pages
	shows                 // gets one
	makes                 // sends a body once, and shows what was made
	changes               // reads one, and sends what is different
	removes               // deletes one
	acts                  // does something to one, or to all
	copies                // hands on what the server sends, as it is
)

// verb is a command for an operation.
type verb struct {
	name, short, long, example string
	operation                  string // its operationId
	manner                     manner
	// arguments are what the parameters of the path are called, in their order.
	arguments []argument
	// rows is the member of an answer that has the list.
	rows string
	// columns are what a table shows of an entry: members, or "a|b" for the first that is not empty.
	columns []string
	// id is the member by which something is named, for --quiet.
	id string
	// reads is the operation that shows what is changed.
	reads string
	// secrets are members of the answer that are shown this once.
	secrets []string
	// question is asked before something is done that can't be undone, or that ends something;
	// %s is the argument.
	question string
	// ends is what it ends, for what can be undone but for that.
	ends string
	// unless is a member that makes the question needless if it is a number above 0.
	unless string
	// done is said of what was done, if the answer says nothing; %s is the argument.
	done string
	// flags are the names of flags that are not those of the members.
	flags map[string]string
	// hidden are parameters and members that are no flags.
	hidden []string
	// named are parameters of a list whose value can be named so, too.
	named map[string]argument
	// live are where values for flags can be found, by member.
	live map[string]source
}

// argument is a part of the path.
type argument struct {
	name string // in capitals, as the help shows it
	what string // "the client_id of a client"
	from source
	// by is a parameter of the list by which people name something that the server names by
	// a UUID. At most one has the name.
	by string
	// shows is the operation that tells whether there is one, for a list that says nothing.
	shows string
}

// source is a list in which values are found, to complete what a person types.
type source struct {
	operation, rows string
	id, about       string // members
	// filter is the parameter that takes a part of the id; "" if the list has none.
	filter string
}

// bound is a verb with what the description says about its operation.
type bound struct {
	verb
	program    Program
	method     string
	path       string // with the names of its parameters in braces, below the administration
	scope      string
	once       bool // takes an Idempotency-Key
	matches    bool // takes an If-Match
	paged      bool
	schema     *openapi.Schema
	query      []openapi.Parameter
	operations map[string]found
}

// bind finds the operation of a verb. One that is not there is a defect of the program.
func (p Program) bind(d openapi.Description, all map[string]found, v verb) *bound {
	known, ok := all[v.operation]
	if !ok {
		panic("a command for an operation that is not there: " + v.operation)
	}
	made := &bound{verb: v, program: p, method: known.method, path: known.path, scope: known.Scope(), operations: all}
	for _, each := range known.Parameters {
		switch {
		case each.Name == "Idempotency-Key":
			made.once = true
		case each.Name == "If-Match":
			made.matches = true
		case each.Name == "cursor":
			made.paged = true
		case each.In == "query" && each.Name != "limit" && !slices.Contains(v.hidden, each.Name):
			made.query = append(made.query, each)
		}
	}
	if content, ok := known.Body.Content["application/json"]; ok {
		resolved := d.Resolve(content.Schema)
		resolved.Properties = maps.Clone(resolved.Properties)
		for name, member := range resolved.Properties {
			if slices.Contains(v.hidden, name) || name == "$schema" {
				delete(resolved.Properties, name)
				continue
			}
			resolved.Properties[name] = d.Resolve(member)
		}
		made.schema = &resolved
	}
	if parts := strings.Count(made.path, "{"); parts != len(v.arguments) {
		panic(fmt.Sprintf("%s has %d parameters in its path, not %d", v.operation, parts, len(v.arguments)))
	}
	return made
}

// addResource adds the commands of a resource, to the group of its name if there is one.
func (p Program) addResource(root *cobra.Command, d openapi.Description, all map[string]found, r resource) {
	group := root
	if r.name != "" {
		group = nil
	}
	for _, each := range root.Commands() {
		if each.Name() == r.name {
			group = each
		}
	}
	if group == nil {
		group = asGroup(&cobra.Command{Use: r.name, Short: r.short, Long: r.long})
		root.AddCommand(group)
	}
	for _, v := range r.verbs {
		group.AddCommand(p.verbCommand(d, all, v))
	}
}

func (p Program) verbCommand(d openapi.Description, all map[string]found, v verb) *cobra.Command {
	of := p.bind(d, all, v)
	short := v.short
	if short == "" {
		short = all[v.operation].Summary
	}
	use := []string{v.name}
	for _, each := range v.arguments {
		use = append(use, each.name)
	}
	command := &cobra.Command{
		Use: strings.Join(use, " "), Short: short, Long: longHelp(short, v.long, of.scope), Example: v.example,
		Args: of.checkArguments,
	}
	command.Flags().SortFlags = false
	said := of.invocation(command)
	wanted := addConnectionFlags(command)
	command.ValidArgsFunction = of.completeArguments(wanted)
	of.completeFlags(command, wanted)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		prepared, err := said.prepare(command, arguments)
		if err != nil {
			return err
		}
		at, err := p.connect(wanted)
		if err != nil {
			return err
		}
		return at.explained(prepared(at))
	}
	return command
}

func longHelp(short, long, scope string) string {
	if long != "" {
		short += ".\n\n" + long
	} else {
		short += "."
	}
	return short + "\n\nIt needs the scope " + scope + "."
}

func (b *bound) checkArguments(command *cobra.Command, given []string) error {
	if len(given) > len(b.arguments) {
		if len(b.arguments) == 0 {
			return noArguments(command, given)
		}
		return usagef("%q takes %s, but got %q too", command.CommandPath(), b.argumentsInWords(), given[len(b.arguments)])
	}
	if len(given) < len(b.arguments) {
		return usagef("%q needs %s", command.CommandPath(), b.arguments[len(given)].what)
	}
	for i, each := range given {
		if each == "" {
			return usagef("%q needs %s, which is not empty", command.CommandPath(), b.arguments[i].what)
		}
	}
	return nil
}

func (b *bound) argumentsInWords() string {
	words := make([]string, len(b.arguments))
	for i, each := range b.arguments {
		words[i] = each.what
	}
	return strings.Join(words, " and ")
}

// request returns the request of the operation with the arguments in its path.
func (b *bound) request(arguments []string) remote.Request {
	return remote.Request{Method: b.method, Path: fill(b.path, arguments), Scope: b.scope, Once: b.once}
}

// fill puts arguments, escaped, where a path has its parameters.
func fill(path string, arguments []string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") && len(arguments) > 0 {
			parts[i], arguments = arguments[0], arguments[1:]
		}
	}
	return remote.Join(parts...)
}
