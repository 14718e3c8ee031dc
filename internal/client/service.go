package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Registered is a new client with the one sight of its secret.
type Registered struct {
	Client Client
	// Secret is zero for a public client.
	Secret secret.Redacted
}

// clientIDPrefix keeps client identifiers apart from the subjects of users,
// which are UUIDs (OAuth 2.1 section 9.5), and from URLs.
const clientIDPrefix = "client_"

// maxClientIDBytes bounds a client_id that is looked up.
const maxClientIDBytes = 255

// Register checks and stores a new client. The error is a fault of kind Invalid that names the wrong fields.
func (s *Service) Register(ctx context.Context, registration New) (Registered, error) {
	registration = registration.withDefaults()
	if err := registration.validate(); err != nil {
		return Registered{}, err
	}
	if err := s.keys.Ensure(ctx, registration.IDTokenAlgorithm); err != nil {
		return Registered{}, fmt.Errorf("prepare the client's signing key: %w", err)
	}
	made := registration.client(s.clock.Now())
	var credential secret.Redacted
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.store.insert(ctx, made); err != nil {
			return err
		}
		if made.IsPublic() {
			return nil
		}
		credential = secret.New()
		return s.store.insertSecret(ctx, made.ID, secret.Hash(credential), made.CreatedAt)
	})
	if err != nil {
		return Registered{}, fmt.Errorf("store a client: %w", err)
	}
	return Registered{Client: made, Secret: credential}, nil
}

func (n New) client(now time.Time) Client {
	return Client{
		ID: id.New(), ClientID: clientIDPrefix + secret.New().Reveal()[:24], Name: strings.TrimSpace(n.Name),
		ApplicationType: n.ApplicationType, AuthenticationMethod: n.AuthenticationMethod, RedirectURIs: n.RedirectURIs,
		GrantTypes: n.GrantTypes, ResponseTypes: n.responseTypes(), Scopes: n.Scopes, Resources: n.Resources, ProtectedResources: n.ProtectedResources, PKCE: n.PKCE,
		Consent: n.Consent, AccessTokenFormat: n.AccessTokenFormat, RefreshTokenRotation: n.RefreshTokenRotation,
		IDTokenAlgorithm: n.IDTokenAlgorithm, AccessTokenLifetime: n.AccessTokenLifetime, RefreshTokenLifetime: n.RefreshTokenLifetime,
		ClientURI: n.ClientURI, LogoURI: n.LogoURI, PolicyURI: n.PolicyURI, TermsOfServiceURI: n.TermsOfServiceURI,
		Contacts: n.Contacts, PostLogoutRedirectURIs: n.PostLogoutRedirectURIs, RequireAuthTime: n.RequireAuthTime,
		DefaultMaxAge: n.DefaultMaxAge, State: Active, CreatedAt: now, UpdatedAt: now,
	}
}

func (n New) responseTypes() []oauth.ResponseType {
	for _, grant := range n.GrantTypes {
		if grant == oauth.AuthorizationCode {
			return []oauth.ResponseType{oauth.ResponseTypeCode}
		}
	}
	return nil
}

// Find returns the client of a client_id, disabled ones too. The error is a
// fault of kind NotFound if there is none.
func (s *Service) Find(ctx context.Context, clientID string) (Client, error) {
	if clientID == "" || len(clientID) > maxClientIDBytes || strings.ContainsRune(clientID, 0) {
		return Client{}, errUnknown
	}
	return s.found(s.store.byClientID(ctx, clientID))
}

// FindByRecord returns the client of a record's identifier; see Find.
func (s *Service) FindByRecord(ctx context.Context, record uuid.UUID) (Client, error) {
	return s.found(s.store.byRecord(ctx, record))
}

var errUnknown = fault.New(fault.NotFound, "client.unknown")

func (s *Service) found(known Client, err error) (Client, error) {
	if errors.Is(err, errNoRecord) {
		return Client{}, errUnknown
	}
	if err != nil {
		return Client{}, fmt.Errorf("find a client: %w", err)
	}
	return known, nil
}

// ReplaceSecret gives a confidential client a new secret; the old ones end at
// once. Faults: NotFound, and Conflict for a public client.
func (s *Service) ReplaceSecret(ctx context.Context, record uuid.UUID) (secret.Redacted, error) {
	known, err := s.FindByRecord(ctx, record)
	if err != nil {
		return secret.Redacted{}, err
	}
	if known.IsPublic() {
		return secret.Redacted{}, fault.New(fault.Conflict, "client.public_has_no_secret")
	}
	credential := secret.New()
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		// The record's row makes those who replace the same secret at once take turns.
		if err := s.store.touch(ctx, record, s.clock.Now()); err != nil {
			return err
		}
		if err := s.store.deleteSecrets(ctx, record); err != nil {
			return err
		}
		return s.store.insertSecret(ctx, record, secret.Hash(credential), s.clock.Now())
	})
	if err != nil {
		return secret.Redacted{}, fmt.Errorf("replace a client secret: %w", err)
	}
	return credential, nil
}

// Disable refuses the client from now on and ends, for good, everything it was
// given. The error is a fault of kind NotFound if there is no such client.
func (s *Service) Disable(ctx context.Context, record uuid.UUID) error {
	return s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.setState(ctx, record, Disabled); err != nil {
			return err
		}
		return s.issued.EndAllOfClient(ctx, record)
	})
}

// Enable lets the client begin anew; see Disable.
func (s *Service) Enable(ctx context.Context, record uuid.UUID) error {
	return s.setState(ctx, record, Active)
}

func (s *Service) setState(ctx context.Context, record uuid.UUID, state State) error {
	changed, err := s.store.setState(ctx, record, state, s.clock.Now())
	if err != nil {
		return fmt.Errorf("change a client's state: %w", err)
	}
	if !changed {
		return errUnknown
	}
	return nil
}

// Delete removes the client with everything that hangs from it.
func (s *Service) Delete(ctx context.Context, record uuid.UUID) error {
	changed, err := s.store.remove(ctx, record)
	if err != nil {
		return fmt.Errorf("delete a client: %w", err)
	}
	if !changed {
		return errUnknown
	}
	return nil
}
