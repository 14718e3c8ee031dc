package cli

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (p Program) docsCommand() *cobra.Command {
	group := asGroup(&cobra.Command{Use: "docs", Short: "Write the documentation of the commands"})
	group.AddCommand(
		&cobra.Command{
			Use: "man DIRECTORY", Short: "Write the manual pages into a directory", Args: oneArgument("a directory"),
			Example: "  authly docs man man1",
			RunE: func(command *cobra.Command, arguments []string) error {
				if err := os.MkdirAll(arguments[0], 0o755); err != nil { //nolint:gosec // manuals are for everybody
					return fmt.Errorf("make the directory: %w", err)
				}
				return p.writeManual(command.Root(), arguments[0])
			},
		},
		&cobra.Command{
			Use: "reference", Short: "Describe every command, as Markdown", Args: noArguments,
			Example: "  authly docs reference | less",
			RunE: func(command *cobra.Command, _ []string) error {
				_, err := fmt.Fprint(command.OutOrStdout(), Reference(command.Root()))
				return err
			},
		},
	)
	return group
}

func (p Program) writeManual(root *cobra.Command, directory string) error {
	of, err := time.Parse(time.RFC3339, p.Version.Time) // of the source: the same source has the same manual
	if err != nil {
		of = time.Unix(0, 0).UTC()
	}
	tidy(root)
	header := doc.GenManHeader{Section: "1", Source: "Authly " + p.Version.Version, Manual: "Authly", Date: &of}
	if err := doc.GenManTree(root, &header, directory); err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	return nil
}

// tidy leaves out of a manual that, and when, a program has written it.
func tidy(command *cobra.Command) {
	command.DisableAutoGenTag = true
	for _, each := range command.Commands() {
		tidy(each)
	}
}

const referenceHead = "# Commands\n\n" +
	"This page is written from the program: `authly docs reference` prints it, `authly docs man` writes manual pages, and `--help` has the same for each command.\n" +
	"[administration.md](administration.md) is the place to begin.\n\n" +
	"## Which server, and as whom\n\n" +
	"`authly login` makes a profile of a server and keeps what it was given. Commands that administer a server take it from, in this order: `--server` and `--profile`,\n" +
	"the environment, and the current profile.\n\n" +
	"| Variable | Meaning |\n|---|---|\n" +
	"| `AUTHLY_SERVER` | the issuer of the server |\n" +
	"| `AUTHLY_PROFILE` | the name of the profile |\n" +
	"| `AUTHLY_TOKEN` | an access token for the administration, in place of a sign-in |\n" +
	"| `AUTHLY_CLIENT_ID`, `AUTHLY_CLIENT_SECRET`, `AUTHLY_CLIENT_SECRET_FILE` | the credentials of a client that may administer, in place of a sign-in; the file is read if the secret itself is not set |\n" +
	"| `AUTHLY_API` | where the administration is, if it has an address of its own (`admin.listen`); with the path of the issuer |\n" +
	"| `AUTHLY_CA_FILE` | certificate authorities to trust besides the system's |\n" +
	"| `AUTHLY_CREDENTIALS` | where `login` keeps tokens: `keyring` or `file` |\n" +
	"| `BROWSER` | the program that `login` opens an address with |\n\n" +
	"Profiles, and tokens that are not in a keyring, are in the directory `authly` of the person's configuration (`~/.config` on Linux), readable by that person only.\n\n" +
	"## Results\n\n" +
	"Results go to the standard output: a table for people, `--output json` or `yaml` with the names of the API for programs, `--quiet` for identifiers, one a line. What is shown only once, such as a\n" +
	"secret, is a part of the result, with `--quiet` on a line after the identifier. Everything else that is said goes to the standard error. Changes are sent on the condition that nothing has changed\n" +
	"meanwhile; `--dry-run` shows what would be sent. What can't be undone, or ends something, is asked about, or has to be said with `--yes` where there is no\n" +
	"terminal.\n\n" +
	"## Exit status\n\n" +
	"| Status | Meaning |\n|---|---|\n" +
	"| 0 | all went well |\n" +
	"| 1 | it could not be done; what was sent breaks a rule |\n" +
	"| 2 | the command line is wrong |\n" +
	"| 3 | the configuration of the server has problems |\n" +
	"| 4 | what was named is not there |\n" +
	"| 5 | a conflict: it is there already, is in use, or was changed meanwhile |\n" +
	"| 6 | the server does not answer, or its answer broke off |\n" +
	"| 7 | not signed in, or not allowed |\n"

// Reference describes every command, as Markdown.
func Reference(root *cobra.Command) string {
	var text strings.Builder
	text.WriteString(referenceHead)
	for _, each := range byName(root) {
		describeCommand(&text, each)
	}
	return text.String()
}

func byName(command *cobra.Command) []*cobra.Command {
	all := slices.Clone(command.Commands())
	all = slices.DeleteFunc(all, func(each *cobra.Command) bool {
		return each.Hidden || each.Name() == "help" || each.Name() == "completion" // cobra's own
	})
	slices.SortFunc(all, func(a, b *cobra.Command) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

func describeCommand(text *strings.Builder, command *cobra.Command) {
	level := strings.Repeat("#", min(4, strings.Count(command.CommandPath(), " ")+1))
	long := cmp.Or(command.Long, command.Short+".")
	fmt.Fprintf(text, "\n%s %s\n\n%s\n", level, command.CommandPath(), strings.ReplaceAll(long, "\n  ", "\n      "))
	if len(command.Commands()) == 0 || command.Example != "" {
		fmt.Fprintf(text, "\n```text\n%s\n\n%s```\n", command.UseLine(), command.NonInheritedFlags().FlagUsagesWrapped(140))
	}
	if command.Example != "" {
		fmt.Fprintf(text, "\n```sh\n%s\n```\n", unindented(command.Example))
	}
	for _, each := range byName(command) {
		describeCommand(text, each)
	}
}

// unindented takes the two spaces away that examples have in the help.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}
