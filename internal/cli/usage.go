package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a command line that can't be understood.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, arguments ...any) error {
	return &usageError{fmt.Sprintf(format, arguments...)}
}

// noArguments refuses arguments to a command that takes none.
func noArguments(command *cobra.Command, arguments []string) error {
	if len(arguments) > 0 {
		return usagef("%q takes no arguments, but got %q", command.CommandPath(), arguments[0])
	}
	return nil
}

// asGroup makes a command that only has subcommands show its help when it is
// called alone, and refuse, with a suggestion, a subcommand that it doesn't have.
func asGroup(command *cobra.Command) *cobra.Command {
	command.Args = cobra.ArbitraryArgs
	command.SuggestionsMinimumDistance = 2
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if len(arguments) == 0 {
			return command.Help()
		}
		message := fmt.Sprintf("%q has no command %q", command.CommandPath(), arguments[0])
		if near := command.SuggestionsFor(arguments[0]); len(near) > 0 {
			message += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		return &usageError{message}
	}
	return command
}

// flagError turns what the parser of flags says into a usage error, with a
// suggestion for a flag that doesn't exist.
func flagError(command *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		invalid *pflag.InvalidValueError
	)
	if errors.As(err, &invalid) {
		return &usageError{invalidValue(invalid)}
	}
	if !errors.As(err, &unknown) {
		return &usageError{err.Error()}
	}
	message := err.Error()
	if near := nearestFlag(command, unknown.GetSpecifiedName()); near != "" {
		message += "; did you mean --" + near + "?"
	}
	if unknown.GetSpecifiedShortnames() != "" && strings.Contains(command.Use, " ") {
		message += "; an argument that begins with a hyphen comes after --"
	}
	return &usageError{message}
}

// invalidValue says what the value of a flag is not, where the parser speaks of how it read it.
func invalidValue(err *pflag.InvalidValueError) string {
	var (
		form   *formError
		number *strconv.NumError
	)
	expected, kind := "", err.GetFlag().Value.Type()
	switch {
	case errors.As(err, &form):
		expected = form.expected
	case errors.Is(err, strconv.ErrRange):
		expected = "a number that is not too large"
	case errors.As(err, &number) && kind == "bool":
		expected = expectations()[formSwitch]
	case errors.As(err, &number):
		expected = expectations()[formNumber]
	case strings.HasPrefix(err.Unwrap().Error(), "time: "):
		expected = "a duration such as 5m"
	default:
		return err.Error()
	}
	return fmt.Sprintf("--%s is %q, not %s", err.GetFlag().Name, err.GetValue(), expected)
}

// nearestFlag finds a flag that begins like name, or of which name is a part.
func nearestFlag(command *cobra.Command, name string) string {
	near := ""
	best := 0
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if score := likeness(flag.Name, name); score > best {
			near, best = flag.Name, score
		}
	})
	return near
}

// likeness counts the pairs of letters that two names share, if they are most of both.
func likeness(a, b string) int {
	pairs := map[string]bool{}
	for i := range len(a) - 1 {
		pairs[a[i:i+2]] = true
	}
	shared := 0
	for i := range len(b) - 1 {
		if pairs[b[i:i+2]] {
			shared++
		}
	}
	if shared*2 < max(len(a), len(b))-1 {
		return 0
	}
	return shared
}
