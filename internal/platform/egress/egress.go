package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"authly/internal/protocol/policy"
)

// Loopback says whether addresses on this machine may be contacted.
type Loopback string

// The two answers. The zero value refuses.
const (
	LoopbackRefused Loopback = "refused"
	LoopbackAllowed Loopback = "allowed"
)

// The default bounds of a request.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultMaxBytes = 64 << 10

	maxURLBytes       = 2048
	maxHeaderBytes    = 16 << 10
	maxAddresses      = 16 // of one name
	firstFreePort     = 1024
	connectionTimeout = 3 * time.Second
)

// Errors that callers can tell apart.
var (
	// ErrRefusedAddress is returned for a URL, or for a host, that must not be contacted.
	ErrRefusedAddress = errors.New("the address must not be asked")
	// ErrTooLarge is returned for an answer larger than the request allows.
	ErrTooLarge = errors.New("the answer is too large")
)

// Resolver finds the addresses of a name; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options say what a client may reach.
type Options struct {
	// Roots are the certificate authorities that are trusted; nil means the system's.
	Roots    *x509.CertPool
	Loopback Loopback
	// Hosts restricts which hosts are contacted; empty allows all.
	Hosts policy.Hosts
	// Resolver is the system's if nil.
	Resolver Resolver
}

// Client sends outgoing requests. It is safe for concurrent use and keeps no connection open.
type Client struct {
	http       *http.Client
	resolver   Resolver
	loopback   Loopback
	hosts      policy.Hosts
	reserved   []netip.Prefix
	globalIPv6 netip.Prefix
}

// New returns a client.
func New(options Options) *Client {
	c := &Client{resolver: options.Resolver, loopback: options.Loopback, hosts: options.Hosts, reserved: reservedNetworks(), globalIPv6: globalIPv6()}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext:     c.dial,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: options.Roots},
			// One connection for each request: the address is checked each time.
			DisableKeepAlives:      true,
			DisableCompression:     true,
			TLSHandshakeTimeout:    connectionTimeout,
			ResponseHeaderTimeout:  DefaultTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// Request is an outgoing request.
type Request struct {
	Method      string // GET if empty
	URL         string
	Accept      string
	ContentType string // of Body
	Body        []byte
	MaxBytes    int64         // of the answer; DefaultMaxBytes if 0
	Timeout     time.Duration // for everything together; DefaultTimeout if 0
}

// Response is an answer that was read completely, whatever its status, including
// redirects.
type Response struct {
	Status      int
	ContentType string // the media type in lower case, without parameters
	Body        []byte
}

// IsOK reports whether the status is 200 (OK).
func (r Response) IsOK() bool { return r.Status == http.StatusOK }

// Do sends a request. The error wraps [ErrRefusedAddress] or [ErrTooLarge] where
// that is the reason.
func (c *Client) Do(ctx context.Context, request Request) (Response, error) {
	parsed, err := c.parse(request.URL)
	if err != nil {
		return Response{}, err
	}
	timeout := request.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := c.exchange(ctx, parsed, request)
	if err != nil {
		return Response{}, fmt.Errorf("ask %s: %w", parsed.Hostname(), withoutURL(err))
	}
	return response, nil
}

func (c *Client) exchange(ctx context.Context, parsed *url.URL, request Request) (Response, error) {
	method := request.Method
	if method == "" {
		method = http.MethodGet
	}
	sent, err := http.NewRequestWithContext(ctx, method, parsed.String(), bytes.NewReader(request.Body))
	if err != nil {
		return Response{}, err
	}
	sent.Header.Set("User-Agent", "authly")
	sent.Header.Set("Accept-Encoding", "identity")
	if request.Accept != "" {
		sent.Header.Set("Accept", request.Accept)
	}
	if request.ContentType != "" {
		sent.Header.Set("Content-Type", request.ContentType)
	}
	received, err := c.http.Do(sent)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = received.Body.Close() }()
	answer, err := read(received, request.MaxBytes)
	if late := ctx.Err(); err == nil && late != nil {
		return Response{}, late // the other end may have cut its answer because this side closed
	}
	return answer, err
}

func read(received *http.Response, limit int64) (Response, error) {
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if encoding := received.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return Response{}, errors.New("the answer is compressed, which was not asked for")
	}
	if received.ContentLength > limit {
		return Response{}, ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(received.Body, limit+1))
	if err != nil {
		return Response{}, err
	}
	if int64(len(body)) > limit {
		return Response{}, ErrTooLarge
	}
	mediaType, _, err := mime.ParseMediaType(received.Header.Get("Content-Type"))
	if err != nil {
		mediaType = ""
	}
	return Response{Status: received.StatusCode, ContentType: mediaType, Body: body}, nil
}

// withoutURL drops the wrapping error that repeats the URL: its path and query may be
// confidential.
func withoutURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// ValidateURL checks, without contacting it, that a URL may be requested, as when a client
// is registered. The error wraps [ErrRefusedAddress].
func (c *Client) ValidateURL(text string) error {
	_, err := c.parse(text)
	return err
}

// parse reads a URL and drops its fragment, which is never sent.
func (c *Client) parse(text string) (*url.URL, error) {
	refused := func(reason string) error { return fmt.Errorf("%w: %s", ErrRefusedAddress, reason) }
	if len(text) > maxURLBytes {
		return nil, refused("the URL is too long")
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, refused("it is not a URL")
	}
	parsed.Fragment, parsed.RawFragment = "", ""
	host := parsed.Hostname()
	switch {
	case host == "" || parsed.Opaque != "":
		return nil, refused("the URL names no host")
	case parsed.User != nil:
		return nil, refused("the URL has a user name")
	case parsed.Scheme == "http" && !(c.loopback == LoopbackAllowed && isLoopbackName(host)):
		return nil, refused("the URL is not https")
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return nil, refused("the URL is not https")
	}
	if address, err := netip.ParseAddr(host); err == nil && !c.mayReach(address) {
		return nil, refused("the address is not a public one")
	}
	if isLoopbackName(host) && c.loopback != LoopbackAllowed {
		return nil, refused("the address is not a public one")
	}
	if !c.hosts.Allow(host) {
		return nil, refused("the host is not one of those that this server asks")
	}
	if port := parsed.Port(); port != "" && port != "443" && !(port == "80" && parsed.Scheme == "http") {
		number, err := strconv.Atoi(port)
		if err != nil || number < firstFreePort || number > 65535 {
			return nil, refused("the port is not one of a web server")
		}
	}
	return parsed, nil
}

// isLoopbackName reports whether a host name means this machine (RFC 6761 section 6.3).
func isLoopbackName(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// dial resolves a name, checks all of its addresses, and connects only to
// those.
func (c *Client) dial(ctx context.Context, network, target string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	addresses, err := c.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: connectionTimeout}
	var failure error
	for _, address := range addresses {
		connection, err := dialer.DialContext(ctx, network, net.JoinHostPort(address.String(), port))
		if err == nil {
			return connection, nil
		}
		failure = err
	}
	return nil, failure
}

// addresses returns the addresses of a host. One that must not be reached refuses
// all of them: a public name has no private address by mistake.
func (c *Client) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	addresses := []netip.Addr{}
	if literal, err := netip.ParseAddr(host); err == nil {
		addresses = append(addresses, literal)
	} else if addresses, err = c.resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, fmt.Errorf("resolve the name: %w", err)
	}
	if len(addresses) == 0 || len(addresses) > maxAddresses {
		return nil, fmt.Errorf("resolve the name: it has %d addresses", len(addresses))
	}
	for i, address := range addresses {
		if !c.mayReach(address) {
			return nil, fmt.Errorf("%w: it is not a public one", ErrRefusedAddress)
		}
		addresses[i] = address.Unmap()
	}
	return addresses, nil
}
