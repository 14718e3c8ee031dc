package cli

import (
	"github.com/spf13/cobra"

	"authly/internal/config"
)

// settingsFlags are the flags of every command that reads the configuration.
type settingsFlags struct {
	file    string
	dev     bool
	settled map[string]*settingFlag // by the name of the setting
}

// settingFlag is a flag that sets a setting. Its value is checked with all
// other values, by package config.
type settingFlag struct {
	form, value string
	given       bool
}

func (f *settingFlag) String() string { return f.value }

// Type returns the form of a value, for the help text.
func (f *settingFlag) Type() string { return f.form }

// Set takes any value.
func (f *settingFlag) Set(value string) error {
	f.value, f.given = value, true
	return nil
}

func addSettingsFlags(command *cobra.Command) *settingsFlags {
	flags := &settingsFlags{settled: map[string]*settingFlag{}}
	set := command.Flags()
	set.SortFlags = false
	set.StringVar(&flags.file, "config", "", "the configuration `file`, in YAML or TOML (default $AUTHLY_CONFIG)")
	for _, described := range config.Flags() {
		flag := &settingFlag{form: described.Value}
		flags.settled[described.Setting] = flag
		set.Var(flag, described.Name, described.Usage)
		set.Lookup(described.Name).DefValue = described.Default
	}
	return flags
}

func (f *settingsFlags) addDev(command *cobra.Command) *settingsFlags {
	command.Flags().BoolVar(&f.dev, "dev", false, "development mode: demo accounts and the playground, for this machine only")
	return f
}

// load reads the configuration. Like [config.Load] it returns one even if it has problems.
func (f *settingsFlags) load(p Program) (config.Config, error) {
	options := config.LoadOptions{File: f.file, Environment: p.Environment, Flags: map[string]string{}, Dev: f.dev}
	for setting, flag := range f.settled {
		if flag.given {
			options.Flags[setting] = flag.value
		}
	}
	return config.Load(options)
}

// loadAndWarn reads the configuration and tells what is doubtful about it.
func (f *settingsFlags) loadAndWarn(p Program) (config.Config, error) {
	settings, err := f.load(p)
	p.warn(settings)
	return settings, err
}

func (p Program) warn(settings config.Config) {
	for _, warning := range settings.Warnings() {
		p.tell("authly: warning: %s\n", warning)
	}
}
