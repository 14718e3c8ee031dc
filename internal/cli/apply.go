package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"authly"
	"authly/internal/cli/declarative"
	"authly/internal/cli/remote"
)

var (
	errDifferences  = errors.New("the server is not as the file says")
	errNotConfirmed = errors.New("nothing was changed")
)

// files are those that describe a server.
type files struct {
	names []string
	prune bool
}

func (f *files) register(command *cobra.Command) {
	command.Flags().StringSliceVarP(&f.names, "file", "f", nil, "the `file` that says how the server is to be; - is the standard input, and it may be repeated")
	command.Flags().BoolVar(&f.prune, "prune", false, "also delete what the file managed and does not name any more")
	_ = command.MarkFlagFilename("file", "yaml", "yml") // fails only for a flag that isn't there
}

func (f *files) pruning() declarative.Pruning {
	if f.prune {
		return declarative.Prune
	}
	return declarative.Keep
}

// read reads the files.
func (f *files) read(input io.Reader) (declarative.Document, error) {
	if len(f.names) == 0 {
		return declarative.Document{}, usagef("say which file with --file")
	}
	sources := make([]declarative.Source, 0, len(f.names))
	for _, name := range f.names {
		if name == "-" {
			sources = append(sources, declarative.Source{Name: "standard input", Content: input})
			continue
		}
		file, err := os.Open(name) //nolint:gosec // somebody who runs the program names their file
		if err != nil {
			return declarative.Document{}, fmt.Errorf("read what is to be applied: %w", err)
		}
		defer func() { _ = file.Close() }()
		sources = append(sources, declarative.Source{Name: name, Content: file})
	}
	return declarative.Read(authly.AdministrationDescription(), sources...)
}

const formOfFiles = `The file has the records and field names of the administration API:

  name: shop                       # marks what this file manages; "authly" if left out
  scopes:
    - name: orders:read
      description: See your orders
  clients:
    - client_id: shop
      client_name: The shop
      redirect_uris: [https://shop.example/callback]
      scopes: [openid, orders:read]
      client_secret: file:/run/secrets/shop   # or env:SHOP_SECRET, never the secret itself

Fields that the file does not name stay as they are on the server.`

func (p Program) applyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "apply",
		Short: "Make a server what a file says",
		Long: `Make a server what a file says: what is missing is created, what differs is changed, and with
--prune what the file managed and does not name any more is deleted. What is not in the file is
left alone. Applying a file again changes nothing.

` + formOfFiles,
		Example: `  # what would be changed
  authly apply --file authly.yaml --plan

  authly apply --file authly.yaml
  authly apply --file authly.yaml --prune --yes`,
		Args: noArguments,
	}
	wanted, from, output := addConnectionFlags(command), &files{}, newOutputFlag()
	from.register(command)
	var planOnly, confirmed bool
	command.Flags().BoolVar(&planOnly, "plan", false, "only show what would be changed")
	command.Flags().BoolVarP(&confirmed, "yes", "y", false, "delete without asking")
	output.register(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		at, plan, err := p.plan(command.Context(), wanted, from)
		if err != nil {
			return err
		}
		if err := writePlan(command.OutOrStdout(), output, plan); err != nil || planOnly || plan.Changes() == 0 {
			return err
		}
		if plan.Deletions() > 0 && !confirmed {
			if err := p.confirm(command, fmt.Sprintf("Go on and delete %d of them?", plan.Deletions())); err != nil {
				return err
			}
		}
		done, err := p.carryOut(command.Context(), at.admin, plan)
		p.tell("%d of %d changes were made.\n", done, plan.Changes())
		return at.explained(err)
	}
	return command
}

func (p Program) diffCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "diff",
		Short: "Show how a server differs from what a file says",
		Long: `Show how a server differs from what a file says, and change nothing. With --exit-code the exit
status is 1 if it differs.

` + formOfFiles,
		Example: "  authly diff --file authly.yaml\n  authly diff --file authly.yaml --output json",
		Args:    noArguments,
	}
	wanted, from, output := addConnectionFlags(command), &files{}, newOutputFlag()
	from.register(command)
	var exitCode bool
	command.Flags().BoolVar(&exitCode, "exit-code", false, "end with status 1 if there are differences")
	output.register(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		_, plan, err := p.plan(command.Context(), wanted, from)
		if err != nil {
			return err
		}
		if err := writePlan(command.OutOrStdout(), output, plan); err != nil {
			return err
		}
		if exitCode && plan.Changes() > 0 {
			return errDifferences
		}
		return nil
	}
	return command
}

func (p Program) exportCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:   "export",
		Short: "Write down what a server has, for apply",
		Long: `Write down the scopes and clients that a server has, as a file for "authly apply". Secrets are not
in it, nor what the server made for itself or clients registered by themselves.`,
		Example: "  authly export > authly.yaml\n  authly export --name shop",
		Args:    noArguments,
	}
	wanted := addConnectionFlags(command)
	command.Flags().StringVar(&name, "name", "", "the `name` in the file, which marks what it manages (default authly)")
	command.RunE = func(command *cobra.Command, _ []string) error {
		at, err := p.connect(wanted)
		if err != nil {
			return err
		}
		return at.explained(declarative.Export(command.Context(), at.admin, authly.AdministrationDescription(), name, command.OutOrStdout()))
	}
	return command
}

func (p Program) plan(ctx context.Context, wanted *connectionFlags, from *files) (*connection, declarative.Plan, error) {
	document, err := from.read(p.Input)
	if err != nil {
		return nil, declarative.Plan{}, err
	}
	at, err := p.connect(wanted)
	if err != nil {
		return nil, declarative.Plan{}, err
	}
	plan, err := declarative.Make(ctx, at.admin, document, p.variable, from.pruning())
	return at, plan, at.explained(err)
}

func writePlan(output io.Writer, form *outputFlag, plan declarative.Plan) error {
	if form.json() {
		return writeJSON(output, plan)
	}
	return plan.Write(output)
}

// carryOut does what a plan says, and counts what was done.
func (p Program) carryOut(ctx context.Context, api declarative.API, plan declarative.Plan) (done int, err error) {
	unseen, err := declarative.Apply(ctx, api, plan, func(declarative.Step) { done++ })
	for _, key := range unseen {
		p.tell("The client %s got a secret that nobody has seen: \"authly client rotate-secret %[1]s\" makes one that is shown.\n", remote.Printable(key))
	}
	return done, err
}
