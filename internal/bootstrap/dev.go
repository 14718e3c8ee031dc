package bootstrap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
	"authly/internal/user"
)

// DevFile is the name of the file with the demo credentials, in the data directory.
const DevFile = "dev.json"

// Dev is the demo data of a server for development.
type Dev struct {
	Issuer             string
	User               DevUser
	Administrator      DevUser
	PublicClient       DevClient
	ConfidentialClient DevClient
	// File is the path of the file with all this, for scripts.
	File string
}

// DevUser is the demo user, or the demo administrator.
type DevUser struct {
	Username string
	Password secret.Redacted
}

// DevClient is a demo client.
type DevClient struct {
	ClientID     string
	ClientSecret secret.Redacted // zero for the public one
	RedirectURIs []string
}

// errDemoName is for an account that has the name of a demo account but is none.
var errDemoName = fault.New(fault.Conflict, "setup.demo_name_taken")

// Dev makes sure that there are a demo user, a demo administrator and two demo clients with
// usable credentials, and writes these to the data directory for scripts.
// Credentials in the file that still fit the database are kept, so that an
// application that was configured with them keeps working; others are replaced.
func (s *Service) Dev(ctx context.Context, dataDirectory string) (Dev, error) {
	path := filepath.Join(dataDirectory, DevFile)
	saved, err := readDevFile(path)
	if err != nil {
		return Dev{}, err
	}
	current := Dev{Issuer: s.issuer, File: path}
	if current.User, err = s.devUser(ctx, saved.User, demoUser()); err != nil {
		return Dev{}, fmt.Errorf("prepare the demo user: %w", err)
	}
	if current.Administrator, err = s.devUser(ctx, saved.Administrator, demoAdministrator()); err != nil {
		return Dev{}, fmt.Errorf("prepare the demo administrator: %w", err)
	}
	if current.PublicClient, err = s.devClient(ctx, saved.PublicClient, s.publicClient()); err != nil {
		return Dev{}, fmt.Errorf("prepare the public demo client: %w", err)
	}
	if current.ConfidentialClient, err = s.devClient(ctx, saved.ConfidentialClient, confidentialClient()); err != nil {
		return Dev{}, fmt.Errorf("prepare the confidential demo client: %w", err)
	}
	if err := writeDevFile(path, current); err != nil {
		return Dev{}, err
	}
	return current, nil
}

// devUser returns the credentials from the file if they fit, otherwise the demo account's with a
// new password. An account that only has the same name as the demo one is left alone.
func (s *Service) devUser(ctx context.Context, saved DevUser, demo user.New) (DevUser, error) {
	existing, err := s.users.FindByIdentifier(ctx, demo.Username)
	isThere := fault.KindOf(err) != fault.NotFound
	if isThere && err != nil {
		return DevUser{}, err
	}
	// A demo user who was made an administrator on purpose is still the one in the file.
	mayBeIt := isThere && (existing.Administrator || !demo.Administrator)
	if mayBeIt && saved.Username == demo.Username && !saved.Password.IsZero() {
		_, err := s.users.VerifyPassword(ctx, saved.Username, saved.Password)
		if err == nil {
			return saved, nil
		}
		if !errors.Is(err, user.ErrWrongCredentials) {
			return DevUser{}, err
		}
	}
	if isThere && (existing.Administrator != demo.Administrator || demo.Administrator && existing.Email != demo.Email) {
		return DevUser{}, errDemoName.Because(fmt.Errorf(
			"there is an account %s that is not the demo one; start --dev with another data directory, or rename or delete that account", demo.Username))
	}
	// 130 random bits, in letters that are easy to type.
	fresh := DevUser{demo.Username, secret.FromString(strings.ToLower(rand.Text()))}
	if !isThere {
		demo.Password = fresh.Password
		_, err = s.users.Create(ctx, demo)
		return fresh, err
	}
	if !existing.IsActive() {
		if err := s.users.Enable(ctx, existing.ID); err != nil {
			return DevUser{}, err
		}
	}
	return fresh, s.users.SetPassword(ctx, existing.ID, fresh.Password)
}

func demoAdministrator() user.New {
	return user.New{Username: "admin", Email: "admin@example.com", EmailVerified: true, Administrator: true}
}

// demoUser has a value for every claim, so that each scope returns something.
func demoUser() user.New {
	verified := true
	return user.New{
		Username: "demo", Email: "demo@example.com", EmailVerified: true,
		Claims: oidc.StandardClaims{
			Name: "Dana Elise Moreau", GivenName: "Dana", MiddleName: "Elise", FamilyName: "Moreau", Nickname: "Dee",
			Profile: "https://example.com/people/demo", Picture: "https://example.com/people/demo.png", Website: "https://demo.example.com",
			Gender: "female", Birthdate: "1990-04-01", ZoneInfo: "Europe/Paris", Locale: "en-GB",
			Address: &oidc.Address{
				Formatted: "1 Example Street\n75001 Paris\nFrance", StreetAddress: "1 Example Street", Locality: "Paris",
				Region: "Île-de-France", PostalCode: "75001", Country: "France",
			},
			PhoneNumber: "+33199001234", PhoneNumberVerified: &verified,
		},
	}
}

// devClient returns the client from the file if it still has the demo client's settings, with a new
// secret if the one in the file doesn't fit; otherwise a new client.
func (s *Service) devClient(ctx context.Context, saved DevClient, demo client.Metadata) (DevClient, error) {
	existing, err := s.clients.Find(ctx, saved.ClientID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return s.registerDevClient(ctx, demo)
	case err != nil:
		return DevClient{}, err
	case !existing.IsActive() || existing.AuthenticationMethod != demo.AuthenticationMethod ||
		!slices.Equal(existing.RedirectURIs, demo.RedirectURIs):
		if err := s.clients.Delete(ctx, existing.ID); err != nil {
			return DevClient{}, err
		}
		return s.registerDevClient(ctx, demo)
	}
	result := DevClient{ClientID: existing.ClientID, RedirectURIs: existing.RedirectURIs}
	if existing.IsPublic() {
		return result, nil
	}
	if existing.KnowsSecret(saved.ClientSecret, s.clock.Now()) {
		result.ClientSecret = saved.ClientSecret
		return result, nil
	}
	result.ClientSecret, err = s.clients.ReplaceSecret(ctx, existing.ID)
	return result, err
}

func (s *Service) registerDevClient(ctx context.Context, metadata client.Metadata) (DevClient, error) {
	created, err := s.clients.Register(ctx, metadata)
	return DevClient{created.Client.ClientID, created.Secret, created.Client.RedirectURIs}, err
}

// loopbackRedirectURIs are valid on any port (RFC 8252 section 7.3).
func loopbackRedirectURIs() []string {
	return []string{"http://127.0.0.1/callback", "http://localhost/callback", "http://[::1]/callback"}
}

func allScopes() oauth.ScopeSet {
	return oauth.ScopeSet{
		oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone, oauth.ScopeOfflineAccess,
	}
}

// publicClient is for applications without a server, and for the playground.
func (s *Service) publicClient() client.Metadata {
	return client.Metadata{
		Name: "Demo app", ApplicationType: oauth.Native, AuthenticationMethod: oauth.AuthenticationMethodNone,
		RedirectURIs: append(loopbackRedirectURIs(), s.issuer+"/playground"),
		GrantTypes:   []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken}, Scopes: allScopes(),
	}
}

// confidentialClient is for applications with a server.
func confidentialClient() client.Metadata {
	return client.Metadata{
		Name: "Demo web application", ApplicationType: oauth.Web, AuthenticationMethod: oauth.ClientSecretBasic,
		RedirectURIs: loopbackRedirectURIs(),
		GrantTypes:   []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials}, Scopes: allScopes(),
	}
}
