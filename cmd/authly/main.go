package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"authly/internal/buildinfo"
	"authly/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	signals := make(chan os.Signal, 2) // both fit, so that a second one is never lost
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals // the first asks for an orderly end
		end()
		endBy(<-signals) // the second ends the program at once
	}()
	program := cli.Program{
		Actions: actions(), Version: buildinfo.Read(),
		Input: os.Stdin, Output: os.Stdout, Errors: os.Stderr,
	}
	return program.Run(ctx, os.Args[1:])
}

// endBy ends the program by a signal, as if it had not been caught: whoever
// waits for it sees the signal and not a status of ours.
func endBy(caught os.Signal) {
	signal.Reset(caught)
	itself, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = itself.Signal(caught)
	}
	if err != nil {
		os.Exit(cli.ExitFailure)
	}
}
