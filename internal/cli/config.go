package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"authly/internal/config"
)

func (p Program) configCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "config",
		Short: "Check, show and describe the configuration",
	})
	group.AddCommand(p.configCheckCommand(), p.configPrintCommand(), p.configDocsCommand())
	return group
}

func (p Program) configCheckCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "check",
		Short: "Look for problems without starting the server",
		Long: `Look for problems in the configuration that "serve" would use, without starting it:
all problems are listed at once, each with where the value came from and what to do.
Databases are not connected to.`,
		Example: "  authly config check --config /etc/authly.yaml",
		Args:    noArguments,
	}
	flags := addSettingsFlags(command).addDev(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		settings, err := flags.loadAndWarn(p)
		if err != nil {
			return err
		}
		return writeCheck(command, settings)
	}
	return command
}

// writeCheck tells that all is well, and where what isn't a default came from.
func writeCheck(command *cobra.Command, settings config.Config) error {
	output := command.OutOrStdout()
	if _, err := fmt.Fprintln(output, "configuration is valid"); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	var rows [][]string
	defaults := 0
	for _, setting := range settings.Settings() {
		if setting.Origin == "default" {
			defaults++
			continue
		}
		rows = append(rows, []string{setting.Name, setting.Value, setting.Origin})
	}
	if len(rows) > 0 {
		_, _ = fmt.Fprintln(output) // the next line would fail too
		if err := writeTable(output, []string{"SETTING", "VALUE", "FROM"}, rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(output, "\n%d settings have their defaults; `authly config print` shows all.\n", defaults)
	return err
}

func (p Program) configPrintCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "print",
		Short: "Show every setting and where it came from",
		Long: `Show the configuration that "serve" would use as YAML, with where each value came
from as a comment. Secrets are shown as [redacted]. If there are problems they
are listed after it, and what is shown for the settings with problems doesn't count.`,
		Example: "  AUTHLY_LOG_LEVEL=debug authly config print",
		Args:    noArguments,
	}
	flags := addSettingsFlags(command).addDev(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		settings, problems := flags.loadAndWarn(p)
		if _, err := fmt.Fprint(command.OutOrStdout(), settings.YAML()); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return problems
	}
	return command
}

func (p Program) configDocsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "docs",
		Short:   "Describe every setting, as Markdown",
		Example: "  authly config docs | less",
		Args:    noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(command.OutOrStdout(), config.Reference())
			return err
		},
	}
}
