package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"authly/internal/cli/remote"
)

// confirm asks the person before what can't be undone or ends something, unless --yes was said.
func (r *invocation) confirm() error {
	if r.question == "" || r.yes || r.spares() {
		return nil
	}
	question := r.question
	if strings.Contains(question, "%s") {
		question = fmt.Sprintf(question, remote.Printable(strings.Join(r.typed, " ")))
	}
	why := "can't be undone"
	if r.ends != "" {
		why = "ends " + r.ends
	}
	return r.program.confirm(r.command, question, why)
}

// spares tells whether what was said leaves nothing to ask about.
func (r *invocation) spares() bool {
	if r.unless == "" {
		return false
	}
	number, err := strconv.ParseInt(fmt.Sprint(r.sent[r.unless]), 10, 64)
	return err == nil && number > 0
}

// confirm asks a question. Where there is nobody to ask, the answer has to be on the command line.
func (p Program) confirm(command *cobra.Command, question, why string) error {
	if !isTerminal(p.Input) {
		return usagef("%q %s, and there is no terminal to ask: say --yes", command.CommandPath(), why)
	}
	p.tell("%s [y/N] ", question)
	line, err := bufio.NewReader(p.Input).ReadString('\n')
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
