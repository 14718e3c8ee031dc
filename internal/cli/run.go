package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"authly/internal/buildinfo"
	"authly/internal/config"
)

// The statuses with which the program ends.
const (
	ExitOK            = 0
	ExitFailure       = 1 // what was asked for could not be done
	ExitUsage         = 2 // the command line is wrong
	ExitConfiguration = 3 // the configuration has problems
	ExitNotFound      = 4 // what was named is not there
	ExitConflict      = 5 // it is there already, is in use, or was changed meanwhile
	ExitUnreachable   = 6 // the server did not answer
	ExitNotAllowed    = 7 // not signed in, or not allowed to do that
)

// Program is what the commands need from the outside.
type Program struct {
	Actions Actions
	Version buildinfo.Info
	// Environment has NAME=value lines; nil means that of the process.
	Environment []string
	// Input is what is read where a file is called "-", and where a person is asked.
	Input          io.Reader
	Output, Errors io.Writer
}

// Run runs the command that the arguments (without the program's name) describe
// and returns the status to end with. Whatever went wrong has been told then.
func (p Program) Run(ctx context.Context, arguments []string) int {
	root := p.Root() //nolint:contextcheck // the commands get ctx below, by way of cobra
	root.SetArgs(arguments)
	root.SetOut(p.Output)
	root.SetErr(p.Errors)
	root.SetIn(p.Input)
	root.InitDefaultCompletionCmd(arguments...)
	for _, each := range root.Commands() {
		if each.Name() == "completion" { // it takes any word for help
			asGroup(each)
		}
	}
	executed, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitOK
	}
	var (
		usage    *usageError
		problems config.Problems
	)
	switch {
	case errors.As(err, &usage):
		p.tell("authly: %v\n\nRun `%s --help` for how to use it.\n", usage, executed.CommandPath())
		return ExitUsage
	case errors.As(err, &problems):
		p.tell("authly: %v\n\nAll settings are described by `authly config docs`.\n", problems)
		return ExitConfiguration
	default:
		p.tell("authly: %v\n", describe(err))
		if remedy := remedyFor(err); remedy != "" {
			p.tell("\n%s\n", remedy)
		}
		return exitOf(err)
	}
}

// tell writes to the standard error. That it can't be written to can't be told.
func (p Program) tell(format string, arguments ...any) {
	_, _ = fmt.Fprintf(p.Errors, format, arguments...)
}

const rootHelp = `Authly is an OAuth 2.1 and OpenID Connect authorization server.

  authly serve --dev     starts it on this machine, with a demo user and demo clients
  authly serve           starts it with the configuration of a file and of AUTHLY_ variables
  authly config docs     describes every setting

  authly login --server  signs you in to a server, which most of the other commands administer

The exit status is 0 when all went well, 1 when something could not be done, 2 for
a wrong command line, 3 for a configuration with problems, 4 for what is not there, 5 for a
conflict, 6 for a server that does not answer and 7 for what you are not signed in for or
not allowed to do.`

// Root returns the tree of the commands.
func (p Program) Root() *cobra.Command {
	root := &cobra.Command{
		Use:           "authly",
		Short:         "An OAuth 2.1 and OpenID Connect authorization server",
		Long:          rootHelp,
		Version:       p.Version.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate(p.Version.String() + "\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(
		p.loginCommand(), p.logoutCommand(), p.whoamiCommand(), p.tokenCommand(), p.profileCommand(),
		p.applyCommand(), p.diffCommand(), p.exportCommand(),
		p.serveCommand(), p.migrateCommand(), p.configCommand(), p.auditCommand(), p.localCommand(), p.recoverCommand(), p.conformanceCommand(), p.docsCommand(), p.versionCommand(),
	)
	description := described()
	operations := operationsOf(description)
	for _, each := range resources() {
		p.addResource(root, description, operations, each)
	}
	return asGroup(root)
}

func (p Program) versionCommand() *cobra.Command {
	output := newOutputFlag()
	command := &cobra.Command{
		Use:   "version",
		Short: "Show which version this is",
		Example: `  authly version
  authly version --output json`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if output.json() {
				return writeJSON(command.OutOrStdout(), p.Version)
			}
			_, err := fmt.Fprintln(command.OutOrStdout(), p.Version)
			return err
		},
	}
	output.register(command)
	return command
}
