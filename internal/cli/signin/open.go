package signin

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// Open opens an address in the person's browser: with the named program if there
// is one, otherwise as the operating system does. It does not wait for the browser.
func Open(ctx context.Context, program, address string) error {
	name, arguments := opener(runtime.GOOS)
	if program != "" {
		name, arguments = program, nil
	}
	// A browser that is started by this program lives on after it.
	command := exec.CommandContext(context.WithoutCancel(ctx), name, append(arguments, address)...) //nolint:gosec // the person's own choice
	if err := command.Start(); err != nil {
		return fmt.Errorf("open a browser: %w", err)
	}
	go func() { _ = command.Wait() }()
	return nil
}

func opener(system string) (string, []string) {
	switch system {
	case "darwin":
		return "open", nil
	case "windows": // unlike "start", it reads no & in an address
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	default:
		return "xdg-open", nil
	}
}
