package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// ConformanceRun says what is checked and how it is shown.
type ConformanceRun struct {
	Issuer string // "" if the file names one
	// TargetFile and DevFile name the clients and the user; at most one is given.
	TargetFile, DevFile string
	CAFile              string // additional certificate authorities
	Only                string
	Slow                bool   // also what waits half a minute
	Output              string // table, json or junit
	Verbose             bool   // a table of all checks, not only of what did not pass
}

// ErrChecksFailed is returned after a report that has a failure.
var ErrChecksFailed = errors.New("some checks failed")

// ErrNoProvider is returned where there is nothing to check.
var ErrNoProvider = errors.New("the provider can't be checked")

func (p Program) conformanceCommand() *cobra.Command {
	var run ConformanceRun
	command := &cobra.Command{
		Use:   "conformance [issuer]",
		Short: "Check an OpenID provider against the specifications",
		Long: `Check an OpenID provider, this or any other, with a kit of our own: metadata, keys,
endpoints and, with clients and a user, whole sign-ins. It signs in, issues and revokes
tokens, and registers clients, so it is for a provider that was set up for tests.
What is in the file for --clients, and what each part of it is for, is described in
docs/conformance.md.

The exit status is 0 if no check failed. Passing is no certification.`,
		Example: `  # metadata, keys and endpoints of any provider
  authly conformance https://id.example.com

  # everything that the demo clients of "authly serve --dev" can show
  authly conformance --dev-file authly-data/dev.json

  # with clients of your own, for a build server
  authly conformance --clients clients.json --output junit`,
	}
	flags := command.Flags()
	flags.StringVar(&run.TargetFile, "clients", "", "the JSON `file` with issuer, user and clients")
	flags.StringVar(&run.DevFile, "dev-file", "", "the `file` that \"authly serve --dev\" writes")
	flags.StringVar(&run.CAFile, "ca-file", "", "a PEM `file` with certificate authorities to trust besides the system's")
	flags.StringVar(&run.Only, "only", "", "only checks that have this `text` in their id, specification or title")
	flags.BoolVar(&run.Verbose, "verbose", false, "list all checks, also those that passed")
	flags.BoolVar(&run.Slow, "slow", false, "also make the checks that wait half a minute each")
	flags.StringVar(&run.Output, "output", "table", "how the report is shown: table, json or junit")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if len(arguments) > 1 {
			return usagef("%q takes one issuer, but got %q", command.CommandPath(), strings.Join(arguments, " "))
		}
		if len(arguments) == 1 {
			run.Issuer = arguments[0]
		}
		switch {
		case run.Issuer == "" && run.TargetFile == "" && run.DevFile == "":
			return usagef("%q needs an issuer, or a file that names one", command.CommandPath())
		case run.TargetFile != "" && run.DevFile != "":
			return usagef("--clients and --dev-file can't be given together")
		case !slices.Contains([]string{"table", "json", "junit"}, run.Output):
			return usagef("--output is %q, not table, json or junit", run.Output)
		case p.Actions.Conformance == nil:
			return errNotInThisBuild
		}
		return p.Actions.Conformance(command.Context(), run, command.OutOrStdout())
	}
	return command
}
