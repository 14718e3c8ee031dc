package httpx

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"authly/internal/platform/clock"
)

// certificatePoll is how often the files are checked, at most.
const certificatePoll = time.Second

// certificate is a key pair that follows its files. They are checked during a
// handshake, so that there is no goroutine to start and to stop.
type certificate struct {
	certificateFile, keyFile string
	clock                    clock.Clock
	logger                   *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]fileStamp
	checked time.Time
}

// fileStamp identifies a version of a file.
type fileStamp struct {
	modified time.Time
	size     int64
}

func newCertificate(options ServerOptions) (*certificate, error) {
	c := &certificate{
		certificateFile: options.CertificateFile, keyFile: options.KeyFile,
		clock: options.Clock, logger: options.Logger,
	}
	var err error
	if c.seen, err = c.stamps(); err != nil {
		return nil, err
	}
	if c.current, err = c.load(); err != nil {
		return nil, err
	}
	c.checked = c.clock.Now()
	return c, nil
}

func (c *certificate) config() *tls.Config {
	config := tlsConfig()
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(), nil }
	return config
}

// get returns the pair to serve. A new pair that is broken, or only partly
// written, is logged once and the old one kept until the files change again.
func (c *certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if since := now.Sub(c.checked); since >= 0 && since < certificatePoll {
		return c.current
	}
	c.checked = now
	stamps, err := c.stamps()
	if err == nil && stamps == c.seen {
		return c.current
	}
	if err == nil {
		c.seen = stamps
		var loaded *tls.Certificate
		if loaded, err = c.load(); err == nil {
			c.current = loaded
			c.logger.Info("TLS certificate reloaded", "not_after", loaded.Leaf.NotAfter)
			return c.current
		}
	} else if c.seen == ([2]fileStamp{}) {
		return c.current // the files are still missing, which was logged before
	} else {
		c.seen = [2]fileStamp{}
	}
	c.logger.Error("TLS certificate not reloaded, the previous one stays in use", "error", err.Error())
	return c.current
}

func (c *certificate) stamps() ([2]fileStamp, error) {
	var stamps [2]fileStamp
	for i, name := range []string{c.certificateFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return stamps, fmt.Errorf("look at the TLS files: %w", err)
		}
		stamps[i] = fileStamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}

func (c *certificate) load() (*tls.Certificate, error) {
	loaded, err := tls.LoadX509KeyPair(c.certificateFile, c.keyFile)
	if err != nil {
		return nil, fmt.Errorf("load the TLS certificate: %w", err)
	}
	return &loaded, nil
}
