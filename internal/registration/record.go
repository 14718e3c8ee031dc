package registration

import (
	"context"
	"fmt"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// owned is a record that its owner has shown the token of.
type owned struct {
	client client.Client
	policy Policy
}

// own finds the record of a registration access token, and holds that it is the
// one at the address. A disabled client has none any more.
func (s *Service) own(ctx context.Context, clientID string, presented secret.Redacted) (owned, error) {
	if presented.IsZero() {
		return owned{}, oauth.ErrNoBearerToken
	}
	kept, ok, err := s.store.byToken(ctx, secret.Hash(presented))
	if err != nil {
		return owned{}, fmt.Errorf("find a registration: %w", err)
	}
	if !ok {
		return owned{}, s.failed(ctx)
	}
	known, err := s.clients.FindByRecord(ctx, kept.Client)
	if fault.KindOf(err) == fault.NotFound || err == nil && (known.ClientID != clientID || !known.IsActive()) {
		return owned{}, s.failed(ctx)
	}
	return owned{known, kept.Policy.withDefaults()}, err
}

// Read returns a client's record to its owner (RFC 7592 section 2.1).
func (s *Service) Read(ctx context.Context, clientID string, presented secret.Redacted) (Registration, error) {
	found, err := s.own(ctx, clientID, presented)
	if err != nil {
		return Registration{}, err
	}
	return s.registration(found.client, presented), nil
}

func (s *Service) registration(known client.Client, token secret.Redacted) Registration {
	return Registration{Client: known, Token: token, URI: recordURI(s.issuer, known.ClientID)}
}

// maxAttempts bounds how often a change starts over because somebody else has
// changed the record in between.
const maxAttempts = 3

// Replace replaces the part of a record that is the client's with what the request
// says, the whole of it (RFC 7592 section 2.2). What an administrator has set
// stays, member by member, which the answer shows.
func (s *Service) Replace(ctx context.Context, clientID string, presented secret.Redacted, document []byte) (Registration, error) {
	var failure error
	for range maxAttempts {
		found, err := s.own(ctx, clientID, presented)
		if err != nil {
			return Registration{}, err
		}
		metadata, err := s.replacement(ctx, found, document)
		if err != nil {
			return Registration{}, err
		}
		changed, err := s.clients.ReplaceUnchanged(ctx, found.client, metadata, func(ctx context.Context) error {
			return s.audit.Record(ctx, ownEvent(audit.ClientUpdate, found.client))
		})
		if err == nil {
			return s.replaced(ctx, changed, presented)
		}
		failure = refused(err)
		if fault.KindOf(failure) != fault.Conflict {
			break
		}
	}
	return Registration{}, failure
}

func (s *Service) replaced(ctx context.Context, changed client.Registered, token secret.Redacted) (Registration, error) {
	if err := s.logos.note(ctx, changed.Client); err != nil {
		return Registration{}, fmt.Errorf("note a client's logo: %w", err)
	}
	s.fetchLogo(ctx, changed.Client)
	made := s.registration(changed.Client, token)
	made.Secret = changed.Secret
	return made, nil
}

// serverMembers are those that RFC 7592 section 2.2 forbids in a request.
var serverMembers = []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}

func (s *Service) replacement(ctx context.Context, found owned, document []byte) (client.Metadata, error) {
	asked, err := parseMembers(document)
	if err != nil {
		return client.Metadata{}, err
	}
	for _, name := range serverMembers {
		if asked.has(name) {
			return client.Metadata{}, oauth.Refuse(oauth.InvalidClientMetadata, name+" must not be in the request")
		}
	}
	if asked.text("client_id") != found.client.ClientID {
		return client.Metadata{}, oauth.Refuse(oauth.InvalidClientMetadata, "client_id must be that of the record")
	}
	if asked.has("client_secret") && !found.client.KnowsSecret(secret.FromString(asked.text("client_secret")), s.clock.Now()) {
		return client.Metadata{}, oauth.Refuse(oauth.InvalidClientMetadata, "client_secret must be the present one: a client can't choose it")
	}
	asked.leaveOut(found.client.Settled)
	return s.checked(ctx, asked, found.client, found.policy.settled(found.client))
}

// Delete removes a client with everything that it was given (RFC 7592 section 2.3).
func (s *Service) Delete(ctx context.Context, clientID string, presented secret.Redacted) error {
	found, err := s.own(ctx, clientID, presented)
	if err != nil {
		return err
	}
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.clients.Delete(ctx, found.client.ID); err != nil {
			return err
		}
		return s.audit.Record(ctx, ownEvent(audit.ClientDelete, found.client))
	})
	if err != nil {
		if fault.KindOf(err) == fault.NotFound { // somebody was faster
			return errToken
		}
		return fmt.Errorf("delete a client: %w", err)
	}
	return nil
}
