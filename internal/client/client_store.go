package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// errNoRecord is returned for a client that does not exist.
var errNoRecord = db.ErrNoRows

// errTaken is returned for a client_id that another client has.
var errTaken = errors.New("the client_id is taken")

func scan(row db.Row) (Client, error) {
	var c Client
	columns := columnsOf(&c)
	into := make([]any, len(columns))
	for i, each := range columns {
		into[i] = each.into
	}
	err := row.Scan(into...)
	if len(c.Settled) == 0 {
		c.Settled = nil
	}
	return c, err
}

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

func (s store) insert(ctx context.Context, c Client) error {
	columns := append(columnsOf(&c), searched(c.Metadata))
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO clients (`+names(columns)+`) VALUES `+db.Values(1, len(columns)), values(columns)...)
	if db.IsUnique(err, "client_id") {
		return fmt.Errorf("%w: %w", errTaken, err)
	}
	return err
}

// insertUnlessThere is insert, unless there is a client of that client_id.
func (s store) insertUnlessThere(ctx context.Context, c Client) (bool, error) {
	columns := append(columnsOf(&c), searched(c.Metadata))
	inserted, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO clients (`+names(columns)+`) VALUES `+db.Values(1, len(columns))+` ON CONFLICT (client_id) DO NOTHING`, values(columns)...)
	return inserted == 1, err
}

// update replaces the metadata of a client.
func (s store) update(ctx context.Context, record uuid.UUID, m Metadata, now time.Time) error {
	columns := append(metadataColumns(&m), searched(m), column{name: "updated_at", from: now})
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE clients SET (`+names(columns)+`) = (`+
		db.Placeholders(1, len(columns))+`) WHERE id = `+db.Placeholders(len(columns)+1, 1), append(values(columns), record)...)
	return err
}

// settle writes which members an administrator has set.
func (s store) settle(ctx context.Context, record uuid.UUID, settled Settled) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE clients SET set_by_administrator = $1 WHERE id = $2`, db.JSON(settled.stored()), record)
	return err
}

func (s store) byClientID(ctx context.Context, clientID string) (Client, error) {
	return s.one(ctx, `client_id = $1`, clientID)
}

func (s store) byRecord(ctx context.Context, record uuid.UUID) (Client, error) {
	return s.one(ctx, `id = $1`, record)
}

func (s store) one(ctx context.Context, condition string, key any) (Client, error) {
	found, err := scan(s.database.Read(ctx).QueryRow(ctx, `SELECT `+names(columnsOf(&Client{}))+` FROM clients WHERE `+condition, key))
	if err != nil || !found.hasSecret() {
		return found, err
	}
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT secret_hash, expires_at FROM client_secrets WHERE client = $1`, found.ID)
	found.secrets, err = db.Collect(rows, err, func(row db.Row) (storedSecret, error) {
		var (
			stored storedSecret
			hash   []byte
		)
		err := row.Scan(&hash, &stored.expiresAt)
		copy(stored.hash[:], hash)
		return stored, err
	})
	return found, err
}

func (s store) insertSecret(ctx context.Context, record uuid.UUID, hash secret.Digest, now time.Time) error {
	return s.insertNamedSecret(ctx, id.New(), record, hash, now)
}

func (s store) deleteSecrets(ctx context.Context, record uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM client_secrets WHERE client = $1`, record)
	return err
}

func (s store) setState(ctx context.Context, record uuid.UUID, state State, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE clients SET state = $1, epoch = epoch + 1, updated_at = $2 WHERE id = $3`, string(state), now, record)
	return changed == 1, err
}

func (s store) touch(ctx context.Context, record uuid.UUID, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE clients SET updated_at = $1 WHERE id = $2`, now, record)
	return err
}

// lock keeps the record from being changed by anybody else until the transaction ends.
func (s store) lock(ctx context.Context, record uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE clients SET updated_at = updated_at WHERE id = $1`, record)
	return err
}

// touchUnchanged is touch for a record that nobody has changed since it was read.
func (s store) touchUnchanged(ctx context.Context, known Client, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE clients SET updated_at = $1 WHERE id = $2 AND state = $3 AND updated_at = $4`, now, known.ID, string(known.State), known.UpdatedAt)
	return changed == 1, err
}

func (s store) remove(ctx context.Context, record uuid.UUID) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM clients WHERE id = $1 AND NOT built_in`, record)
	return changed == 1, err
}
