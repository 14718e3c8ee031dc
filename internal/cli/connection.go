package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/cli/account"
	"authly/internal/cli/remote"
	"authly/internal/platform/clock"
	"authly/internal/platform/relyingparty"
	"authly/internal/platform/secret"
	"authly/internal/protocol/metadata"
)

// The variables by which a script says which server it works with, and as whom.
const (
	variableServer       = "AUTHLY_SERVER"
	variableProfile      = "AUTHLY_PROFILE"
	variableAPI          = "AUTHLY_API"
	variableCAFile       = "AUTHLY_CA_FILE"
	variableCredentials  = "AUTHLY_CREDENTIALS" //nolint:gosec // a name
	variableToken        = "AUTHLY_TOKEN"       //nolint:gosec // a name
	variableClientID     = "AUTHLY_CLIENT_ID"
	variableClientSecret = "AUTHLY_CLIENT_SECRET" //nolint:gosec // a name
)

var (
	errNoServer     = errors.New("it was not said which server is meant")
	errNoSecret     = errors.New(variableClientID + " is set, and " + variableClientSecret + " is not")
	errNoAuthority  = errors.New("there is no certificate in the file")
	errNotSignedIn  = errors.New("not signed in")
	errSecondSource = errors.New(variableToken + " and " + variableClientID + " are both set, and only one of them can count")
)

// answerPatience is how long a server has for one answer.
const answerPatience = 30 * time.Second

// connectionFlags say which server is meant.
type connectionFlags struct{ profile, server, api, caFile string }

func addConnectionFlags(command *cobra.Command) *connectionFlags {
	wanted := &connectionFlags{}
	flags := command.Flags()
	flags.StringVar(&wanted.server, "server", "", "the `URL` of the server, its issuer (default $"+variableServer+", or the profile's)")
	flags.StringVar(&wanted.profile, "profile", "", "the `name` of the profile (default $"+variableProfile+", or the current one)")
	flags.StringVar(&wanted.caFile, "ca-file", "", "a PEM `file` with certificate authorities to trust besides the system's (default $"+variableCAFile+")")
	flags.StringVar(&wanted.api, "api", "", apiUsage)
	return wanted
}

const apiUsage = "the `URL` of the administration, if it has an address of its own (default $" + variableAPI + ", or the profile's)"

// variable returns a variable of the environment.
func (p Program) variable(name string) string {
	if p.Environment == nil {
		return os.Getenv(name)
	}
	for _, line := range p.Environment {
		if value, found := strings.CutPrefix(line, name+"="); found {
			return value
		}
	}
	return ""
}

// book returns where profiles are kept.
func (p Program) book() (*account.Book, error) {
	directory, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("find the directory of the profiles: %w", err)
	}
	return account.Open(filepath.Join(directory, "authly")), nil
}

// connection is a server that commands work with, and as whom.
type connection struct {
	server   string
	api      string          // where its administration is
	profile  account.Profile // zero if the environment says who it is
	source   string          // what says who it is, for people
	book     *account.Book
	tokens   remote.Tokens
	through  *http.Client
	provider func(ctx context.Context) (relyingparty.Provider, error)
	admin    *remote.Client
}

// connect finds out which server is meant and as whom; it asks nobody.
func (p Program) connect(wanted *connectionFlags) (*connection, error) {
	book, err := p.book()
	if err != nil {
		return nil, err
	}
	made := &connection{book: book}
	fixed := p.variable(variableToken) != "" || p.variable(variableClientID) != ""
	if err := made.findServer(p, wanted, fixed); err != nil {
		return nil, err
	}
	if made.through, err = httpClient(cmp.Or(wanted.caFile, p.variable(variableCAFile), made.profile.CAFile)); err != nil {
		return nil, err
	}
	made.provider = func(ctx context.Context) (relyingparty.Provider, error) {
		return relyingparty.Discover(ctx, made.through, made.server)
	}
	if err := made.findTokens(p, fixed); err != nil {
		return nil, made.explained(err)
	}
	if made.api = strings.TrimSuffix(cmp.Or(wanted.api, p.variable(variableAPI), made.profile.API, made.server), "/"); made.api != made.server {
		if err := checkAPI(made.api); err != nil {
			return nil, err
		}
	}
	made.admin = remote.New(remote.Options{Server: made.api, HTTP: made.through, Tokens: made.tokens, Agent: "authly/" + p.Version.Version})
	return made, nil
}

// checkAPI holds that tokens only go where nobody listens in.
func checkAPI(address string) error {
	if err := metadata.ValidateIssuer(address); err != nil {
		return usagef("--api is %q: https, or http on this machine, without query: %v", address, err)
	}
	return nil
}

// findServer lets what was said on the command line count before the environment, and that
// before the current profile.
func (c *connection) findServer(p Program, wanted *connectionFlags, fixed bool) error {
	name, server := wanted.profile, wanted.server
	if name == "" && server == "" {
		name, server = p.variable(variableProfile), p.variable(variableServer)
	}
	server = strings.TrimSuffix(server, "/")
	var err error
	switch {
	case name != "":
		c.profile, err = c.book.Find(name)
		if err == nil && server != "" && server != c.profile.Server {
			return usagef("the profile %q is of the server %s, not of %s", name, c.profile.Server, server)
		}
	case server != "":
		c.profile, err = c.book.Of(server)
		if errors.Is(err, account.ErrNoProfile) {
			c.server = server
			if fixed {
				return nil
			}
			return c.explained(errNotSignedIn)
		}
	default:
		c.profile, err = c.book.Find("")
		if errors.Is(err, account.ErrNoProfile) {
			return errNoServer
		}
	}
	c.server = c.profile.Server
	return err
}

// findTokens finds out as whom the server is asked.
func (c *connection) findTokens(p Program, fixed bool) error {
	token, clientID := p.variable(variableToken), p.variable(variableClientID)
	switch {
	case token != "" && clientID != "":
		return errSecondSource
	case token != "":
		c.tokens, c.source = account.Fixed{Access: secret.FromString(token)}, variableToken
	case clientID != "":
		clientSecret, err := p.clientSecret()
		if err != nil {
			return err
		}
		c.source = variableClientID
		c.tokens = &account.Service{ClientID: clientID, Secret: clientSecret, Resource: c.server + remote.Path, Discover: c.provider}
	default:
		c.source = "the profile " + c.profile.Name
		c.tokens = c.book.Session(c.profile, clock.System(), c.provider, p.signInAgain(c.profile))
	}
	if fixed {
		c.profile = account.Profile{}
	}
	return nil
}

// clientSecret reads the secret of AUTHLY_CLIENT_ID from a variable, or from the file that one names.
func (p Program) clientSecret() (secret.Redacted, error) {
	if value := p.variable(variableClientSecret); value != "" {
		return secret.FromString(value), nil
	}
	file := p.variable(variableClientSecret + "_FILE")
	if file == "" {
		return secret.Redacted{}, errNoSecret
	}
	text, err := os.ReadFile(file) //nolint:gosec // the person says which
	if err != nil {
		return secret.Redacted{}, fmt.Errorf("read the client secret: %w", err)
	}
	return secret.FromString(strings.TrimSpace(string(text))), nil
}

// httpClient returns a client that trusts the system's authorities and those of a file.
func httpClient(caFile string) (*http.Client, error) {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	transport = transport.Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		content, err := os.ReadFile(caFile) //nolint:gosec // the person says which
		if err != nil {
			return nil, fmt.Errorf("read the certificate authorities: %w", err)
		}
		if transport.TLSClientConfig.RootCAs, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
		}
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("read the certificate authorities in %s: %w", caFile, errNoAuthority)
		}
	}
	return &http.Client{Transport: transport, Timeout: answerPatience}, nil
}

// serverError is an error of what was done with a server.
type serverError struct {
	server, source string
	cause          error
}

func (e *serverError) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *serverError) Unwrap() error { return e.cause }

// explained notes which server an error is of, and as whom it was asked, so that people can be told what to do.
func (c *connection) explained(err error) error {
	if err == nil {
		return nil
	}
	return &serverError{c.server, c.source, err}
}
