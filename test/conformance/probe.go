package conformance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// probe is what a check asks and judges with.
type probe struct {
	ctx      context.Context //nolint:containedctx // of one check, which ends with it
	env      *environment
	warnings []string
	cleanups []func()
}

// cleanUp takes away what a check left behind. That it can't is no finding: what a
// provider has to delete is a check of its own. It is done after an interruption too.
func (p *probe) cleanUp() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 10*time.Second)
	defer cancel()
	p.ctx = ctx
	for _, clean := range p.cleanups {
		func() {
			defer func() { _ = recover() }()
			clean()
		}()
	}
}

// fail ends the check: a specification is broken.
func (p *probe) fail(format string, arguments ...any) {
	panic(verdict{Failed, fmt.Sprintf(format, arguments...)})
}

// skip ends the check: it can't be made here.
func (p *probe) skip(format string, arguments ...any) {
	panic(verdict{Skipped, fmt.Sprintf(format, arguments...)})
}

// warn notes something that a specification only recommends.
func (p *probe) warn(format string, arguments ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, arguments...))
}

// must fails unless what is claimed holds.
func (p *probe) must(holds bool, format string, arguments ...any) {
	if !holds {
		p.fail(format, arguments...)
	}
}

const maxBodyBytes = 1 << 20

func newHTTPClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment,
		},
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is a response that was read to its end.
type answer struct {
	url    string
	status int
	header http.Header
	body   []byte
}

// change alters a request before it is sent.
type change func(*http.Request)

func header(name, value string) change {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func bearer(token string) change { return header("Authorization", "Bearer "+token) }

func basic(c Client) change {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret)) }
}

// send waits and tries again where a provider says that it was asked too often.
func (p *probe) send(method, address string, form url.Values, changes ...change) (answer, error) {
	for try := 1; ; try++ {
		got, err := p.sendOnce(method, address, form, changes...)
		seconds, isNumber := strconv.Atoi(got.header.Get("Retry-After"))
		if err != nil || got.status != http.StatusTooManyRequests || isNumber != nil || seconds > maxWaitSeconds || try == maxTries {
			return got, err
		}
		p.pause(time.Duration(max(seconds, 1)) * time.Second)
	}
}

const (
	maxTries       = 3
	maxWaitSeconds = 60
)

func (p *probe) sendOnce(method, address string, form url.Values, changes ...change) (answer, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(p.ctx, method, address, body)
	if err != nil {
		return answer{}, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, alter := range changes {
		alter(request)
	}
	response, err := p.env.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxBodyBytes))
	return answer{address, response.StatusCode, response.Header, content}, err
}

// pause waits, for what is counted in seconds.
func (p *probe) pause(long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
		p.fail("interrupted")
	}
}

// call is send for a request that has to be answered.
func (p *probe) call(method, address string, form url.Values, changes ...change) answer {
	got, err := p.send(method, address, form, changes...)
	if err != nil {
		p.fail("%s does not answer: %v", address, err)
	}
	return got
}

func (p *probe) get(address string, changes ...change) answer {
	return p.call(http.MethodGet, address, nil, changes...)
}

func (p *probe) post(address string, form url.Values, changes ...change) answer {
	return p.call(http.MethodPost, address, form, changes...)
}

// object returns the JSON object of an answer, nil if it is none.
func (a answer) object() map[string]any {
	var members map[string]any
	if json.Unmarshal(a.body, &members) != nil {
		return nil
	}
	return members
}

func (a answer) text(name string) string {
	text, _ := a.object()[name].(string)
	return text
}

// says returns a short description for a detail.
func (a answer) says() string {
	text := strings.Join(strings.Fields(string(a.body)), " ")
	return fmt.Sprintf("%d %.120s", a.status, text)
}

// text returns a member of the metadata that is a text, "" if there is none.
func (p *probe) text(name string) string {
	var text string
	if json.Unmarshal(p.env.metadata[name], &text) != nil {
		return ""
	}
	return text
}

// list returns a member of the metadata that is a list of texts.
func (p *probe) list(name string) []string {
	var list []string
	if json.Unmarshal(p.env.metadata[name], &list) != nil {
		return nil
	}
	return list
}

func (p *probe) flag(name string) bool {
	var flag bool
	return json.Unmarshal(p.env.metadata[name], &flag) == nil && flag
}

// needs skips the check unless the metadata list has a value.
func (p *probe) needs(member, value string) {
	if !slices.Contains(p.list(member), value) {
		p.skip("%s does not list %s", member, value)
	}
}

// endpoint returns the URL of an endpoint, and skips the check if there is none.
func (p *probe) endpoint(name string) string {
	address := p.text(name)
	if address == "" {
		p.skip("there is no %s", name)
	}
	return address
}

// client returns a client of the target, and skips the check if it has none.
func (p *probe) client(c Client, what string) Client {
	if c.ID == "" || c.RedirectURI == "" {
		p.skip("no %s is configured", what)
	}
	return c
}

// confidential, second and public are the clients of most checks.
func (p *probe) confidential() Client { return p.client(p.env.Client, "client") }
func (p *probe) second() Client       { return p.client(p.env.Client2, "second client") }
func (p *probe) public() Client       { return p.client(p.env.Public, "public client") }

func (p *probe) user() User {
	if p.env.User.Username == "" || p.env.User.Password == "" {
		p.skip("no user is configured")
	}
	return p.env.User
}

// refusal checks an error of RFC 6749 section 5.2.
func (p *probe) refusal(got answer, status int, codes ...string) {
	p.must(got.status == status, "the answer is %s, expected %d", got.says(), status)
	p.must(strings.HasPrefix(got.header.Get("Content-Type"), "application/json"), "the error is %s", got.header.Get("Content-Type"))
	p.must(slices.Contains(codes, got.text("error")), "the error is %q, expected %s", got.text("error"), strings.Join(codes, " or "))
}
