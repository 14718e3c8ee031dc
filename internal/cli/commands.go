package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/config"
)

// errNotInThisBuild is returned by a command whose action is missing.
var errNotInThisBuild = errors.New("this build of authly can't do that")

func (p Program) serveCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Start the server and serve until it is interrupted. A first SIGINT or SIGTERM lets
requests in flight finish; a second one ends the program at once.

Settings come from the file, from AUTHLY_ variables and from flags; a later one wins.
Problems with them are all listed before anything is started. Secrets can't be given
as flags; see "authly config docs".`,
		Example: `  # on this machine, with a demo user, demo clients and a playground
  authly serve --dev

  # in production
  AUTHLY_DATABASE_URL_FILE=/run/secrets/database-url \
  AUTHLY_SEALING_KEY_FILE=/run/secrets/sealing-key \
  authly serve --issuer https://id.example.com --listen :8443 --config /etc/authly.yaml

  # with the clients and scopes of a file; see authly apply
  authly serve --dev --apply clients.yaml`,
		Args: noArguments,
	}
	flags := addSettingsFlags(command).addDev(command)
	from := &files{}
	command.Flags().StringSliceVar(&from.names, "apply", nil, "before listening, make the server what a `file` says; see authly apply")
	command.Flags().BoolVar(&from.prune, "prune", false, "with --apply, also delete what the file managed and does not name any more")
	command.RunE = func(command *cobra.Command, _ []string) error {
		settings, err := flags.load(p) // the server logs the warnings
		if err != nil {
			return err
		}
		if p.Actions.Serve == nil {
			return errNotInThisBuild
		}
		prepare, err := p.applyAtStart(from)
		if err != nil {
			return err
		}
		return p.Actions.Serve(command.Context(), settings, prepare, command.OutOrStdout())
	}
	return command
}

func (p Program) migrateCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "migrate",
		Short: "Change the schema of the database",
		Long: `Change the schema of the database, or show its state. The server does the same
when it starts; doing it before is useful where another database user may do so.`,
	})
	up := &cobra.Command{
		Use:     "up",
		Short:   "Apply all pending steps",
		Example: "  authly migrate up --config /etc/authly.yaml",
	}
	status := &cobra.Command{
		Use:     "status",
		Short:   "Show which steps are applied",
		Example: "  authly migrate status\n  authly migrate status --output json",
	}
	list(p, up, p.Actions.MigrateUp, migrationsView("The database is up to date.\n"))
	list(p, status, p.Actions.MigrateStatus, migrationsView("The database has no steps.\n"))
	group.AddCommand(up, status)
	return group
}

// localCommand has what can be done without the server's help.
func (p Program) localCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "local",
		Short: "Work on the server's database directly, on its own machine",
		Long: `Work on the server's database directly: on the server's own machine and with its settings. It
works while the server is down, and asks nobody for permission but the operating system.
Everything else is administered over HTTP: see "authly login".`,
	})
	group.AddCommand(p.keysCommand(), p.registrationTokenCommand(), p.localAuditCommand())
	return group
}

func (p Program) keysCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "keys",
		Short: "List and rotate the signing keys",
		Long: `List and rotate the signing keys. The server rotates them on the schedule of the
settings in "keys"; each next key is published before it signs.`,
	})
	listed := &cobra.Command{
		Use:     "list",
		Short:   "Show all keys",
		Example: "  authly local keys list\n  authly local keys list --output json",
	}
	rotated := &cobra.Command{
		Use:   "rotate",
		Short: "Let the next keys sign from now on",
		Long: `Let the next keys sign from now on. A running server follows within half a minute.

A next key that hasn't been published for long enough is refused, because clients that
keep a copy of the key set would not know it. --force does it all the same: for a key
that has become known to others.`,
		Example: "  authly local keys rotate --algorithm ES256 --force",
	}
	list(p, listed, p.Actions.KeysList, keysView("There are no keys yet; the server makes them when it starts.\n"))
	var rotation KeyRotation
	var rotate listAction[Key]
	if p.Actions.KeysRotate != nil {
		rotate = func(ctx context.Context, settings config.Config) ([]Key, error) {
			return p.Actions.KeysRotate(ctx, settings, rotation)
		}
	}
	list(p, rotated, rotate, keysView("No key was rotated.\n"))
	rotated.Flags().StringSliceVar(&rotation.Algorithms, "algorithm", nil, "rotate the keys of this `algorithm` only; may be repeated (default all)")
	rotated.Flags().BoolVar(&rotation.Force, "force", false, "don't wait until clients have fetched the next keys")
	group.AddCommand(listed, rotated)
	return group
}

// listAction does something and returns what there is to show.
type listAction[T any] = func(ctx context.Context, settings config.Config) ([]T, error)

// view is how a list is shown.
type view[T any] struct {
	nothing string // instead of an empty table
	heading []string
	row     func(T) []string
	item    func(T) any // for JSON
	// text is what is shown of one item instead of the table, if it is set.
	text func(settings config.Config, item T) string
}

// list makes a command read the configuration, do its action and show what it returns.
func list[T any](p Program, command *cobra.Command, action listAction[T], shown view[T]) {
	command.Args = noArguments
	flags := addSettingsFlags(command)
	output := newOutputFlag()
	output.register(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		settings, err := flags.loadAndWarn(p)
		if err != nil {
			return err
		}
		if action == nil {
			return errNotInThisBuild
		}
		items, err := action(command.Context(), settings)
		if err != nil {
			return err
		}
		if output.json() {
			values := make([]any, len(items)) // not nil: an empty list is [], not null
			for i, item := range items {
				values[i] = shown.item(item)
			}
			return writeJSON(command.OutOrStdout(), values)
		}
		if len(items) == 0 {
			_, err := fmt.Fprint(command.OutOrStdout(), shown.nothing)
			return err
		}
		if shown.text != nil {
			_, err := fmt.Fprint(command.OutOrStdout(), shown.text(settings, items[0]))
			return err
		}
		rows := make([][]string, len(items))
		for i, item := range items {
			rows[i] = shown.row(item)
		}
		return writeTable(command.OutOrStdout(), shown.heading, rows)
	}
}

func migrationsView(nothing string) view[Migration] {
	type document struct {
		Version   int64      `json:"version"`
		Name      string     `json:"name"`
		AppliedAt *time.Time `json:"applied_at"`
	}
	return view[Migration]{
		nothing: nothing,
		heading: []string{"VERSION", "NAME", "APPLIED"},
		row: func(m Migration) []string {
			return []string{strconv.FormatInt(m.Version, 10), m.Name, timeText(m.AppliedAt, "pending")}
		},
		item: func(m Migration) any { return document{m.Version, m.Name, timeOrNil(m.AppliedAt)} },
	}
}

func keysView(nothing string) view[Key] {
	type document struct {
		ID          string     `json:"kid"`
		Algorithm   string     `json:"alg"`
		State       string     `json:"state"`
		CreatedAt   *time.Time `json:"created_at"`
		ActivatedAt *time.Time `json:"activated_at"`
		RetiredAt   *time.Time `json:"retired_at"`
	}
	return view[Key]{
		nothing: nothing,
		heading: []string{"ALGORITHM", "STATE", "KEY ID", "CREATED", "SIGNED FROM", "UNTIL"},
		row: func(k Key) []string {
			return []string{
				k.Algorithm, strings.ToLower(k.State), k.ID,
				timeText(k.CreatedAt, "-"), timeText(k.ActivatedAt, "-"), timeText(k.RetiredAt, "-"),
			}
		},
		item: func(k Key) any {
			return document{k.ID, k.Algorithm, k.State, timeOrNil(k.CreatedAt), timeOrNil(k.ActivatedAt), timeOrNil(k.RetiredAt)}
		},
	}
}
