-- +goose Up
-- Dynamic client registration (RFC 7591, RFC 7592).

-- What lets somebody register clients, and how: the policy.
CREATE TABLE initial_access_tokens (
  id         UUID PRIMARY KEY,
  token_hash BYTEA NOT NULL,
  name       TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  policy     JSONB NOT NULL,
  uses_left  BIGINT CHECK (uses_left >= 0), -- NULL: as often as one likes
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ,
  revoked_at TIMESTAMPTZ,
  CONSTRAINT initial_access_tokens_token_hash_key UNIQUE (token_hash)
);

-- A client that registered itself: the token with which it may change its record, and the policy that it keeps to.
CREATE TABLE client_registrations (
  client               UUID PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
  token_hash           BYTEA NOT NULL,
  policy               JSONB NOT NULL,
  initial_access_token UUID REFERENCES initial_access_tokens (id) ON DELETE SET NULL,
  created_at           TIMESTAMPTZ NOT NULL,
  unused_until         TIMESTAMPTZ, -- NULL: it may stay unused for ever
  used_at              TIMESTAMPTZ,
  CONSTRAINT client_registrations_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX client_registrations_unused_idx ON client_registrations (unused_until) WHERE used_at IS NULL;
CREATE INDEX client_registrations_initial_access_token_idx ON client_registrations (initial_access_token);

-- The clients that somebody allowed something, or that got a token of their own.
CREATE VIEW used_clients AS
SELECT client FROM grants
UNION ALL
SELECT client FROM access_tokens;
