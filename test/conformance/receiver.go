package conformance

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Receiver is where the kit itself can be reached, as the clients that it registers:
// for their keys, request objects, sector documents and logos, and for logout tokens.
type Receiver struct {
	// Listen is the address to listen on; empty means that there is no receiver.
	Listen string `json:"listen"`
	// URL is how the provider reaches it, without a slash at the end; empty means by
	// the address that it listens on.
	URL string `json:"url"`
	// CertificateFile and KeyFile are for https, which some of the addresses need.
	CertificateFile string `json:"certificate_file"`
	KeyFile         string `json:"key_file"`
}

// receiver serves documents and keeps what is posted to it.
type receiver struct {
	url    string
	server *http.Server

	mu        sync.Mutex
	documents map[string]document
	posted    map[string]chan delivery
}

type document struct {
	contentType string
	body        []byte
}

// delivery is a request that the provider made.
type delivery struct {
	contentType string
	form        url.Values
}

func newReceiver(ctx context.Context, wanted Receiver) (*receiver, error) {
	if wanted.Listen == "" {
		return nil, nil //nolint:nilnil // none is wanted
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", wanted.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the provider: %w", err)
	}
	address := listener.Addr().String()
	if wanted.CertificateFile != "" {
		certificate, err := tls.LoadX509KeyPair(wanted.CertificateFile, wanted.KeyFile)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read the receiver's certificate: %w", err), listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	}
	if wanted.URL == "" {
		wanted.URL = "http://" + address
		if wanted.CertificateFile != "" {
			wanted.URL = "https://" + address
		}
	}
	r := &receiver{url: strings.TrimSuffix(wanted.URL, "/"), documents: map[string]document{}, posted: map[string]chan delivery{}}
	r.server = &http.Server{Handler: http.HandlerFunc(r.handle), ReadHeaderTimeout: timeout}
	go func() { _ = r.server.Serve(listener) }() // ends with close
	return r, nil
}

func (r *receiver) close() {
	if r != nil {
		_ = r.server.Close()
	}
}

func (r *receiver) handle(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	served, isServed := r.documents[request.URL.Path]
	box, isBox := r.posted[request.URL.Path]
	r.mu.Unlock()
	switch {
	case isServed && request.Method == http.MethodGet:
		w.Header().Set("Content-Type", served.contentType)
		_, _ = w.Write(served.body)
	case isBox && request.Method == http.MethodPost:
		body, _ := io.ReadAll(io.LimitReader(request.Body, maxBodyBytes))
		form, _ := url.ParseQuery(string(body))
		select {
		case box <- delivery{request.Header.Get("Content-Type"), form}:
		default: // nobody waits for more
		}
	default:
		http.NotFound(w, request)
	}
}

// receiver returns the kit's own listener, and skips the check without one.
func (p *probe) receiver() *receiver {
	if p.env.received == nil {
		p.skip("no receiver is configured")
	}
	return p.env.received
}

// serve returns an address at which a document is from now on.
func (r *receiver) serve(contentType string, body []byte) string {
	path := "/" + rand.Text()
	r.replace(r.url+path, contentType, body)
	return r.url + path
}

// replace puts another document at an address.
func (r *receiver) replace(address, contentType string, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.documents[strings.TrimPrefix(address, r.url)] = document{contentType, body}
}

// box returns an address that takes deliveries, and where they arrive.
func (r *receiver) box() (string, <-chan delivery) {
	path, arrived := "/"+rand.Text(), make(chan delivery, 8)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posted[path] = arrived
	return r.url + path, arrived
}
