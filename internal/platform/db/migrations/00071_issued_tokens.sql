-- +goose Up
-- What was issued, as administrators look at it: newest first, also of one user, client or family.
CREATE INDEX token_families_user_id_idx ON token_families (user_id, id);
DROP INDEX token_families_user_idx;
CREATE INDEX token_families_client_id_idx ON token_families (client, id);
DROP INDEX token_families_client_idx;

-- The row of an access token says all there is to say about its issue: on whose behalf, through which client, and
-- whether for a refresh token. It refers to nothing, so that it stays when what it tells about is deleted; whether
-- the token counts is asked of the views as before.
CREATE TABLE copied_access_tokens AS
SELECT a.id, a.token_hash, a.client, c.client_id, a.family_id, f.user_id, COALESCE(a.issued_at > f.created_at, FALSE) AS refreshed,
       a.scopes, a.audience, a.issued_at, a.expires_at, a.revoked_at
FROM access_tokens a
JOIN clients c ON c.id = a.client
LEFT JOIN token_families f ON f.id = a.family_id;

DROP VIEW used_clients;
DROP TABLE access_tokens;

CREATE TABLE access_tokens (
  id         UUID PRIMARY KEY,
  token_hash BYTEA,
  client     UUID NOT NULL,
  client_id  TEXT NOT NULL,
  family_id  UUID,
  user_id    UUID,
  refreshed  BOOLEAN NOT NULL,
  scopes     JSONB NOT NULL,
  audience   JSONB NOT NULL,
  issued_at  TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  revoked_at TIMESTAMPTZ,
  CONSTRAINT access_tokens_token_hash_key UNIQUE (token_hash),
  CONSTRAINT access_tokens_user_check CHECK ((family_id IS NULL) = (user_id IS NULL))
);
INSERT INTO access_tokens (id, token_hash, client, client_id, family_id, user_id, refreshed, scopes, audience, issued_at, expires_at, revoked_at)
SELECT id, token_hash, client, client_id, family_id, user_id, refreshed, scopes, audience, issued_at, expires_at, revoked_at FROM copied_access_tokens;
DROP TABLE copied_access_tokens;

CREATE INDEX access_tokens_family_idx ON access_tokens (family_id, id);
CREATE INDEX access_tokens_client_idx ON access_tokens (client);
CREATE INDEX access_tokens_expires_at_idx ON access_tokens (expires_at);
-- Those that clients got on their own behalf. PostgreSQL does not take the index of families for them: it does not
-- see that where family_id IS NULL, that one is in the order of id.
CREATE INDEX access_tokens_own_idx ON access_tokens (id) WHERE family_id IS NULL;
CREATE INDEX access_tokens_own_client_idx ON access_tokens (client, id) WHERE family_id IS NULL;

CREATE VIEW used_clients AS
SELECT client FROM grants
UNION ALL
SELECT client FROM access_tokens;
