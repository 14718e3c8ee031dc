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
	"authly/internal/protocol/policy"
)

var (
	errDifferences  = errors.New("the server is not as the file says")
	errNotConfirmed = errors.New("nothing was changed")
)

// files are those that describe a server.
type files struct {
	names []string
	prune bool
	adopt bool
}

func (f *files) register(command *cobra.Command) {
	command.Flags().StringSliceVarP(&f.names, "file", "f", nil, "the `file` that says how the server is to be; - is the standard input, and it may be repeated")
	command.Flags().BoolVar(&f.prune, "prune", false, "also delete what the file managed and does not name any more")
	_ = command.MarkFlagFilename("file", "yaml", "yml") // fails only for a flag that isn't there
}

// registerAdoption is for commands whose plan somebody looks at.
func (f *files) registerAdoption(command *cobra.Command) {
	command.Flags().BoolVar(&f.adopt, "adopt", false, "let accounts that exist and follow no file follow this one")
}

func (p Program) options(f *files) declarative.Options {
	made := declarative.Options{Variables: p.variable, Pruning: declarative.Keep, Adoption: declarative.Refuse}
	if f.prune {
		made.Pruning = declarative.Prune
	}
	if f.adopt {
		made.Adoption = declarative.Adopt
	}
	return made
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
  users:
    - username: ada
      email: ada@shop.example
      password: env:ADA_PASSWORD              # to begin with; without one the account is invited

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
	wanted, from, output := addConnectionFlags(command), &files{}, newResultFlag()
	from.register(command)
	from.registerAdoption(command)
	var planOnly, confirmed bool
	command.Flags().BoolVar(&planOnly, "plan", false, "only show what would be changed")
	command.Flags().BoolVar(&planOnly, "dry-run", false, "the same as --plan, as other commands have it")
	command.Flags().BoolVarP(&confirmed, "yes", "y", false, "delete without asking")
	output.register(command)
	registerQuietPlan(command, output)
	command.RunE = func(command *cobra.Command, _ []string) error {
		at, plan, err := p.plan(command.Context(), wanted, from)
		if err != nil {
			return err
		}
		if err := writePlan(command.OutOrStdout(), output, plan); err != nil || planOnly || plan.Changes() == 0 {
			return err
		}
		if plan.Deletions() > 0 && !confirmed {
			if err := p.confirm(command, fmt.Sprintf("Go on and delete %d of them?", plan.Deletions()), "can't be undone"); err != nil {
				return err
			}
		}
		done, err := p.carryOut(command.Context(), at.admin, plan)
		if err != nil || !output.quiet {
			p.tell("%d of %d changes were made.\n", done, plan.Changes())
		}
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
	wanted, from, output := addConnectionFlags(command), &files{}, newResultFlag()
	from.register(command)
	from.registerAdoption(command)
	var exitCode bool
	command.Flags().BoolVar(&exitCode, "exit-code", false, "end with status 1 if there are differences")
	output.register(command)
	registerQuietPlan(command, output)
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
	var extent declarative.Extent
	command := &cobra.Command{
		Use:   "export",
		Short: "Write down what a server has, for apply",
		Long: `Write down the scopes and clients that a server has, as a file for "authly apply". Secrets are not
in it, nor what the server made for itself or clients registered by themselves. The accounts of
people are added with --users: what is known of people should only be kept where it has to be.`,
		Example: "  authly export > authly.yaml\n  authly export --name shop --users",
		Args:    noArguments,
	}
	wanted := addConnectionFlags(command)
	command.Flags().StringVar(&extent.Name, "name", "", "the `name` in the file, which marks what it manages (default authly)")
	command.Flags().BoolVar(&extent.Accounts, "users", false, "also the accounts of people")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if extent.Name != "" && !policy.ValidManager(extent.Name) {
			return usagef("--name takes up to 64 letters, digits and the characters . _ - /")
		}
		at, err := p.connect(wanted)
		if err != nil {
			return err
		}
		return at.explained(declarative.Export(command.Context(), at.admin, authly.AdministrationDescription(), extent, command.OutOrStdout()))
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
	plan, err := declarative.Make(ctx, at.admin, document, p.options(from))
	return at, plan, at.explained(err)
}

func registerQuietPlan(command *cobra.Command, output *resultFlag) {
	command.Flags().BoolVarP(&output.quiet, "quiet", "q", false, "show only which records change, one a line")
}

func writePlan(output io.Writer, form *resultFlag, plan declarative.Plan) error {
	switch {
	case form.quiet:
		return plan.WriteNames(output)
	case !form.table():
		return form.write(output, plan)
	default:
		return plan.Write(output)
	}
}

// unseenText returns what is said of a record that began with something nobody has seen; %s is its key.
func unseenText(of declarative.Unseen) string {
	switch {
	case of.Kind == "client":
		return "The client %s got a secret that nobody has seen: \"authly client rotate-secret %[1]s\" makes one that is shown.\n"
	case of.Administers: // perhaps the only one
		return "The administrator %s has no password: \"authly user invite %[1]s\", or \"authly recover admin --username %[1]s\" on the server's machine, makes an address at which one is chosen.\n"
	default:
		return "The user %s has no password: \"authly user invite %[1]s\" makes an address at which one is chosen.\n"
	}
}

// carryOut does what a plan says, and counts what was done.
func (p Program) carryOut(ctx context.Context, api declarative.API, plan declarative.Plan) (done int, err error) {
	unseen, err := declarative.Apply(ctx, api, plan, func(declarative.Step) { done++ })
	p.tellUnseen(unseen)
	return done, err
}

func (p Program) tellUnseen(unseen []declarative.Unseen) {
	for _, each := range unseen {
		p.tell(unseenText(each), remote.Printable(each.Key))
	}
}
