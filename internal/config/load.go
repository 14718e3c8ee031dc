package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// LoadOptions are the sources of a configuration.
type LoadOptions struct {
	// File is the path of a YAML or TOML file. Empty means the path in the
	// variable AUTHLY_CONFIG, if any.
	File string
	// Environment has NAME=value lines. Nil means that of the process.
	Environment []string
	// Flags has the values of the given flags, by the name of their setting.
	Flags map[string]string
	// Dev is the flag --dev.
	Dev bool
}

// fileVariable names the configuration file itself; it isn't a setting.
const fileVariable = prefix + "CONFIG"

// Default returns the configuration without any settings.
func Default() Config {
	var c Config
	c.origins = map[string]string{}
	for _, o := range table {
		if o.standard == "" {
			continue
		}
		if err := assign(o.field(&c), o.standard); err != nil {
			panic("config: the default of " + o.name + " " + err.Error()) // a mistake in the table, found by any test
		}
	}
	return c
}

// Load reads all layers, checks the result with [Config.Validate] and checks
// the files and directories that it names. The error, if there is one, is of
// type [Problems] and has all problems at once; the configuration is
// then only good for printing.
func Load(options LoadOptions) (Config, error) {
	if options.Environment == nil {
		options.Environment = os.Environ()
	}
	l := &loader{config: Default(), failed: map[string]bool{}}
	l.config.Dev = options.Dev

	environment := l.readEnvironment(options.Environment)
	layers := []layer{l.readFile(l.filePath(options)), environment, readFlags(options.Flags)}
	for _, layer := range layers {
		l.apply(layer)
	}
	l.deriveIssuer()
	c := checker{config: l.config, failed: l.failed}
	l.problems = append(l.problems, c.check()...)
	l.checkHost()
	l.doubts()
	l.forgetMisplacedSecrets()
	l.problems.sort()
	return l.config, l.problems.err()
}

// forgetMisplacedSecrets removes values that look like secrets in the wrong setting
// from a configuration with problems, which is only good for printing.
func (l *loader) forgetMisplacedSecrets() {
	if len(l.problems) == 0 {
		return
	}
	for _, o := range table {
		field, ok := o.field(&l.config).(*string)
		if ok && looksSecret(*field) {
			_ = assign(field, o.standard) // a text is always taken
			delete(l.config.origins, o.name)
		}
	}
}

// Origin returns where the value of a setting came from: "default", "file
// authly.yaml", "environment variable AUTHLY_ISSUER" or "flag --issuer".
func (c Config) Origin(setting string) string {
	if origin, ok := c.origins[setting]; ok {
		return origin
	}
	return "default"
}

// Warnings returns doubtful but valid settings that [Load] found, as sentences.
func (c Config) Warnings() []string { return slices.Clone(c.warnings) }

// layer has the values of one source by the name of their setting. The twin of
// a secret has the suffix "_file".
type layer struct {
	values values
	origin func(name string) string
}

type loader struct {
	config   Config
	problems Problems
	failed   map[string]bool // settings whose value couldn't be read: further checks of it would mislead
}

func (l *loader) problem(setting, origin, message, remedy string) {
	l.problems = append(l.problems, Problem{Setting: setting, Origin: origin, Message: message, Remedy: remedy})
}

func (l *loader) fail(setting, origin, message, remedy string) {
	l.failed[setting] = true
	l.problem(setting, origin, message, remedy)
}

func (l *loader) warn(format string, arguments ...any) {
	l.config.warnings = append(l.config.warnings, fmt.Sprintf(format, arguments...))
}

// isSetting reports whether name is an option, or the twin of a secret one.
func isSetting(name string) bool {
	if _, ok := find(name); ok {
		return true
	}
	base, twin := strings.CutSuffix(name, fileSuffix)
	o, ok := find(base)
	return twin && ok && o.secret()
}

// settingNames returns the names of all options and of the twins of the secret ones.
func settingNames() []string {
	var names []string
	for _, o := range table {
		names = append(names, o.name)
		if o.secret() {
			names = append(names, o.name+fileSuffix)
		}
	}
	return names
}

func (l *loader) readEnvironment(lines []string) layer {
	byVariable := map[string]string{}
	for _, name := range settingNames() {
		byVariable[variable(name)] = name
	}
	read := noValues()
	for _, line := range lines {
		key, value, isVariable := strings.Cut(line, "=")
		if !isVariable || !strings.HasPrefix(key, prefix) {
			continue
		}
		name, isSetting := byVariable[key]
		switch {
		case isSetting:
			read.set(name, value)
		case key != fileVariable && !ofCommands(key) && !serviceLink(key, value):
			l.unknownVariable(key, byVariable)
		}
	}
	return layer{read, func(name string) string { return "environment variable " + variable(name) }}
}

func (l *loader) unknownVariable(key string, byVariable map[string]string) {
	names := make([]string, 0, len(byVariable))
	for name := range byVariable {
		names = append(names, name)
	}
	remedy := "Remove it, or see `authly config docs` for the names"
	if near := nearest(key, names); near != "" {
		remedy = "Did you mean " + near + "? See `authly config docs` for the names"
	}
	if key == variable("dev") {
		remedy = "Development mode is only turned on by the flag --dev"
	}
	l.problem(quoteName(key), "", "is an environment variable that is not a setting", remedy)
}

func readFlags(flags map[string]string) layer {
	read := noValues()
	for name, value := range flags {
		read.set(name, value)
	}
	return layer{read, func(name string) string {
		if o, ok := find(name); ok && o.flag != "" {
			return "flag --" + o.flag
		}
		return "flag"
	}}
}

// apply overrides the values of lower layers with those of a layer.
func (l *loader) apply(from layer) {
	for _, o := range table {
		if o.secret() && from.values.has(o.name+fileSuffix) {
			l.applySecretFile(o, from)
			continue
		}
		if !from.values.has(o.name) {
			continue
		}
		origin := from.origin(o.name)
		delete(l.failed, o.name)
		value := from.values.all[o.name]
		if value == nil || value == "" {
			l.fail(o.name, origin, "is set to nothing", "Give it a value, or remove it to have the default")
			continue
		}
		if err := assign(o.field(&l.config), value); err != nil {
			l.fail(o.name, origin, o.shown(value)+" "+err.Error(), o.remedy())
			continue
		}
		l.config.origins[o.name] = origin
	}
}

// applySecretFile reads the file named by the twin of a secret.
func (l *loader) applySecretFile(o option, from layer) {
	twin := o.name + fileSuffix
	origin := from.origin(twin)
	if from.values.has(o.name) {
		l.fail(o.name, from.origin(o.name)+" and "+origin, "is given twice", "Remove one of the two")
		return
	}
	path, ok := from.values.all[twin].(string)
	if !ok || path == "" {
		l.fail(o.name, origin, "names no file", "Give the path of a file that holds the secret, or remove it")
		return
	}
	value, open, err := readSecretFile(path)
	if err != nil {
		named := "the file that it names"
		if _, missing := os.Lstat(path); missing == nil { // else it may be the secret itself, which mustn't be repeated
			named = "the file " + quote(path)
		}
		l.fail(o.name, origin, named+" "+err.Error(), "Give the path of a readable file that holds nothing but the secret")
		return
	}
	if open {
		l.warn("%s: the file %s can be read by other users of this machine", o.name, quote(path))
	}
	_ = assign(o.field(&l.config), value.Reveal()) // a text is always taken
	l.config.origins[o.name] = origin + ", file " + path
}
