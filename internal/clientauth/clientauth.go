package clientauth

import (
	"context"
	"fmt"
	"strings"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Credentials are what a request brought to say who its client is.
type Credentials struct {
	ClientID string
	Secret   secret.Redacted
	// Assertion is a JWT that the client signed (RFC 7523 section 2.2).
	Assertion secret.Redacted
	// Path is that of the endpoint that was called.
	Path string
	// used is the assertion that the same request has used up; nil for a request that is judged once.
	used *usedAssertion
}

// Method is one way for a client to prove who it is.
type Method interface {
	// Name returns the method's registered name (RFC 7591 section 2).
	Name() oauth.AuthenticationMethod
	// Authenticate returns a refusal if the credentials don't prove that the caller is the client.
	Authenticate(ctx context.Context, known client.Client, credentials Credentials) error
}

// Clients finds registered clients.
type Clients interface {
	Find(ctx context.Context, clientID string) (client.Client, error)
}

// Failures bounds failed attempts by address; see [Service.Authenticate].
type Failures interface {
	// Failed counts a failed attempt, and returns a refusal when there were too many.
	Failed(ctx context.Context) error
}

// Auditor keeps the log of what was refused.
type Auditor interface {
	RecordRefusal(ctx context.Context, refusal audit.Refusal) (bool, error)
}

// Methods returns what discovery lists for the token and revocation endpoints.
func (s *Service) Methods() []oauth.AuthenticationMethod {
	return append(s.ConfidentialMethods(), oauth.AuthenticationMethodNone)
}

// ConfidentialMethods returns what discovery lists where credentials are needed.
func (s *Service) ConfidentialMethods() []oauth.AuthenticationMethod {
	return []oauth.AuthenticationMethod{oauth.ClientSecretBasic, oauth.ClientSecretPost, oauth.PrivateKeyJWT}
}

// Authenticate returns the client that the credentials belong to. The error is
// an [*oauth.Error] with invalid_client, or a fault of kind Limited after too many failures from one address.
func (s *Service) Authenticate(ctx context.Context, credentials Credentials) (client.Client, error) {
	if credentials.ClientID == "" {
		return client.Client{}, oauth.Refuse(oauth.InvalidClient, "client authentication is required")
	}
	known, err := s.clients.Find(ctx, credentials.ClientID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return client.Client{}, s.failed(ctx, credentials, client.Client{}, err)
	case err != nil:
		return client.Client{}, fmt.Errorf("authenticate a client: %w", err)
	case !known.IsActive():
		return client.Client{}, s.failed(ctx, credentials, known, fault.New(fault.Forbidden, "client.disabled"))
	}
	method, ok := s.methods[known.AuthenticationMethod]
	if !ok {
		return client.Client{}, fmt.Errorf("authenticate a client: no method %q", known.AuthenticationMethod)
	}
	if err := method.Authenticate(ctx, known, credentials); fault.KindOf(err) == fault.Forbidden {
		return client.Client{}, s.failed(ctx, credentials, known, err)
	} else if err != nil {
		return client.Client{}, fmt.Errorf("authenticate a client: %w", err)
	}
	return known, nil
}

// Sweep deletes what is known about assertions that have expired.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.store.sweep(ctx, s.clock.Now()); err != nil {
		return fmt.Errorf("sweep used assertions: %w", err)
	}
	return nil
}

// failed logs a failure, and gives every one the same face. Those with an unknown client_id count as one
// subject: each could bring another one.
func (s *Service) failed(ctx context.Context, credentials Credentials, known client.Client, reason error) error {
	refusal := audit.Refusal{Subject: known.ClientID, Event: audit.Event{
		Action: audit.ClientAuthenticate, ClientID: known.ClientID,
		Target:  audit.Target{Kind: "client", ID: claimed(credentials.ClientID), Name: known.Name},
		Details: audit.Details{Reason: "client.unknown", Note: reason.Error()},
	}}
	if _, own := httpx.RefusalIn(reason); own != nil {
		refusal.Event.Details.Reason = own.Key
	}
	if _, err := s.audit.RecordRefusal(ctx, refusal); err != nil {
		return err
	}
	if err := s.failures.Failed(ctx); err != nil {
		return err
	}
	return oauth.Refuse(oauth.InvalidClient, "client authentication failed").Because(reason)
}

// maxClaimedBytes bounds what is logged of a client_id that was claimed.
const maxClaimedBytes = 128

// claimed returns a client_id as it can be logged: printable ASCII, as each client_id is (RFC 6749 appendix A.1).
func claimed(clientID string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e {
			return '?'
		}
		return c
	}, clientID[:min(len(clientID), maxClaimedBytes)])
}

// sharedSecret is client_secret_basic and client_secret_post.
type sharedSecret struct {
	name  oauth.AuthenticationMethod
	clock clock.Clock
}

func (m sharedSecret) Name() oauth.AuthenticationMethod { return m.name }

func (m sharedSecret) Authenticate(_ context.Context, known client.Client, credentials Credentials) error {
	if credentials.Secret.IsZero() {
		return fault.New(fault.Forbidden, "client.secret_missing")
	}
	if !known.KnowsSecret(credentials.Secret, m.clock.Now()) {
		return fault.New(fault.Forbidden, "client.secret_wrong")
	}
	return nil
}

// none is for public clients. A secret that one sends proves nothing and is not
// looked at (OAuth 2.1 section 2.4).
type none struct{}

func (none) Name() oauth.AuthenticationMethod { return oauth.AuthenticationMethodNone }

func (none) Authenticate(context.Context, client.Client, Credentials) error { return nil }
