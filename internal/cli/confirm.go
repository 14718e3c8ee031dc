package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"authly/internal/cli/remote"
)

// confirm asks the person before what can't be undone. Where there is nobody to ask, it has
// to be said on the command line.
func (r *invocation) confirm() error {
	if r.question == "" || r.yes {
		return nil
	}
	if !isTerminal(r.program.Input) {
		return usagef("%q can't be undone, and there is no terminal to ask: say --yes", r.command.CommandPath())
	}
	question := r.question
	if strings.Contains(question, "%s") {
		question = fmt.Sprintf(question, remote.Printable(strings.Join(r.typed, " ")))
	}
	r.program.tell("%s [y/N] ", question)
	line, err := bufio.NewReader(r.program.Input).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	default:
		return errNotConfirmed
	}
}

// isTerminal tells whether a person can be asked.
func isTerminal(input io.Reader) bool {
	switch known := input.(type) {
	case *os.File:
		return isatty.IsTerminal(known.Fd()) || isatty.IsCygwinTerminal(known.Fd())
	case interface{ IsTerminal() bool }:
		return known.IsTerminal()
	default:
		return false
	}
}
