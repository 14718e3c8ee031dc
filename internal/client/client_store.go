package client

import (
	"context"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/id"
	"authly/internal/platform/secret"
)

type store struct{ database *db.DB }

// errNoRecord is returned for a client that does not exist.
var errNoRecord = db.ErrNoRows

const columns = `id, client_id, client_name, application_type, token_endpoint_auth_method, redirect_uris, grant_types, response_types,
	scopes, resources, protected_resources, pkce, consent, access_token_format, refresh_token_rotation, id_token_signed_response_alg,
	access_token_lifetime_seconds, refresh_token_lifetime_seconds, client_uri, logo_uri, policy_uri, tos_uri, contacts,
	post_logout_redirect_uris, require_auth_time, default_max_age_seconds, state, created_at, updated_at`

func (s store) inTransaction(ctx context.Context, work func(ctx context.Context) error) error {
	return s.database.Tx(ctx, work)
}

func (s store) insert(ctx context.Context, c Client) error {
	_, err := s.database.Write(ctx).Exec(ctx, `INSERT INTO clients (`+columns+`) VALUES `+db.Values(1, 29),
		c.ID, c.ClientID, c.Name, string(c.ApplicationType), string(c.AuthenticationMethod), db.Strings(c.RedirectURIs),
		db.Strings(c.GrantTypes), db.Strings(c.ResponseTypes), db.Strings(c.Scopes), db.Strings(c.Resources),
		db.Strings(c.ProtectedResources), string(c.PKCE),
		string(c.Consent), string(c.AccessTokenFormat), string(c.RefreshTokenRotation), string(c.IDTokenAlgorithm),
		seconds(c.AccessTokenLifetime), seconds(c.RefreshTokenLifetime), text(c.ClientURI), text(c.LogoURI), text(c.PolicyURI),
		text(c.TermsOfServiceURI), db.Strings(c.Contacts), db.Strings(c.PostLogoutRedirectURIs), c.RequireAuthTime,
		optionalSeconds(c.DefaultMaxAge), string(c.State), c.CreatedAt, c.UpdatedAt)
	return err
}

func (s store) byClientID(ctx context.Context, clientID string) (Client, error) {
	return s.one(ctx, `SELECT `+columns+` FROM clients WHERE client_id = $1`, clientID)
}

func (s store) byRecord(ctx context.Context, record uuid.UUID) (Client, error) {
	return s.one(ctx, `SELECT `+columns+` FROM clients WHERE id = $1`, record)
}

func (s store) one(ctx context.Context, query string, key any) (Client, error) {
	found, err := scan(s.database.Read(ctx).QueryRow(ctx, query, key))
	if err != nil || found.IsPublic() {
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

func scan(row db.Row) (Client, error) {
	var (
		c                                          Client
		application, method, pkce, consent, format string
		rotation, algorithm, state                 string
		accessSeconds, refreshSeconds, maxAge      *int64
		clientURI, logoURI, policyURI, termsURI    *string
	)
	err := row.Scan(&c.ID, &c.ClientID, &c.Name, &application, &method, db.IntoJSON(&c.RedirectURIs), db.IntoJSON(&c.GrantTypes),
		db.IntoJSON(&c.ResponseTypes), db.IntoJSON(&c.Scopes), db.IntoJSON(&c.Resources),
		db.IntoJSON(&c.ProtectedResources), &pkce, &consent, &format, &rotation, &algorithm,
		&accessSeconds, &refreshSeconds, &clientURI, &logoURI, &policyURI, &termsURI, db.IntoJSON(&c.Contacts),
		db.IntoJSON(&c.PostLogoutRedirectURIs), &c.RequireAuthTime, &maxAge, &state, &c.CreatedAt, &c.UpdatedAt)
	if err != nil {
		return Client{}, err
	}
	setText(&c.ApplicationType, application)
	setText(&c.AuthenticationMethod, method)
	setText(&c.PKCE, pkce)
	setText(&c.Consent, consent)
	setText(&c.AccessTokenFormat, format)
	setText(&c.RefreshTokenRotation, rotation)
	setText(&c.IDTokenAlgorithm, algorithm)
	setText(&c.State, state)
	c.AccessTokenLifetime, c.RefreshTokenLifetime = duration(accessSeconds), duration(refreshSeconds)
	c.ClientURI, c.LogoURI, c.PolicyURI, c.TermsOfServiceURI = orEmpty(clientURI), orEmpty(logoURI), orEmpty(policyURI), orEmpty(termsURI)
	if maxAge != nil {
		age := duration(maxAge)
		c.DefaultMaxAge = &age
	}
	return c, nil
}

func (s store) insertSecret(ctx context.Context, record uuid.UUID, hash secret.Digest, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx,
		`INSERT INTO client_secrets (id, client, secret_hash, created_at) VALUES ($1, $2, $3, $4)`, id.New(), record, hash.Bytes(), now)
	return err
}

func (s store) deleteSecrets(ctx context.Context, record uuid.UUID) error {
	_, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM client_secrets WHERE client = $1`, record)
	return err
}

func (s store) setState(ctx context.Context, record uuid.UUID, state State, now time.Time) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx,
		`UPDATE clients SET state = $1, updated_at = $2 WHERE id = $3`, string(state), now, record)
	return changed == 1, err
}

func (s store) touch(ctx context.Context, record uuid.UUID, now time.Time) error {
	_, err := s.database.Write(ctx).Exec(ctx, `UPDATE clients SET updated_at = $1 WHERE id = $2`, now, record)
	return err
}

func (s store) remove(ctx context.Context, record uuid.UUID) (bool, error) {
	changed, err := s.database.Write(ctx).Exec(ctx, `DELETE FROM clients WHERE id = $1`, record)
	return changed == 1, err
}

func setText[T ~string](target *T, value string) { *target = T(value) }

func text(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func orEmpty(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

func seconds(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	return optionalSeconds(&d)
}

func optionalSeconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	whole := int64(*d / time.Second)
	return &whole
}

func duration(whole *int64) time.Duration {
	if whole == nil {
		return 0
	}
	return time.Duration(*whole) * time.Second
}
