package cli

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/cli/remote"
)

// completionPatience is how long a person waits for a suggestion without noticing.
const completionPatience = 2 * time.Second

// mostSuggestions is more than anybody reads.
const mostSuggestions = 100

// completion is what cobra asks for suggestions.
type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeArguments suggests values for the arguments of a verb.
func (b *bound) completeArguments(wanted *connectionFlags) completion {
	return func(command *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(given) >= len(b.arguments) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return b.suggest(command.Context(), wanted, b.arguments[len(given)].from, given, typed)
	}
}

// completeFlags suggests values for flags: files only where a flag takes one.
func (b *bound) completeFlags(command *cobra.Command, wanted *connectionFlags) {
	for _, each := range b.query {
		if words := each.Schema.Words(); len(words) > 0 {
			_ = command.RegisterFlagCompletionFunc(flagOf(each.Name, formText, b.flags), // fails only for a flag that isn't there
				cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	for name, each := range b.named {
		_ = command.RegisterFlagCompletionFunc(flagOf(name, formText, b.flags),
			func(command *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return b.suggest(command.Context(), wanted, each.from, nil, typed)
			})
	}
	_ = command.RegisterFlagCompletionFunc("profile", b.program.completeProfiles)
	if b.schema == nil {
		return
	}
	for name, described := range b.schema.Properties {
		f := formOf(name, described)
		if f == formSecret || f == formJSON {
			continue
		}
		from, words := b.live[name], described.Words()
		_ = command.RegisterFlagCompletionFunc(flagOf(name, f, b.flags), func(command *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			if from.operation == "" {
				return words, cobra.ShellCompDirectiveNoFileComp
			}
			return b.suggest(command.Context(), wanted, from, nil, typed)
		})
	}
}

// suggest asks the server for what is typed at the moment, and walks on through a list that
// can't be filtered by it while there is patience. It is silent about everything that goes
// wrong: a person is in the middle of a line.
func (b *bound) suggest(ctx context.Context, wanted *connectionFlags, from source, given []string, typed string) ([]string, cobra.ShellCompDirective) {
	known, ok := b.operations[from.operation]
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	at, err := b.program.connect(wanted)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	request := remote.Request{Method: http.MethodGet, Path: fill(known.path, given), Scope: known.Scope(), Query: url.Values{}}
	if known.Takes("limit") {
		request.Query.Set("limit", strconv.Itoa(remote.MaxPage)) // there may be many before those that are meant
	}
	if from.filter != "" && typed != "" {
		request.Query.Set(from.filter, typed)
	}
	var found []string
	for item, err := range at.admin.Items(ctx, request, from.rows, 0) {
		if err != nil {
			break
		}
		value := remote.Printable(valueOf(item, from.id))
		if !strings.HasPrefix(value, typed) {
			continue
		}
		if about := remote.Printable(valueOf(item, from.about)); from.about != "" && about != "" {
			value += "\t" + about
		}
		if found = append(found, value); len(found) == mostSuggestions {
			break
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
