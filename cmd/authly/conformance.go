package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"authly/internal/cli"
	"authly/test/conformance"
)

// checkConformance runs the kit and shows its report.
func checkConformance(ctx context.Context, run cli.ConformanceRun, output io.Writer) error {
	target, err := conformanceTarget(run)
	if err != nil {
		return err
	}
	report, err := conformance.Run(ctx, target, run.Only)
	if err != nil {
		if errors.Is(err, conformance.ErrNoMetadata) && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", cli.ErrNoProvider, err)
		}
		return err
	}
	if len(report.Results) == 0 {
		return fmt.Errorf("no check has %q in its id, specification or title", run.Only)
	}
	write := report.WriteTable
	switch {
	case run.Output == "json":
		write = report.WriteJSON
	case run.Output == "junit":
		write = report.WriteJUnit
	case run.Verbose:
		write = report.WriteDetails
	}
	if err := write(output); err != nil {
		return err
	}
	if report.Count(conformance.Failed) > 0 {
		return cli.ErrChecksFailed
	}
	return nil
}

func conformanceTarget(run cli.ConformanceRun) (conformance.Target, error) {
	var (
		target conformance.Target
		err    error
	)
	switch {
	case run.TargetFile != "":
		target, err = conformance.ReadTarget(run.TargetFile)
	case run.DevFile != "":
		target, err = conformance.ReadDevFile(run.DevFile)
	}
	if err != nil {
		return target, err
	}
	target.Slow = target.Slow || run.Slow
	if run.Issuer != "" {
		target.Issuer = run.Issuer
	}
	if run.CAFile == "" {
		return target, nil
	}
	content, err := os.ReadFile(run.CAFile)
	if err != nil {
		return target, fmt.Errorf("read the certificate authorities: %w", err)
	}
	if target.Roots, err = x509.SystemCertPool(); err != nil {
		return target, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if !target.Roots.AppendCertsFromPEM(content) {
		return target, errors.New("read the certificate authorities: there is none in the file")
	}
	return target, nil
}
