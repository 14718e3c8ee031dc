package declarative

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"authly/internal/platform/secret"
)

// reference says where a secret is.
type reference struct{ source, name string }

// The places where secrets can be.
const (
	fromFile        = "file"
	fromEnvironment = "env"
)

// errNoReference keeps secrets out of files that are under version control.
var errNoReference = errors.New("a secret doesn't stand in the file itself: say file:/its/path or env:ITS_NAME")

func parseReference(text string) (reference, error) {
	source, name, found := strings.Cut(text, ":")
	if !found || name == "" || source != fromFile && source != fromEnvironment {
		return reference{}, errNoReference
	}
	return reference{source, name}, nil
}

func (r reference) isZero() bool { return r.source == "" }

func (r reference) String() string { return r.source + ":" + r.name }

// maxSecretBytes bounds what is read as a secret.
const maxSecretBytes = 4096

// Variables returns the value of a variable of the environment, "" if there is none.
type Variables func(name string) string

// read returns the secret. White space around it is not part of it: files end with a line.
func (r reference) read(variables Variables) (secret.Redacted, error) {
	text := ""
	switch r.source {
	case fromEnvironment:
		text = variables(r.name)
	case fromFile:
		file, err := os.Open(r.name)
		if err != nil {
			return secret.Redacted{}, fmt.Errorf("read a secret: %w", err)
		}
		defer func() { _ = file.Close() }()
		content, err := io.ReadAll(io.LimitReader(file, maxSecretBytes+1))
		if err != nil {
			return secret.Redacted{}, fmt.Errorf("read a secret: %w", err)
		}
		if text = string(content); len(text) > maxSecretBytes {
			return secret.Redacted{}, fmt.Errorf("the secret of %s is too long", r)
		}
	}
	if text = strings.TrimSpace(text); text == "" {
		return secret.Redacted{}, fmt.Errorf("there is no secret in %s", r)
	}
	return secret.FromString(text), nil
}
