package config

import "strings"

// Flag describes a flag of a command that sets a setting.
type Flag struct {
	Name    string // without dashes
	Setting string // its name in [LoadOptions]
	Value   string // the form of a value, in one word
	Default string
	Usage   string // one sentence without a full stop
}

// Flags returns the flags of the settings that have one, in the order of the
// reference. Secrets have none: other users can see the flags of a running program.
func Flags() []Flag {
	var flags []Flag
	for _, o := range table {
		if o.flag == "" {
			continue
		}
		value := strings.ToLower(o.form)
		if len(o.choices) > 0 {
			value = strings.Join(o.choices, "|")
		}
		sentence, _, _ := strings.Cut(o.description, ".")
		sentence, _, _ = strings.Cut(sentence, ";")
		flags = append(flags, Flag{
			Name: o.flag, Setting: o.name, Value: value, Default: o.standard,
			Usage: strings.ToLower(sentence[:1]) + strings.ReplaceAll(sentence[1:], "`", ""),
		})
	}
	return flags
}
