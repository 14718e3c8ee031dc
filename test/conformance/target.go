package conformance

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Target is a provider with what the kit may use to check it. Everything but the
// issuer may be left out; the checks that need it are skipped then.
type Target struct {
	Issuer string `json:"issuer"`
	User   User   `json:"user"`
	// Client is confidential; its secret may be sent in a header. Client2 is another one.
	Client  Client `json:"client"`
	Client2 Client `json:"client2"`
	// PostClient sends its secret in the body.
	PostClient Client `json:"client_secret_post"`
	Public     Client `json:"public_client"`
	// InitialAccessToken allows dynamic registration; Registration is "open" without one.
	InitialAccessToken string `json:"initial_access_token"`
	Registration       string `json:"registration"`
	// Pages has what the provider's pages call their elements.
	Pages Pages `json:"pages"`
	// Receiver is where the provider can reach the kit.
	Receiver Receiver `json:"receiver"`
	// RotateKeys lets the provider sign with new keys; nil where the kit can't do that.
	RotateKeys func(ctx context.Context) error `json:"-"`
	// Slow asks for the checks that wait half a minute each.
	Slow bool `json:"slow"`
	// Roots are the certificate authorities that are trusted; nil means the system's.
	Roots *x509.CertPool `json:"-"`
}

// User is somebody who can sign in.
type User struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Client is a registered client.
type Client struct {
	ID                    string `json:"client_id"`
	Secret                string `json:"client_secret"`
	RedirectURI           string `json:"redirect_uri"`
	PostLogoutRedirectURI string `json:"post_logout_redirect_uri"`
	// WithoutPKCE says that the provider lets this client leave out the code challenge.
	WithoutPKCE bool `json:"without_pkce"`

	// key is of a client that the kit registered for private_key_jwt.
	key *keyPair
}

// Pages has the names of inputs and buttons on the pages of a provider.
type Pages struct {
	Username string `json:"username"` // name of the input
	Password string `json:"password"`
	Allow    string `json:"allow"` // id of the button
	Deny     string `json:"deny"`
	Account  string `json:"account"` // id of the button that goes on as who is signed in
	Logout   string `json:"logout"`
}

func (p Pages) withDefaults() Pages {
	for _, each := range []struct {
		field *string
		value string
	}{
		{&p.Username, "username"},
		{&p.Password, "password"},
		{&p.Allow, "consent-allow"},
		{&p.Deny, "consent-deny"},
		{&p.Account, "select-account-current"},
		{&p.Logout, "logout-confirm"},
	} {
		if *each.field == "" {
			*each.field = each.value
		}
	}
	return p
}

// ReadTarget reads a target from a JSON file.
func ReadTarget(file string) (Target, error) {
	var target Target
	return target, readJSON(file, &target, (*json.Decoder).DisallowUnknownFields) // a misspelt client would only be skipped
}

// ReadDevFile reads what "authly serve --dev" writes beside its database.
func ReadDevFile(file string) (Target, error) {
	var dev struct {
		Issuer string
		User   User
		Public struct {
			ID           string   `json:"client_id"`
			RedirectURIs []string `json:"redirect_uris"`
		} `json:"public_client"`
		Confidential struct {
			ID           string   `json:"client_id"`
			Secret       string   `json:"client_secret"`
			RedirectURIs []string `json:"redirect_uris"`
		} `json:"confidential_client"`
	}
	if err := readJSON(file, &dev); err != nil {
		return Target{}, err
	}
	target := Target{Issuer: dev.Issuer, User: dev.User}
	if len(dev.Confidential.RedirectURIs) > 0 {
		target.Client = Client{ID: dev.Confidential.ID, Secret: dev.Confidential.Secret, RedirectURI: dev.Confidential.RedirectURIs[0]}
		target.PostClient = target.Client
	}
	if len(dev.Public.RedirectURIs) > 0 {
		target.Public = Client{ID: dev.Public.ID, RedirectURI: dev.Public.RedirectURIs[0]}
	}
	return target, nil
}

func readJSON(file string, into any, options ...func(*json.Decoder)) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the clients: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	for _, option := range options {
		option(decoder)
	}
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read the clients: %s is not what is expected: %w", file, err)
	}
	return nil
}

// environment is what all checks of a run share.
type environment struct {
	Target
	http     *http.Client
	metadata map[string]json.RawMessage
	received *receiver // nil without one
	keyPairs *keyPairs
	cookies  http.CookieJar // of the browser that most checks use
}

const timeout = 30 * time.Second

// ErrNoMetadata is returned where there is nothing to check: a provider that does not
// answer, or has no metadata.
var ErrNoMetadata = errors.New("read the metadata")

func newEnvironment(ctx context.Context, target Target) (*environment, error) {
	parsed, err := url.Parse(target.Issuer)
	if err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return nil, fmt.Errorf("%q is not an issuer: give its URL, such as https://id.example.com", target.Issuer)
	}
	target.Issuer = strings.TrimSuffix(target.Issuer, "/.well-known/openid-configuration")
	target.Pages = target.Pages.withDefaults()
	env := &environment{Target: target, http: newHTTPClient(target.Roots), keyPairs: &keyPairs{}}
	p := &probe{ctx: ctx, env: env}
	answer, err := p.sendOnce(http.MethodGet, env.base()+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoMetadata, err)
	}
	if answer.status != http.StatusOK || json.Unmarshal(answer.body, &env.metadata) != nil {
		return nil, fmt.Errorf("%w: %s answers with %d and no JSON object", ErrNoMetadata, answer.url, answer.status)
	}
	if env.received, err = newReceiver(ctx, target.Receiver); err != nil {
		return nil, err
	}
	return env, nil
}

// base is the issuer as paths are added to it (Discovery section 4.1).
func (e *environment) base() string { return strings.TrimSuffix(e.Issuer, "/") }

func (e *environment) close() {
	e.received.close()
	e.http.CloseIdleConnections()
}
