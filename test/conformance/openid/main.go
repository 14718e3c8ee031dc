package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"authly/internal/keys"
	"authly/internal/protocol/jose"
)

func main() {
	var wanted options
	flags := flag.NewFlagSet("openid", flag.ExitOnError)
	flags.StringVar(&wanted.issuer, "issuer", "https://localhost.emobix.co.uk:9443", "the issuer; its host has to lead to this machine, for the suite too")
	flags.StringVar(&wanted.listen, "listen", "127.0.0.1:9443", "the address to listen on")
	flags.StringVar(&wanted.base, "base", "https://localhost.emobix.co.uk:8443/test/a/authly", "the suite's address with the alias of the test")
	flags.StringVar(&wanted.directory, "directory", ".openid-op", "where everything is kept; it is emptied first")
	flags.StringVar(&wanted.suiteCA, "suite-ca", "", "a PEM file with the certificate of the suite, for what this server fetches from it")
	flags.StringVar(&wanted.browser, "browser", "", "a Chromium with which the plans that need one, and no person, are run in the suite; then the program ends")
	wanted.suiteToken = os.Getenv("CONFORMANCE_TOKEN") // as the suite's own scripts have it
	_ = flags.Parse(os.Args[1:])                       // ends the program itself
	if err := run(wanted, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "openid:", err)
		os.Exit(1)
	}
}

// run serves until it is told to stop, or until the plans were run that a browser was given for. At a SIGHUP the signing keys are rotated,
// for the module that asks for that between its configuration and its start.
func run(wanted options, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	prepared, err := prepare(ctx, wanted, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, prepared.app.Close()) }()
	listener, err := prepared.app.Listen(ctx)
	if err != nil {
		return err
	}
	prepared.announce(out)
	rotations := make(chan os.Signal, 1)
	signal.Notify(rotations, syscall.SIGHUP)
	go func() {
		for range rotations {
			if err := prepared.rotate(ctx); err != nil {
				logger.Error("the keys were not rotated", slog.Any("error", err))
			}
		}
	}()
	if wanted.browser == "" {
		return prepared.app.Serve(ctx, listener)
	}
	serving, stopServing := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- prepared.app.Serve(serving, listener) }()
	driven := prepared.drive(ctx, wanted, out)
	stopServing()
	return errors.Join(driven, <-served)
}

// rotate lets the next keys sign, of the algorithms that the suite knows: it can't read the key
// type OKP, and so takes no new EdDSA key for one.
func (p *provider) rotate(ctx context.Context) error {
	known, err := p.app.Keys().List(ctx)
	if err != nil {
		return err
	}
	var algorithms []jose.Algorithm
	for _, key := range known {
		if key.State == keys.Active && key.Algorithm != jose.EdDSA {
			algorithms = append(algorithms, key.Algorithm)
		}
	}
	_, err = p.app.Keys().Rotate(ctx, keys.RotateOptions{Force: true, Algorithms: algorithms})
	return err
}
