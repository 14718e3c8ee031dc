package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer of the suite, in bytes.
const maxAnswer = 4 << 20

// suite is the HTTP interface of the conformance suite, as its TestPlanApi, TestRunner and TestInfoApi have it.
type suite struct {
	address string // without a slash at its end
	token   string // of a suite that asks for one; "" for one in development mode
	client  *http.Client
}

// newSuite returns the suite of a base address such as https://localhost.emobix.co.uk:8443/test/a/authly.
func newSuite(base, token string, client *http.Client) (*suite, error) {
	address, _, found := strings.Cut(base, "/test/")
	if !found {
		return nil, fmt.Errorf("%s is no address of a test: it has no /test/", base)
	}
	return &suite{address: address, token: token, client: client}, nil
}

// module is one module of a plan, with the variant that the plan gives it.
type module struct {
	Name    string          `json:"testModule"`
	Variant json.RawMessage `json:"variant"`
}

// outcome is the state of a module's run.
type outcome struct {
	Status string `json:"status"` // CREATED, CONFIGURED, RUNNING, WAITING, FINISHED, INTERRUPTED …
	Result string `json:"result"` // PASSED, WARNING, REVIEW, SKIPPED, FAILED, UNKNOWN
}

func (o outcome) ended() bool { return o.Status == "FINISHED" || o.Status == "INTERRUPTED" }

// good reports whether the module has ended without a failure. Warnings are shown, and are none.
func (o outcome) good() bool {
	return o.Status == "FINISHED" && (o.Result == "PASSED" || o.Result == "WARNING" || o.Result == "REVIEW" || o.Result == "SKIPPED")
}

// createPlan makes a plan and returns its identifier and modules.
func (s *suite) createPlan(ctx context.Context, name string, variant map[string]string, configuration []byte) (string, []module, error) {
	chosen, err := json.Marshal(variant)
	if err != nil {
		return "", nil, err
	}
	var made struct {
		ID      string   `json:"id"`
		Modules []module `json:"modules"`
	}
	err = s.call(ctx, http.MethodPost, "/api/plan", url.Values{"planName": {name}, "variant": {string(chosen)}}, configuration, &made)
	if err == nil && (made.ID == "" || len(made.Modules) == 0) {
		err = errors.New("the suite made a plan without modules")
	}
	return made.ID, made.Modules, err
}

// createModule makes a run of a module, which the suite then starts by itself, and returns its identifier.
func (s *suite) createModule(ctx context.Context, plan string, wanted module) (string, error) {
	query := url.Values{"test": {wanted.Name}, "plan": {plan}}
	if len(wanted.Variant) > 0 && string(wanted.Variant) != "null" {
		query.Set("variant", string(wanted.Variant))
	}
	var made struct {
		ID string `json:"id"`
	}
	err := s.call(ctx, http.MethodPost, "/api/runner", query, nil, &made)
	if err == nil && made.ID == "" {
		err = errors.New("the suite made a run without an identifier")
	}
	return made.ID, err
}

func (s *suite) outcome(ctx context.Context, run string) (outcome, error) {
	var found outcome
	err := s.call(ctx, http.MethodGet, "/api/info/"+url.PathEscape(run), nil, nil, &found)
	return found, err
}

// waiting returns the addresses that a run waits for a browser to open, the oldest first.
func (s *suite) waiting(ctx context.Context, run string) ([]string, error) {
	var found struct {
		Browser struct {
			URLs []string `json:"urls"`
		} `json:"browser"`
	}
	err := s.call(ctx, http.MethodGet, "/api/runner/"+url.PathEscape(run), nil, nil, &found)
	return found.Browser.URLs, err
}

// visited tells the suite that a browser opens an address.
func (s *suite) visited(ctx context.Context, run, address string) error {
	return s.call(ctx, http.MethodPost, "/api/runner/browser/"+url.PathEscape(run)+"/visit", url.Values{"url": {address}}, nil, nil)
}

// call sends a request and reads the answer into a value, unless that is nil. A status that isn't 2xx is an error.
func (s *suite) call(ctx context.Context, method, path string, query url.Values, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.address+path+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("ask the suite: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the suite's answer: %w", err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the suite answers %s %s with %d: %.300s", method, path, answer.StatusCode, content)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read the suite's answer to %s %s: %w", method, path, err)
	}
	return nil
}
