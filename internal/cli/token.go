package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// tokenCommand prints an access token, and has the resource below it.
func (p Program) tokenCommand() *cobra.Command {
	command := asGroup(&cobra.Command{
		Use:   "token",
		Short: "Print an access token for the administration, to use it with other programs",
		Long: `Print an access token for the administration, renewed if need be. It counts as you do: don't
put it where others can read it.`,
		Example: "  authly token\n  authly token --profile readonly",
	})
	refuse := command.RunE
	wanted := addConnectionFlags(command)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if len(arguments) > 0 {
			return refuse(command, arguments)
		}
		at, err := p.connect(wanted)
		if err != nil {
			return err
		}
		token, err := at.tokens.Token(command.Context(), strings.Join(administrationScopes(), " "))
		if err != nil {
			return at.explained(err)
		}
		_, err = fmt.Fprintln(command.OutOrStdout(), token.Reveal())
		return err
	}
	return command
}
