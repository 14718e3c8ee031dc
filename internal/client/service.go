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
	"authly/internal/protocol/jose"
)

// Registered is a new client with the one sight of its secret.
type Registered struct {
	Client Client
	// Secret is zero for a public client, and for one whose secret was chosen.
	Secret secret.Redacted
}

// clientIDPrefix keeps client identifiers apart from the subjects of users,
// which are UUIDs (OAuth 2.1 section 9.5), and from URLs.
const clientIDPrefix = "client_"

// maxClientIDBytes bounds a client_id that is looked up.
const maxClientIDBytes = 255

// Register checks and stores a new client. The error is a fault of kind Invalid that names the wrong fields.
func (s *Service) Register(ctx context.Context, metadata Metadata) (Registered, error) {
	prepared, err := s.Prepare(ctx, metadata)
	if err != nil {
		return Registered{}, err
	}
	return s.Insert(ctx, prepared)
}

// Prepared is a client that was checked and is not stored yet.
type Prepared struct {
	metadata Metadata
	chosen   Chosen
}

// Prepare does the part of Register that must not be done in a transaction,
// because it may have to make a signing key. Its error is that of Register.
func (s *Service) Prepare(ctx context.Context, metadata Metadata) (Prepared, error) {
	metadata, err := s.prepare(ctx, metadata)
	return Prepared{metadata: metadata}, err
}

// Insert stores a prepared client. It joins the transaction of ctx, if there is one. The
// fault is of kind Conflict if another client has the chosen client_id.
func (s *Service) Insert(ctx context.Context, prepared Prepared) (Registered, error) {
	now := s.clock.Now()
	clientID := prepared.chosen.ClientID
	if clientID == "" {
		clientID = clientIDPrefix + secret.New().Reveal()[:24]
	}
	made := Registered{Client: Client{ID: id.New(), ClientID: clientID, Metadata: prepared.metadata, State: Active, CreatedAt: now, UpdatedAt: now}}
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		made.Secret = secret.Redacted{}
		err := s.store.insert(ctx, made.Client)
		if errors.Is(err, errTaken) {
			return fault.New(fault.Conflict, "client.id_taken").WithField("client_id", "client.id_taken").Because(err)
		}
		if err != nil || !prepared.metadata.hasSecret() {
			return err
		}
		if stored := prepared.chosen.Secret; !stored.IsZero() {
			return s.store.insertSecret(ctx, made.Client.ID, secret.Hash(stored), now)
		}
		made.Secret = secret.New()
		return s.store.insertSecret(ctx, made.Client.ID, secret.Hash(made.Secret), now)
	})
	if err != nil {
		return Registered{}, fmt.Errorf("store a client: %w", err)
	}
	return made, nil
}

// prepare fills in the defaults, checks the metadata, and makes sure that there
// is a key for everything that will be signed for the client.
func (s *Service) prepare(ctx context.Context, metadata Metadata) (Metadata, error) {
	metadata = s.withDefaults(metadata)
	metadata.Name = strings.TrimSpace(metadata.Name)
	if err := metadata.validate(s.asks, s.allowWeakEncryption); err != nil {
		return Metadata{}, err
	}
	for _, algorithm := range []jose.Algorithm{metadata.IDTokenAlgorithm, metadata.UserInfoAlgorithm, metadata.ResponseAlgorithm} {
		if algorithm == "" {
			continue
		}
		if err := s.keys.Ensure(ctx, algorithm); err != nil {
			return Metadata{}, fmt.Errorf("prepare the client's signing key: %w", err)
		}
	}
	return metadata, nil
}

// asks reports whether this server would ask an address.
func (s *Service) asks(uri string) bool { return s.outside == nil || s.outside.ValidateURL(uri) == nil }

// Replace gives a client the metadata that an administrator wants, the whole of it: what is left out gets
// its default. The members that the administrator named, and those that differ, are from now on the
// administrator's: see [Settled]. A client that proves itself with a secret from now on and had none
// gets one, which is in the answer; otherwise its secrets stay. Faults: Invalid with the wrong
// fields, NotFound, and Conflict for a client of this server's own, and for a public client that would become confidential or the other way
// round, since what it was given so far was given to another kind of client.
func (s *Service) Replace(ctx context.Context, record uuid.UUID, metadata Metadata, named ...string) (Registered, error) {
	return s.replace(ctx, record, metadata, func(ctx context.Context, now time.Time) (Settled, error) {
		if err := s.store.touch(ctx, record, now); err != nil {
			return nil, err
		}
		known, err := s.FindByRecord(ctx, record)
		return known.SetTo(s.withDefaults(metadata), named...).Settled, err
	})
}

// ReplaceUnchanged is what a client makes of its own record: metadata was made from the record as it was
// read, and is within what an administrator has left to the client ([Client.Within]). The fault is of kind Conflict if
// the record has changed since, or if metadata is not within that. The work of also is part of the same transaction.
func (s *Service) ReplaceUnchanged(ctx context.Context, known Client, metadata Metadata, also func(ctx context.Context) error) (Registered, error) {
	return s.replace(ctx, known.ID, metadata, func(ctx context.Context, now time.Time) (Settled, error) {
		unchanged, err := s.store.touchUnchanged(ctx, known, now)
		if err != nil {
			return nil, err
		}
		current, err := s.FindByRecord(ctx, known.ID)
		if err != nil {
			return nil, err
		}
		wanted := s.withDefaults(metadata)
		if within := s.withDefaults(current.Within(wanted)); !unchanged || !within.isRegisteredAs(wanted) {
			return nil, fault.New(fault.Conflict, "client.changed_meanwhile")
		}
		return current.Settled, also(ctx)
	})
}

// replace begins with lock: the record's row makes those who change the same
// client at once take turns. It returns what is the administrator's of the record.
func (s *Service) replace(ctx context.Context, record uuid.UUID, metadata Metadata, lock func(context.Context, time.Time) (Settled, error)) (Registered, error) {
	metadata, err := s.prepare(ctx, metadata)
	if err != nil {
		return Registered{}, err
	}
	var changed Registered
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		changed = Registered{}
		now := s.clock.Now()
		settled, err := lock(ctx, now)
		if err != nil {
			return err
		}
		known, err := s.FindByRecord(ctx, record)
		if err != nil {
			return err
		}
		if known.BuiltIn {
			return errBuiltIn
		}
		if known.IsPublic() != metadata.IsPublic() {
			return fault.New(fault.Conflict, "client.kind_is_fixed").WithField("token_endpoint_auth_method", "client.kind_is_fixed")
		}
		if err := s.store.update(ctx, record, metadata, now); err != nil {
			return err
		}
		if err := s.store.settle(ctx, record, settled); err != nil {
			return err
		}
		switch {
		case metadata.hasSecret() && !known.hasSecret():
			changed.Secret = secret.New()
			err = s.store.insertSecret(ctx, record, secret.Hash(changed.Secret), now)
		case !metadata.hasSecret() && known.hasSecret():
			err = s.store.deleteSecrets(ctx, record)
		}
		if err != nil {
			return err
		}
		changed.Client, err = s.FindByRecord(ctx, record)
		return err
	})
	if err != nil {
		return Registered{}, fmt.Errorf("change a client: %w", err)
	}
	return changed, nil
}

// Find returns the client of a client_id, disabled ones too. The error is a
// fault of kind NotFound if there is none.
func (s *Service) Find(ctx context.Context, clientID string) (Client, error) {
	if clientID == "" || len(clientID) > maxClientIDBytes || strings.ContainsRune(clientID, 0) {
		return Client{}, errUnknown
	}
	return s.found(s.store.byClientID(ctx, clientID))
}

// Lock is Find for whoever is about to change the client: until the transaction of ctx
// ends, nobody else does.
func (s *Service) Lock(ctx context.Context, clientID string) (Client, error) {
	known, err := s.Find(ctx, clientID)
	if err != nil {
		return Client{}, err
	}
	if err := s.store.lock(ctx, known.ID); err != nil {
		return Client{}, fmt.Errorf("lock a client: %w", err)
	}
	return s.FindByRecord(ctx, known.ID)
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

// ReplaceSecret gives a client a new secret; the old ones end at
// once. Faults: NotFound, and Conflict for a client that needs none.
func (s *Service) ReplaceSecret(ctx context.Context, record uuid.UUID) (secret.Redacted, error) {
	known, err := s.FindByRecord(ctx, record)
	if err != nil {
		return secret.Redacted{}, err
	}
	if !known.hasSecret() {
		return secret.Redacted{}, fault.New(fault.Conflict, "client.has_no_secret")
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

// Delete removes the client with everything that hangs from it. Faults: NotFound, and
// Conflict for a client of this server's own, which can be disabled.
func (s *Service) Delete(ctx context.Context, record uuid.UUID) error {
	changed, err := s.store.remove(ctx, record)
	if err != nil {
		return fmt.Errorf("delete a client: %w", err)
	}
	if changed {
		return nil
	}
	if _, err := s.FindByRecord(ctx, record); err != nil {
		return err
	}
	return errBuiltIn
}
