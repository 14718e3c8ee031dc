package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"authly/internal/app"
	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/clock"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/registration"
	"authly/internal/user"
)

// options are what can be chosen.
type options struct {
	issuer, listen, base, directory, suiteCA string

	// browser is the Chromium that the plans of [drivenPlans] are run with; "" to run none.
	browser string
	// suiteToken is for a suite that asks for one.
	suiteToken string
}

// provider is a server that is ready to serve, with what its plans need to know.
type provider struct {
	app       *app.App
	values    values
	directory string
	plans     []string
}

// values stand in the configurations of the plans.
type values struct {
	Issuer, Base                string
	Username, Password          string
	Client, Client2, SecretPost credentials
	// BackChannel and FrontChannel learn of logouts, each in its own way; the others don't, as each
	// module of the suite accepts only what it is about.
	BackChannel, FrontChannel credentials
	InitialAccessToken        string
}

type credentials struct{ ID, Secret string }

// marker is in a directory that this program made, which it may therefore empty.
const marker = "made-by-openid-op"

func prepare(ctx context.Context, wanted options, logger *slog.Logger) (*provider, error) {
	if err := emptied(wanted.directory); err != nil {
		return nil, err
	}
	settings, err := wanted.settings()
	if err != nil {
		return nil, err
	}
	built, err := app.New(ctx, app.Options{Config: settings, Logger: logger})
	if err != nil {
		return nil, err
	}
	made := &provider{app: built, directory: wanted.directory, values: values{Issuer: wanted.issuer, Base: wanted.base}}
	if err := errors.Join(made.addUser(ctx), made.addClients(ctx), made.addInitialToken(ctx)); err != nil {
		return nil, errors.Join(err, built.Close())
	}
	if made.plans, err = writePlans(filepath.Join(wanted.directory, "plans"), made.values); err != nil {
		return nil, errors.Join(err, built.Close())
	}
	return made, nil
}

// emptied makes the directory anew, and refuses one that somebody else made.
func emptied(directory string) error {
	entries, err := os.ReadDir(directory)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("look into the directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(directory, marker)); len(entries) > 0 && err != nil {
		return fmt.Errorf("%s was not made by this program, so it is not emptied", directory)
	}
	if err := os.RemoveAll(directory); err != nil {
		return fmt.Errorf("empty the directory: %w", err)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	return os.WriteFile(filepath.Join(directory, marker), nil, 0o600)
}

func (o options) settings() (config.Config, error) {
	certificate, key := filepath.Join(o.directory, "op.crt"), filepath.Join(o.directory, "op.key")
	if err := writeCertificate(o.issuer, certificate, key); err != nil {
		return config.Config{}, err
	}
	settings := config.Default()
	settings.Issuer, settings.Listen, settings.DataDirectory = o.issuer, o.listen, filepath.Join(o.directory, "data")
	settings.TLS = config.TLS{CertificateFile: certificate, KeyFile: key}
	// Dozens of sign-ins in a row, from one address.
	settings.Throttle.AccountBurst, settings.Throttle.AccountInterval = 100, time.Second
	settings.Throttle.AddressBurst, settings.Throttle.AddressInterval = 10000, 10*time.Millisecond
	settings.Egress = config.Egress{AllowLoopback: true, AdditionalCAFile: o.suiteCA}
	settings.Requests.RequestURI = true
	settings.Logout.SessionManagement = true
	settings.Registration.Mode = string(registration.InitialAccessToken)
	if problems := settings.Validate(); len(problems) > 0 {
		return config.Config{}, problems
	}
	return settings, nil
}

// writeCertificate makes a self-signed certificate for the issuer's host, and for
// the names by which a suite in a container can reach this machine.
func writeCertificate(issuer, certificateFile, keyFile string) error {
	parsed, err := url.Parse(issuer)
	if err != nil {
		return fmt.Errorf("read the issuer: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := clock.System().Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Authly for the conformance suite"},
		DNSNames: []string{"localhost", "host.docker.internal"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 1, 0), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true, IsCA: true,
	}
	if net.ParseIP(parsed.Hostname()) == nil {
		template.DNSNames = append(template.DNSNames, parsed.Hostname())
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}), 0o600),
	)
}

// addUser makes the user of the tests, with a value for every standard claim.
func (p *provider) addUser(ctx context.Context) error {
	verified := true
	p.values.Username, p.values.Password = "conformance", secret.New().Reveal()
	_, err := p.app.Users.Create(ctx, user.New{
		Username: p.values.Username, Email: "conformance@example.com", EmailVerified: true, Password: secret.FromString(p.values.Password),
		Claims: oidc.StandardClaims{
			Name: "Connie Test Formance", GivenName: "Connie", MiddleName: "Test", FamilyName: "Formance", Nickname: "Con",
			Profile: "https://example.com/connie", Picture: "https://example.com/connie.png", Website: "https://connie.example.com",
			Gender: "female", Birthdate: "1990-04-01", ZoneInfo: "Europe/Paris", Locale: "en-GB",
			Address: &oidc.Address{
				Formatted: "1 Example Street\n75001 Paris\nFrance", StreetAddress: "1 Example Street", Locality: "Paris",
				Region: "Île-de-France", PostalCode: "75001", Country: "France",
			},
			PhoneNumber: "+33199001234", PhoneNumberVerified: &verified,
		},
	})
	if err != nil {
		return fmt.Errorf("make the user: %w", err)
	}
	return nil
}

// addClients makes the clients that the plans with static clients need.
func (p *provider) addClients(ctx context.Context) error {
	base := p.values.Base
	for _, wanted := range []struct {
		name   string
		method oauth.AuthenticationMethod
		into   *credentials
		change func(*client.Metadata)
	}{
		{"Conformance client", oauth.ClientSecretBasic, &p.values.Client, func(*client.Metadata) {}},
		{"Conformance client 2", oauth.ClientSecretBasic, &p.values.Client2, func(*client.Metadata) {}},
		{"Conformance client for client_secret_post", oauth.ClientSecretPost, &p.values.SecretPost, func(*client.Metadata) {}},
		{"Conformance client for back-channel logout", oauth.ClientSecretBasic, &p.values.BackChannel, func(m *client.Metadata) {
			m.BackChannelLogoutURI, m.BackChannelLogoutSessionRequired = base+"/backchannel_logout", true
		}},
		{"Conformance client for front-channel logout", oauth.ClientSecretBasic, &p.values.FrontChannel, func(m *client.Metadata) {
			m.FrontChannelLogoutURI, m.FrontChannelLogoutSessionRequired = base+"/frontchannel_logout", true
		}},
	} {
		metadata := client.Metadata{
			Name: wanted.name, SecurityProfile: client.ProfileOpenIDLegacy, AuthenticationMethod: wanted.method,
			RedirectURIs: []string{base + "/callback", base + "/callback?dummy1=lorem&dummy2=ipsum"},
			GrantTypes:   []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken}, Scopes: registration.DefaultScopes(),
			PostLogoutRedirectURIs: []string{base + "/post_logout_redirect"},
		}
		wanted.change(&metadata)
		made, err := p.app.Clients.Register(ctx, metadata)
		if err != nil {
			return fmt.Errorf("register %q: %w", wanted.name, err)
		}
		*wanted.into = credentials{made.Client.ClientID, made.Secret.Reveal()}
	}
	return nil
}

// addInitialToken lets the suite register clients, which are held to the profile
// that its plans need: their requests have no code challenge.
func (p *provider) addInitialToken(ctx context.Context) error {
	made, err := p.app.InitialTokens.Create(ctx, registration.NewInitialToken{
		Name: "conformance suite", Policy: registration.Policy{SecurityProfile: client.ProfileOpenIDLegacy}, Uses: registration.Unlimited, Lifetime: 30 * 24 * time.Hour,
	}, audit.Author{Actor: audit.Actor{Kind: audit.Operator}})
	if err != nil {
		return fmt.Errorf("make the initial access token: %w", err)
	}
	p.values.InitialAccessToken = made.Token.Reveal()
	return nil
}

// announce says where everything is. The password is in the plans.
func (p *provider) announce(out io.Writer) {
	_, _ = fmt.Fprintf(out, "Authly is ready for the conformance suite.\n\n  Issuer         %s\n  Certificate    %s (self-signed)\n  Suite          %s\n\nConfigurations, with fresh secrets:\n\n",
		p.values.Issuer, filepath.Join(p.directory, "op.crt"), p.values.Base)
	for _, plan := range p.plans {
		_, _ = fmt.Fprintf(out, "  %s\n", plan)
	}
	_, _ = fmt.Fprintf(out, "\nSend SIGHUP to process %d to rotate the signing keys. Stop with Ctrl-C.\n", os.Getpid())
}
