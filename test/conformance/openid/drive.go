package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// drivenPlan is a plan whose modules need a browser that draws frames, and no person.
type drivenPlan struct{ name, configuration string }

// drivenPlans are run by [provider.drive].
func drivenPlans() []drivenPlan {
	return []drivenPlan{
		{"oidcc-frontchannel-rp-initiated-logout-certification-test-plan", "frontchannel-logout.json"},
		{"oidcc-session-management-certification-test-plan", "session-management.json"},
	}
}

const (
	// modulePatience bounds the run of one module.
	modulePatience = 4 * time.Minute
	// pause is how long is waited before the suite and the page are looked at again.
	pause = 300 * time.Millisecond
)

// drive runs the plans with the suite and a Chromium, and writes a line for each module. The error says that a module
// failed, or that something could not be done.
func (p *provider) drive(ctx context.Context, wanted options, out io.Writer) error {
	client, err := suiteClient(wanted.suiteCA)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	at, err := newSuite(wanted.base, wanted.suiteToken, client)
	if err != nil {
		return err
	}
	failed := 0
	for _, plan := range drivenPlans() {
		configuration, err := withoutBrowser(filepath.Join(wanted.directory, "plans", plan.configuration))
		if err != nil {
			return err
		}
		id, modules, err := at.createPlan(ctx, plan.name, map[string]string{"response_type": "code", "client_registration": "static_client"}, configuration)
		if err != nil {
			return fmt.Errorf("make the plan %s: %w", plan.name, err)
		}
		_, _ = fmt.Fprintf(out, "\n%s\n", plan.name)
		for _, each := range modules {
			ended, err := p.driveModule(ctx, at, wanted, id, each)
			if err != nil {
				return fmt.Errorf("run %s: %w", each.Name, err)
			}
			_, _ = fmt.Fprintf(out, "  %-10s %s\n", ended.Result, each.Name)
			if !ended.good() {
				failed++
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d modules failed: their logs are at %s", failed, at.address)
	}
	return nil
}

// driveModule runs a module with a browser of its own, so that none begins signed in.
func (p *provider) driveModule(ctx context.Context, at *suite, wanted options, plan string, each module) (outcome, error) {
	profile, err := os.MkdirTemp(wanted.directory, "browser-")
	if err != nil {
		return outcome{}, fmt.Errorf("make a profile for the browser: %w", err)
	}
	defer func() { _ = os.RemoveAll(profile) }()
	tab, end, err := newTab(ctx, modulePatience, wanted.browser, profile, filepath.Join(wanted.directory, "op.crt"), wanted.suiteCA)
	if err != nil {
		return outcome{}, err
	}
	defer end()
	run, err := at.createModule(tab, plan, each)
	if err != nil {
		return outcome{}, err
	}
	user := visitor{issuer: p.values.Issuer, username: p.values.Username, password: p.values.Password}
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		ended, err := user.advance(tab, at, run)
		if err != nil || ended.ended() {
			return ended, err
		}
		select {
		case <-tab.Done():
			return outcome{}, fmt.Errorf("%w while the module is %s; the browser is at %s", tab.Err(), ended.Status, user.shown(tab))
		case <-ticker.C:
		}
	}
}

// advance does what a run waits for: it goes on with the page that is shown, or else opens the next address.
func (v visitor) advance(ctx context.Context, at *suite, run string) (outcome, error) {
	if acted, err := v.step(ctx); acted || err != nil {
		return outcome{}, err
	}
	state, err := at.outcome(ctx, run)
	if err != nil || state.ended() {
		return state, err
	}
	waiting, err := at.waiting(ctx, run)
	if err != nil || len(waiting) == 0 {
		return state, err
	}
	// As the suite's own page does it: first the mark, then the page, which may bring the next address.
	if err := at.visited(ctx, run, waiting[0]); err != nil {
		return state, err
	}
	return state, v.open(ctx, waiting[0])
}

// withoutBrowser returns a configuration without the commands for the suite's own browser, which draws no frames and would
// open the pages itself.
func withoutBrowser(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read a plan: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(content, &members); err != nil {
		return nil, fmt.Errorf("read the plan %s: %w", file, err)
	}
	delete(members, "browser")
	return json.Marshal(members)
}

// suiteClient returns an HTTP client that trusts the suite's certificate.
func suiteClient(certificates string) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	if certificates != "" {
		content, err := os.ReadFile(certificates)
		if err != nil {
			return nil, fmt.Errorf("read the suite's certificate: %w", err)
		}
		if !roots.AppendCertsFromPEM(content) {
			return nil, errors.New("the file of -suite-ca has no certificate")
		}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}, nil
}
