package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	"authly/internal/scope"
)

// ClientRecords keeps clients. Its changes join a transaction of the context.
type ClientRecords interface {
	Find(ctx context.Context, clientID string) (client.Client, error)
	FindByRecord(ctx context.Context, record uuid.UUID) (client.Client, error)
	List(ctx context.Context, query client.Query) (client.Page, error)
	Prepare(ctx context.Context, metadata client.Metadata) (client.Prepared, error)
	Insert(ctx context.Context, prepared client.Prepared) (client.Registered, error)
	Replace(ctx context.Context, record uuid.UUID, metadata client.Metadata, named ...string) (client.Registered, error)
	Lock(ctx context.Context, clientID string) (client.Client, error)
	Enable(ctx context.Context, record uuid.UUID) error
	Disable(ctx context.Context, record uuid.UUID) error
	Delete(ctx context.Context, record uuid.UUID) error
	Secrets(ctx context.Context, record uuid.UUID) ([]client.Secret, error)
	AddSecret(ctx context.Context, record uuid.UUID, wanted client.NewSecret) (client.Secret, secret.Redacted, error)
	DeleteSecret(ctx context.Context, record, which uuid.UUID) error
}

// Recorder writes the audit log, in the transaction of the context.
type Recorder interface {
	Record(ctx context.Context, event audit.Event) error
	RecordRefusal(ctx context.Context, refusal audit.Refusal) (bool, error)
}

// clients is the administration of clients.
type clients struct {
	records ClientRecords
	scopes  ScopeCatalogue
	log     Recorder
	store   store
	keys    *keys
}

// madeClient is a client with the one sight of its secret.
type madeClient struct {
	client   client.Client
	secret   secret.Redacted
	replayed bool
}

func (c *clients) create(ctx context.Context, who Principal, wanted NewClient, of attempt) (madeClient, error) {
	metadata := wanted.over(client.Metadata{RegisteredBy: client.ByAdministrator})
	prepared, err := c.records.Prepare(ctx, metadata) // may make a key: not in a transaction
	if err == nil {
		prepared, err = prepared.As(client.Chosen{ClientID: wanted.ClientID, Secret: secret.FromString(wanted.Secret)})
	}
	if err != nil {
		return madeClient{}, err
	}
	var made madeClient
	err = c.store.inTransaction(ctx, func(ctx context.Context) error {
		made = madeClient{}
		name, replayed, err := c.keys.once(ctx, of, func(ctx context.Context) (string, error) {
			if err := c.knowsScopes(ctx, metadata.Scopes, nil); err != nil {
				return "", err
			}
			registered, err := c.records.Insert(ctx, prepared)
			if err != nil {
				return "", err
			}
			made.client, made.secret = registered.Client, registered.Secret
			return registered.Client.ID.String(), c.record(ctx, who, audit.ClientCreate, registered.Client, audit.Compare(nil, fieldsOf(registered.Client)))
		})
		if err != nil || !replayed {
			return err
		}
		made.replayed = true
		record, err := uuid.Parse(name)
		if err != nil {
			return fmt.Errorf("read what an idempotency key made: %w", err)
		}
		made.client, err = c.records.FindByRecord(ctx, record)
		return err
	})
	return made, err
}

// update changes what was sent of a client, if it still is as the caller has seen it.
func (c *clients) update(ctx context.Context, who Principal, clientID, ifMatch string, fields ClientFields) (madeClient, error) {
	if err := c.prepare(ctx, clientID, fields); err != nil {
		return madeClient{}, err
	}
	var made madeClient
	err := c.store.inTransaction(ctx, func(ctx context.Context) error {
		known, err := c.lock(ctx, clientID, ifMatch)
		if err != nil {
			return err
		}
		metadata := fields.over(known.Metadata)
		wanted := known.SetTo(metadata, fields.sent...)
		if made = (madeClient{client: known}); isSame(fieldsOf(known), fieldsOf(wanted)) {
			return nil
		}
		if err := c.knowsScopes(ctx, metadata.Scopes, known.Scopes); err != nil {
			return err
		}
		changed, err := c.records.Replace(ctx, known.ID, metadata, fields.sent...)
		if err != nil {
			return err
		}
		made = madeClient{client: changed.Client, secret: changed.Secret}
		return c.record(ctx, who, audit.ClientUpdate, changed.Client, audit.Compare(fieldsOf(known), fieldsOf(changed.Client)))
	})
	return made, err
}

// knowsScopes refuses names of scopes that there are not: they would be mistyped. A client keeps
// what it had before, also the name of a scope that was deleted.
func (c *clients) knowsScopes(ctx context.Context, given, before oauth.ScopeSet) error {
	if len(given.Without(before)) == 0 {
		return nil
	}
	known, err := scopeNames(ctx, c.scopes, func(scope.Scope) bool { return true })
	if err != nil {
		return err
	}
	return withUnknown(fault.New(fault.Invalid, "client.invalid"), "scopes", given, slices.Concat(known, before))
}

// prepare makes the signing keys that a change needs, which takes too long for a transaction.
func (c *clients) prepare(ctx context.Context, clientID string, fields ClientFields) error {
	known, err := c.records.Find(ctx, clientID)
	if err != nil {
		return err
	}
	_, err = c.records.Prepare(ctx, fields.over(known.Metadata))
	return err
}

// turn switches a client on or off. What is so already is no change.
func (c *clients) turn(ctx context.Context, who Principal, clientID, ifMatch string, to client.State) (client.Client, error) {
	action, do := audit.ClientDisable, c.records.Disable
	if to == client.Active {
		action, do = audit.ClientEnable, c.records.Enable
	}
	return c.act(ctx, who, clientID, ifMatch, action, func(ctx context.Context, known client.Client) error {
		if known.State == to {
			return errIdle
		}
		return do(ctx, known.ID)
	})
}

// act does something to a whole client, unless do says that there is nothing to be done.
func (c *clients) act(ctx context.Context, who Principal, clientID, ifMatch string, action audit.Action, do func(ctx context.Context, known client.Client) error) (client.Client, error) {
	var after client.Client
	err := c.store.inTransaction(ctx, func(ctx context.Context) error {
		known, err := c.lock(ctx, clientID, ifMatch)
		if err != nil {
			return err
		}
		after = known
		if err := do(ctx, known); errors.Is(err, errIdle) {
			return nil
		} else if err != nil {
			return err
		}
		if action == audit.ClientDelete {
			return c.record(ctx, who, action, known, audit.Compare(fieldsOf(known), nil))
		}
		if after, err = c.records.FindByRecord(ctx, known.ID); err != nil {
			return err
		}
		return c.record(ctx, who, action, known, audit.Compare(fieldsOf(known), fieldsOf(after)))
	})
	return after, err
}

// madeSecret is a new secret with the one sight of its value.
type madeSecret struct {
	client.Secret
	value    secret.Redacted
	replayed bool
}

func (c *clients) addSecret(ctx context.Context, who Principal, clientID string, wanted client.NewSecret, of attempt) (madeSecret, error) {
	var made madeSecret
	err := c.store.inTransaction(ctx, func(ctx context.Context) error {
		made = madeSecret{}
		known, err := c.records.Find(ctx, clientID)
		if err != nil {
			return err
		}
		name, replayed, err := c.keys.once(ctx, of, func(ctx context.Context) (string, error) {
			added, value, err := c.records.AddSecret(ctx, known.ID, wanted)
			if err != nil {
				return "", err
			}
			made.Secret, made.value = added, value
			return added.ID.String(), c.record(ctx, who, audit.SecretCreate, known, []audit.Change{{Field: "secret", After: added.ID.String()}})
		})
		if err != nil || !replayed {
			return err
		}
		all, err := c.records.Secrets(ctx, known.ID)
		if err != nil {
			return err
		}
		for _, each := range all {
			if each.ID.String() == name {
				made = madeSecret{Secret: each, replayed: true}
				return nil
			}
		}
		return fault.New(fault.NotFound, "client.secret_unknown")
	})
	return made, err
}

func (c *clients) deleteSecret(ctx context.Context, who Principal, clientID string, which uuid.UUID) error {
	return c.store.inTransaction(ctx, func(ctx context.Context) error {
		known, err := c.records.Find(ctx, clientID)
		if err != nil {
			return err
		}
		if err := c.records.DeleteSecret(ctx, known.ID, which); err != nil {
			return err
		}
		return c.record(ctx, who, audit.SecretDelete, known, []audit.Change{{Field: "secret", Before: which.String()}})
	})
}

// lock returns a client if it is as the caller has seen it; nobody else changes it
// before the transaction ends.
func (c *clients) lock(ctx context.Context, clientID, ifMatch string) (client.Client, error) {
	known, err := c.records.Lock(ctx, clientID)
	if err == nil && !matches(ifMatch, etag(viewOf(known))) {
		err = precondition()
	}
	return known, err
}

func (c *clients) record(ctx context.Context, who Principal, action audit.Action, of client.Client, changes []audit.Change) error {
	for i, change := range changes {
		if change.Field == "contacts" { // addresses of people who have no account, and so no key to seal them under
			changes[i].Before, changes[i].After = counted(change.Before), counted(change.After)
		}
	}
	return c.log.Record(ctx, audit.Event{
		Action: action, Outcome: audit.Success, Actor: who.actor(), ClientID: who.ClientID,
		Target: audit.Target{Kind: "client", ID: of.ClientID, Name: of.Name}, Details: audit.Details{Changes: changes},
	})
}

// fieldsOf returns what may be read of a client, as JSON has it, for comparing.
// counted returns how many values a member of a record has.
func counted(member any) any {
	if values, ok := member.([]any); ok {
		return len(values)
	}
	return nil
}

func fieldsOf(c client.Client) map[string]any {
	fields := asJSON(viewOf(c))
	delete(fields, "updated_at")
	return fields
}

func asJSON(view any) map[string]any {
	encoded, err := json.Marshal(view)
	if err != nil {
		panic(fmt.Sprintf("encode a %T: %v", view, err)) // the types are ours
	}
	var fields map[string]any
	if err := json.Unmarshal(encoded, &fields); err != nil {
		panic(fmt.Sprintf("decode a %T: %v", view, err))
	}
	return fields
}

// isSame tells whether a change leaves everything as it is: then nothing is written, so that
// nobody's ETag ends for it, and nothing is in the log.
func isSame(before, after map[string]any) bool { return reflect.DeepEqual(before, after) }

// errIdle is returned by what has nothing to do.
var errIdle = errors.New("it is so already")

// cursorOf names the end of a page; what is in it is nobody's business.
func cursorOf(last uuid.UUID) string {
	if last == uuid.Nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(last[:])
}

func parseCursor(cursor string) (uuid.UUID, error) {
	if cursor == "" {
		return uuid.Nil, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		var last uuid.UUID
		if last, err = uuid.FromBytes(decoded); err == nil {
			return last, nil
		}
	}
	return uuid.Nil, fault.New(fault.Invalid, "admin.cursor_invalid").Because(err)
}
