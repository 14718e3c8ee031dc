package config

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"
)

// Setting is one setting of a loaded configuration, for display.
type Setting struct {
	Name string
	// Value is the value as it would be written, "[redacted]" for a secret that
	// is set, and "" for no value.
	Value string
	// Origin is where the value came from; see [Config.Origin].
	Origin string
	// None is the meaning of no value; it is empty if there is a value.
	None string
}

// Settings returns all settings in the order of the reference.
func (c Config) Settings() []Setting {
	settings := make([]Setting, 0, len(table))
	for _, o := range table {
		setting := Setting{Name: o.name, Value: o.valueText(&c), Origin: c.Origin(o.name)}
		if setting.Value == "" {
			setting.None = o.none
		}
		settings = append(settings, setting)
	}
	return settings
}

// YAML returns the configuration as the text of a configuration file, with the
// origin of each value as a comment. Secrets are "[redacted]"; apart from them,
// loading the text gives the same configuration.
func (c Config) YAML() string {
	var text strings.Builder
	section := ""
	for _, o := range table {
		indent, key := "", o.name
		if o.section() != "" {
			indent, key = "  ", strings.TrimPrefix(o.name, o.section()+".")
		}
		if o.section() != section {
			section = o.section()
			text.WriteString("\n" + section + ":\n")
		}
		if value := o.valueText(&c); value == "" {
			text.WriteString(indent + "# " + key + ": not set (" + o.none + ")\n")
		} else {
			text.WriteString(indent + key + ": " + o.yamlValue(value) + " # " + oneLine(c.Origin(o.name)) + "\n")
		}
	}
	return text.String()
}

// yamlValue quotes a value unless it is a plain word. JSON's quotes are valid YAML.
func (o option) yamlValue(value string) string {
	switch o.field(new(Config)).(type) {
	case *int, *bool, *time.Duration:
		return value
	case *[]netip.Prefix:
		quoted, _ := json.Marshal(strings.Split(value, ", ")) // a list of texts always has a form
		return strings.ReplaceAll(string(quoted), `","`, `", "`)
	}
	if len(o.choices) > 0 {
		return value
	}
	quoted, _ := json.Marshal(value)
	return string(quoted)
}

// oneLine keeps a line break in a path from ending a comment.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return '?'
		}
		return r
	}, text)
}
