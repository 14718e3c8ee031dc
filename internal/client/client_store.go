package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
	"authly/internal/protocol/policy"
)

type store struct{ database *db.DB }

// errNoRecord is returned for a client that does not exist.
var errNoRecord = db.ErrNoRows

// errTaken is returned for a client_id that another client has.
var errTaken = errors.New("the client_id is taken")

// column is one column of a client's record: where it is read into, what is
// written, and a pointer to the field that it holds.
type column struct {
	name  string
	into  any
	from  any
	field any
}

// member returns the name that the interfaces have for the column.
func (c column) member() string { return strings.TrimSuffix(c.name, "_seconds") }

// columnsOf returns the columns of a client, the identity first. It is the one
// list that reading and writing share.
func columnsOf(c *Client) []column {
	return append([]column{
		{"id", &c.ID, c.ID, &c.ID},
		{"client_id", &c.ClientID, c.ClientID, &c.ClientID},
		flag("built_in", &c.BuiltIn),
		{"created_at", &c.CreatedAt, c.CreatedAt, &c.CreatedAt},
		{"updated_at", &c.UpdatedAt, c.UpdatedAt, &c.UpdatedAt},
		word("state", &c.State),
		{"epoch", &c.Epoch, c.Epoch, &c.Epoch},
		{"set_by_administrator", db.IntoJSON(&c.Settled), db.JSON(c.Settled.stored()), &c.Settled},
	}, metadataColumns(&c.Metadata)...)
}

func metadataColumns(m *Metadata) []column {
	return []column{
		word("client_name", &m.Name),
		word("registered_by", &m.RegisteredBy),
		flag("registered_openly", &m.RegisteredOpenly),
		word("managed_by", &m.ManagedBy),
		flag("administrator", &m.Administrator),
		word("security_profile", &m.SecurityProfile),
		word("application_type", &m.ApplicationType),
		word("token_endpoint_auth_method", &m.AuthenticationMethod),
		optional("token_endpoint_auth_signing_alg", &m.AuthenticationAlgorithm),
		word("assertion_audience", &m.AssertionAudience),
		{"jwks", db.IntoJSON(&m.JWKS), document(m.JWKS), &m.JWKS},
		optional("jwks_uri", &m.JWKSURI),
		list("redirect_uris", &m.RedirectURIs),
		list("grant_types", &m.GrantTypes),
		list("response_types", &m.ResponseTypes),
		list("response_modes", &m.ResponseModes),
		{"scopes", db.IntoJSON(&m.Scopes), db.Strings(m.Scopes), &m.Scopes},
		list("resources", &m.Resources),
		list("protected_resources", &m.ProtectedResources),
		word("pkce", &m.PKCE),
		word("consent", &m.Consent),
		word("access_token_format", &m.AccessTokenFormat),
		word("refresh_token_rotation", &m.RefreshTokenRotation),
		lifetime("access_token_lifetime_seconds", &m.AccessTokenLifetime),
		lifetime("refresh_token_lifetime_seconds", &m.RefreshTokenLifetime),
		word("id_token_signed_response_alg", &m.IDTokenAlgorithm),
		optional("id_token_encrypted_response_alg", &m.IDTokenEncryption.Algorithm),
		optional("id_token_encrypted_response_enc", &m.IDTokenEncryption.Content),
		optional("userinfo_signed_response_alg", &m.UserInfoAlgorithm),
		optional("userinfo_encrypted_response_alg", &m.UserInfoEncryption.Algorithm),
		optional("userinfo_encrypted_response_enc", &m.UserInfoEncryption.Content),
		word("authorization_signed_response_alg", &m.ResponseAlgorithm),
		optional("request_object_signing_alg", &m.RequestObjectAlgorithm),
		flag("require_signed_request_object", &m.RequireSignedRequestObject),
		list("request_uris", &m.RequestURIs),
		word("subject_type", &m.SubjectType),
		optional("sector_identifier_uri", &m.SectorIdentifierURI),
		flag("require_auth_time", &m.RequireAuthTime),
		{"default_max_age_seconds", &optionalDuration{&m.DefaultMaxAge}, optionalSeconds(m.DefaultMaxAge), &m.DefaultMaxAge},
		list("default_acr_values", &m.DefaultACRValues),
		optional("initiate_login_uri", &m.InitiateLoginURI),
		optional("client_uri", &m.ClientURI),
		optional("logo_uri", &m.LogoURI),
		optional("policy_uri", &m.PolicyURI),
		optional("tos_uri", &m.TermsOfServiceURI),
		list("contacts", &m.Contacts),
		optional("software_id", &m.SoftwareID),
		optional("software_version", &m.SoftwareVersion),
		list("post_logout_redirect_uris", &m.PostLogoutRedirectURIs),
		optional("backchannel_logout_uri", &m.BackChannelLogoutURI),
		flag("backchannel_logout_session_required", &m.BackChannelLogoutSessionRequired),
		optional("frontchannel_logout_uri", &m.FrontChannelLogoutURI),
		flag("frontchannel_logout_session_required", &m.FrontChannelLogoutSessionRequired),
	}
}

// searched is the name as lists compare it, which is only written.
func searched(m Metadata) column {
	return column{name: "client_name_folded", from: policy.FoldSearched(m.Name)}
}

func names(columns []column) string {
	all := make([]string, len(columns))
	for i, each := range columns {
		all[i] = each.name
	}
	return strings.Join(all, ", ")
}

func values(columns []column) []any {
	all := make([]any, len(columns))
	for i, each := range columns {
		all[i] = each.from
	}
	return all
}

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

// word is a column that always has a text.
func word[T ~string](name string, field *T) column {
	return column{name, intoText(field), string(*field), field}
}

// flag is a column that is true or false.
func flag(name string, field *bool) column { return column{name, field, *field, field} }

// optional is a column whose NULL is the empty text.
func optional[T ~string](name string, field *T) column {
	if *field == "" {
		return column{name, intoText(field), nil, field}
	}
	return word(name, field)
}

// list is a column with a JSON array of texts.
func list[T ~string](name string, field *[]T) column {
	return column{name, db.IntoJSON(field), db.Strings(*field), field}
}

func lifetime(name string, field *time.Duration) column {
	if *field == 0 {
		return column{name, &duration{field}, nil, field}
	}
	return column{name, &duration{field}, int64(*field / time.Second), field}
}

func document(text json.RawMessage) any {
	if len(text) == 0 {
		return nil
	}
	return string(text)
}

func optionalSeconds(d *time.Duration) any {
	if d == nil {
		return nil
	}
	return int64(*d / time.Second)
}
