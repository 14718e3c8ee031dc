package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
)

// Listeners are the addresses that are listened on.
type Listeners struct {
	Main net.Listener
	// Administration is nil unless the administration has an address of its own.
	Administration net.Listener
}

// Close stops listening, without waiting for anybody.
func (l Listeners) Close() error {
	var failures []error
	for _, each := range []net.Listener{l.Main, l.Administration} {
		if each != nil {
			failures = append(failures, each.Close())
		}
	}
	return errors.Join(failures...)
}

// Listen opens the configured addresses. A caller who announces them does so after
// this and before Serve.
func (a *App) Listen(ctx context.Context) (Listeners, error) {
	var (
		listening net.ListenConfig
		opened    Listeners
		err       error
	)
	if opened.Main, err = listening.Listen(ctx, "tcp", a.settings.Listen); err != nil {
		return Listeners{}, fmt.Errorf("listen on %s: %w", a.settings.Listen, err)
	}
	if a.administrationHandler == nil {
		return opened, nil
	}
	own := a.settings.Admin.Listen
	if opened.Administration, err = listening.Listen(ctx, "tcp", own); err != nil {
		refusal := fault.New(fault.Conflict, "admin.can_not_listen").Because(fmt.Errorf("listen on %s for the administration: %w", own, err))
		return Listeners{}, errors.Join(refusal, opened.Main.Close())
	}
	return opened, nil
}

// Serve answers requests and looks after keys and expired rows until ctx ends;
// then it finishes what is in flight, within the configured time. All listeners end together:
// when one of them fails, the others stop too.
func (a *App) Serve(ctx context.Context, on Listeners) error {
	servers, err := a.servers(on)
	if err != nil {
		return errors.Join(fmt.Errorf("prepare the server: %w", err), on.Close())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.keys.Run(background); err != nil && background.Err() == nil {
			a.logger.ErrorContext(background, "the keys are not looked after any more", slog.Any("error", err))
		}
	})
	running.Go(func() { a.jobs.Run(background) })
	err = runAll(ctx, servers)
	stop()
	running.Wait()
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// serving is a server with what it listens on.
type serving struct {
	server   *httpx.Server
	listener net.Listener
}

func (a *App) servers(on Listeners) ([]serving, error) {
	var all []serving
	for _, each := range []struct {
		listener net.Listener
		handler  http.Handler
	}{{on.Main, a.handler}, {on.Administration, a.administrationHandler}} {
		if each.listener == nil {
			continue
		}
		server, err := httpx.NewServer(httpx.ServerOptions{
			Handler: each.handler, Logger: a.logger, Clock: a.clock, CertificateFile: a.settings.TLS.CertificateFile,
			KeyFile: a.settings.TLS.KeyFile, ShutdownTimeout: a.settings.ShutdownTimeout,
			Connections: httpx.ConnectionLimits{
				Total: a.settings.Server.MaxConnections, PerAddress: a.settings.Server.MaxConnectionsPerAddress, Exempt: a.settings.TrustedProxies,
			},
		})
		if err != nil {
			return nil, err
		}
		all = append(all, serving{server, each.listener})
	}
	return all, nil
}

// runAll runs the servers until ctx ends or one of them does.
func runAll(ctx context.Context, servers []serving) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failures := make([]error, len(servers))
	var running sync.WaitGroup
	for i, each := range servers {
		running.Go(func() {
			defer stop()
			failures[i] = each.server.Run(ctx, each.listener)
		})
	}
	running.Wait()
	return errors.Join(failures...)
}
