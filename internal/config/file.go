package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"

	"authly/internal/platform/secret"
)

const (
	maxFileSize   = 1 << 20
	maxSecretSize = 64 << 10
)

// filePath returns the path of the configuration file, "" for none.
func (l *loader) filePath(options LoadOptions) string {
	if options.File != "" {
		return options.File
	}
	path := ""
	for _, line := range options.Environment {
		if name, value, ok := strings.Cut(line, "="); ok && name == fileVariable {
			path = value
			if value == "" {
				l.problem(fileVariable, "environment variable "+fileVariable, "is set to nothing", "Give it the path of a file, or remove it")
			}
		}
	}
	return path
}

// readFile reads the layer of the file. Problems with its syntax name only the
// line: the parsers' messages quote their input, which may be a secret.
func (l *loader) readFile(path string) layer {
	origin := "file " + path
	read := layer{noValues(), func(string) string { return origin }}
	if path == "" {
		return read
	}
	var unmarshal func([]byte, any) error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		unmarshal = unmarshalYAML
	case ".toml":
		unmarshal = toml.Unmarshal
	default:
		l.problem("configuration file", origin, "has a name that ends neither in .yaml, .yml nor .toml", "Rename it after the format that it is written in")
		return read
	}
	if status, err := os.Stat(path); err != nil {
		l.problem("configuration file", origin, reason(err), "Give the path of an existing file with --config or "+fileVariable)
		return read
	} else if status.Size() > maxFileSize {
		l.problem("configuration file", origin, fmt.Sprintf("is larger than %d bytes", maxFileSize), "Keep nothing but the configuration in it")
		return read
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		l.problem("configuration file", origin, reason(err), "Make it readable for the user that the server runs as")
		return read
	}
	var document map[string]any
	if err := unmarshal(text, &document); err != nil {
		l.problem("configuration file", origin, "can't be understood"+place(err), "Correct its syntax")
		return read
	}
	read.values = flatten(document)
	l.checkFileKeys(read.values, origin)
	l.checkFileMode(read.values, path)
	return read
}

// checkFileKeys finds keys that are not settings.
func (l *loader) checkFileKeys(read values, origin string) {
	settings := settingNames()
	for _, name := range read.names() {
		parts := read.leaves[name]
		section := len(parts) == 1 && slices.ContainsFunc(table, func(o option) bool { return o.section() == name })
		switch {
		case slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(part, ".") }):
			l.problem(quoteName(name), origin, "has a dot in a key", "Write the part before the dot as a section: `database:` with `url:` in it")
		case section && emptySection(read.all[name]):
		case section:
			l.problem(quoteName(name), origin, "is a section, not a value", "Write its settings below it, or remove it")
		case len(parts) > 0 && isSetting(parts[0]), isSetting(name): // what kind of value it is shows when it is read
		default:
			remedy := "Remove it, or see `authly config docs` for the names"
			if near := nearest(name, settings); near != "" {
				remedy = "Did you mean " + near + "? See `authly config docs` for the names"
			}
			if name == "dev" {
				remedy = "Development mode is only turned on by the flag --dev"
			}
			l.problem(quoteName(name), origin, "is not a setting", remedy)
		}
	}
}

func emptySection(value any) bool {
	section, ok := value.(map[string]any)
	return value == nil || ok && len(section) == 0
}

// checkFileMode warns if other users can read a file with secrets in it.
func (l *loader) checkFileMode(read values, path string) {
	status, err := os.Stat(path)
	if err != nil || status.Mode().Perm()&0o044 == 0 {
		return
	}
	for _, o := range table {
		if o.secret() && read.has(o.name) {
			l.warn("%s: the file %s that holds it can be read by other users of this machine", o.name, quote(path))
		}
	}
}

var (
	errSeveralDocuments = errors.New("several documents")
	documentSeparator   = regexp.MustCompile(`(?m)^---(\s|$)`)
)

// unmarshalYAML reads a single document: further ones would otherwise be
// ignored silently.
func unmarshalYAML(text []byte, into any) error {
	for _, separator := range documentSeparator.FindAllIndex(text, -1) {
		if !onlyComments(text[:separator[0]]) {
			return errSeveralDocuments
		}
	}
	return yaml.Unmarshal(text, into)
}

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

var lineNumber = regexp.MustCompile(`\bline ([0-9]+)`)

// place returns where a parser failed, without its message.
func place(err error) string {
	if positioned := (interface{ Position() (int, int) })(nil); errors.As(err, &positioned) {
		line, column := positioned.Position()
		return fmt.Sprintf(" at line %d, column %d", line, column)
	}
	if errors.Is(err, errSeveralDocuments) {
		return ": it has more than one document, separated by ---"
	}
	if match := lineNumber.FindStringSubmatch(err.Error()); match != nil {
		return " at line " + match[1]
	}
	return ""
}

// reason returns why a file can't be read, without the path, which the caller names.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	}
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return "can't be read: " + pathError.Err.Error()
	}
	return "can't be read"
}

// readSecretFile returns the content of a file without one trailing newline, and
// whether users other than the owner can read it.
func readSecretFile(path string) (value secret.Redacted, open bool, err error) {
	opened, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return secret.Redacted{}, false, errors.New(reason(err))
	}
	defer func() { _ = opened.Close() }()
	content, err := io.ReadAll(io.LimitReader(opened, maxSecretSize+1))
	if err != nil {
		return secret.Redacted{}, false, errors.New(reason(err))
	}
	if len(content) > maxSecretSize {
		return secret.Redacted{}, false, fmt.Errorf("is larger than %d bytes", maxSecretSize)
	}
	text, found := strings.CutSuffix(string(content), "\r\n")
	if !found {
		text = strings.TrimSuffix(text, "\n")
	}
	if text == "" {
		return secret.Redacted{}, false, errors.New("is empty")
	}
	status, err := opened.Stat()
	if err != nil {
		return secret.Redacted{}, false, errors.New(reason(err))
	}
	return secret.FromString(text), status.Mode().Perm()&0o044 != 0, nil
}
