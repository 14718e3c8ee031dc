-- +goose Up
-- One text for both engines. SQLite takes any type name, PostgreSQL holds us to the types.
-- Times are written by the program from its own clock; no column has a default time.

CREATE TABLE users (
  id                     UUID PRIMARY KEY,
  username               TEXT NOT NULL CHECK (length(username) BETWEEN 1 AND 255),
  username_folded        TEXT NOT NULL,
  email                  TEXT,
  email_folded           TEXT,
  email_verified         BOOLEAN NOT NULL,
  password_hash          TEXT,
  state                  TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  administrator          BOOLEAN NOT NULL,
  require_password_change BOOLEAN NOT NULL,
  name                   TEXT,
  given_name             TEXT,
  family_name            TEXT,
  middle_name            TEXT,
  nickname               TEXT,
  profile                TEXT,
  picture                TEXT,
  website                TEXT,
  gender                 TEXT,
  birthdate              TEXT,
  zoneinfo               TEXT,
  locale                 TEXT,
  phone_number           TEXT,
  phone_number_verified  BOOLEAN NOT NULL,
  address                JSONB,
  created_at             TIMESTAMPTZ NOT NULL,
  updated_at             TIMESTAMPTZ NOT NULL,
  last_login_at          TIMESTAMPTZ,
  CONSTRAINT users_username_folded_key UNIQUE (username_folded),
  CONSTRAINT users_email_folded_key UNIQUE (email_folded)
);
CREATE INDEX users_administrator_idx ON users (id) WHERE administrator;

CREATE TABLE scopes (
  name        TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 128),
  description TEXT NOT NULL,
  is_default  BOOLEAN NOT NULL,
  active      BOOLEAN NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  updated_at  TIMESTAMPTZ NOT NULL
);

CREATE TABLE clients (
  id                             UUID PRIMARY KEY,
  client_id                      TEXT NOT NULL CHECK (length(client_id) BETWEEN 1 AND 255),
  client_name                    TEXT NOT NULL,
  application_type               TEXT NOT NULL CHECK (application_type IN ('web', 'native')),
  token_endpoint_auth_method     TEXT NOT NULL,
  redirect_uris                  JSONB NOT NULL,
  grant_types                    JSONB NOT NULL,
  response_types                 JSONB NOT NULL,
  scopes                         JSONB NOT NULL,
  resources                      JSONB NOT NULL,
  protected_resources            JSONB NOT NULL,
  pkce                           TEXT NOT NULL CHECK (pkce IN ('required', 'nonce_or_pkce', 'optional')),
  consent                        TEXT NOT NULL CHECK (consent IN ('remember', 'always', 'skip')),
  access_token_format            TEXT NOT NULL CHECK (access_token_format IN ('at+jwt', 'opaque')),
  refresh_token_rotation         TEXT NOT NULL CHECK (refresh_token_rotation IN ('rotate', 'static')),
  id_token_signed_response_alg   TEXT NOT NULL,
  access_token_lifetime_seconds  BIGINT CHECK (access_token_lifetime_seconds > 0),
  refresh_token_lifetime_seconds BIGINT CHECK (refresh_token_lifetime_seconds > 0),
  client_uri                     TEXT,
  logo_uri                       TEXT,
  policy_uri                     TEXT,
  tos_uri                        TEXT,
  contacts                       JSONB NOT NULL,
  post_logout_redirect_uris      JSONB NOT NULL,
  require_auth_time              BOOLEAN NOT NULL,
  default_max_age_seconds        BIGINT CHECK (default_max_age_seconds >= 0),
  state                          TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at                     TIMESTAMPTZ NOT NULL,
  updated_at                     TIMESTAMPTZ NOT NULL,
  CONSTRAINT clients_client_id_key UNIQUE (client_id),
  -- A client that can't keep a secret must prove possession of the code in another way (OAuth 2.1 section 4.1.1).
  CONSTRAINT clients_public_pkce_check CHECK (token_endpoint_auth_method <> 'none' OR pkce = 'required')
);

CREATE TABLE client_secrets (
  id          UUID PRIMARY KEY,
  client      UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  secret_hash BYTEA NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  expires_at  TIMESTAMPTZ
);
CREATE INDEX client_secrets_client_idx ON client_secrets (client);

CREATE TABLE signing_keys (
  id           TEXT PRIMARY KEY,
  algorithm    TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
  private_key  BYTEA NOT NULL,
  created_at   TIMESTAMPTZ NOT NULL,
  activated_at TIMESTAMPTZ,
  retired_at   TIMESTAMPTZ
);
CREATE UNIQUE INDEX signing_keys_one_active_idx ON signing_keys (algorithm) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_next_idx ON signing_keys (algorithm) WHERE state = 'next';

CREATE TABLE sealed_secrets (
  name       TEXT PRIMARY KEY,
  value      BYTEA NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE sessions (
  id                   UUID PRIMARY KEY,
  token_hash           BYTEA NOT NULL,
  user_id              UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  authentication_methods JSONB NOT NULL,
  authenticated_at     TIMESTAMPTZ NOT NULL,
  created_at           TIMESTAMPTZ NOT NULL,
  last_seen_at         TIMESTAMPTZ NOT NULL,
  idle_expires_at      TIMESTAMPTZ NOT NULL,
  expires_at           TIMESTAMPTZ NOT NULL,
  ended_at             TIMESTAMPTZ,
  user_agent           TEXT NOT NULL,
  address              TEXT NOT NULL,
  CONSTRAINT sessions_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX sessions_user_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE interactions (
  id           UUID PRIMARY KEY,
  binding_hash BYTEA,
  client       UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  request      JSONB NOT NULL,
  session_id   UUID REFERENCES sessions (id) ON DELETE SET NULL,
  authenticated_at TIMESTAMPTZ,
  created_at   TIMESTAMPTZ NOT NULL,
  expires_at   TIMESTAMPTZ NOT NULL,
  completed_at TIMESTAMPTZ
);
CREATE INDEX interactions_expires_at_idx ON interactions (expires_at);
CREATE INDEX interactions_client_idx ON interactions (client);
CREATE INDEX interactions_session_idx ON interactions (session_id);

-- What a user allowed a client. Everything issued for that user to that client hangs from it.
CREATE TABLE grants (
  id         UUID PRIMARY KEY,
  client     UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  scopes     JSONB NOT NULL,
  resources  JSONB NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  revoked_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX grants_one_live_idx ON grants (client, user_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_user_idx ON grants (user_id);

CREATE TABLE authorization_codes (
  id                     UUID PRIMARY KEY,
  code_hash              BYTEA NOT NULL,
  client                 UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  user_id                UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  grant_id               UUID NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  session_id             UUID REFERENCES sessions (id) ON DELETE SET NULL,
  redirect_uri           TEXT NOT NULL,
  code_challenge         TEXT,
  nonce                  TEXT,
  scopes                 JSONB NOT NULL,
  resources              JSONB NOT NULL,
  authentication_methods JSONB NOT NULL,
  authenticated_at       TIMESTAMPTZ NOT NULL,
  max_age_requested      BOOLEAN NOT NULL,
  created_at             TIMESTAMPTZ NOT NULL,
  expires_at             TIMESTAMPTZ NOT NULL,
  used_at                TIMESTAMPTZ,
  CONSTRAINT authorization_codes_code_hash_key UNIQUE (code_hash)
);
CREATE INDEX authorization_codes_expires_at_idx ON authorization_codes (expires_at);
CREATE INDEX authorization_codes_grant_idx ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_user_idx ON authorization_codes (user_id);
CREATE INDEX authorization_codes_client_idx ON authorization_codes (client);
CREATE INDEX authorization_codes_session_idx ON authorization_codes (session_id);

-- Everything issued from one authorization. Its id is the code's, so that a replayed code finds it.
CREATE TABLE token_families (
  id                     UUID PRIMARY KEY,
  grant_id               UUID NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  client                 UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  user_id                UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  session_id             UUID REFERENCES sessions (id) ON DELETE SET NULL,
  offline                BOOLEAN NOT NULL,
  scopes                 JSONB NOT NULL,
  resources              JSONB NOT NULL,
  authentication_methods JSONB NOT NULL,
  authenticated_at       TIMESTAMPTZ NOT NULL,
  max_age_requested      BOOLEAN NOT NULL,
  created_at             TIMESTAMPTZ NOT NULL,
  expires_at             TIMESTAMPTZ NOT NULL,
  revoked_at             TIMESTAMPTZ,
  revocation_reason      TEXT
);
CREATE INDEX token_families_grant_idx ON token_families (grant_id);
CREATE INDEX token_families_client_idx ON token_families (client);
CREATE INDEX token_families_user_idx ON token_families (user_id);
CREATE INDEX token_families_session_idx ON token_families (session_id);
CREATE INDEX token_families_expires_at_idx ON token_families (expires_at);

CREATE TABLE refresh_tokens (
  id          UUID PRIMARY KEY,
  token_hash  BYTEA NOT NULL,
  family_id   UUID NOT NULL REFERENCES token_families (id) ON DELETE CASCADE,
  created_at  TIMESTAMPTZ NOT NULL,
  expires_at  TIMESTAMPTZ NOT NULL,
  rotated_at  TIMESTAMPTZ,
  CONSTRAINT refresh_tokens_token_hash_key UNIQUE (token_hash)
);
-- The race has one winner here even if every check above it were wrong: a family has one unrotated token.
CREATE UNIQUE INDEX refresh_tokens_one_live_idx ON refresh_tokens (family_id) WHERE rotated_at IS NULL;
CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

CREATE TABLE access_tokens (
  id         UUID PRIMARY KEY,
  token_hash BYTEA,
  client     UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  family_id  UUID REFERENCES token_families (id) ON DELETE CASCADE,
  scopes     JSONB NOT NULL,
  audience   JSONB NOT NULL,
  issued_at  TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  revoked_at TIMESTAMPTZ,
  CONSTRAINT access_tokens_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX access_tokens_family_idx ON access_tokens (family_id);
CREATE INDEX access_tokens_client_idx ON access_tokens (client);
CREATE INDEX access_tokens_expires_at_idx ON access_tokens (expires_at);

CREATE TABLE setup_tokens (
  id         UUID PRIMARY KEY,
  token_hash BYTEA NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  used_at    TIMESTAMPTZ,
  CONSTRAINT setup_tokens_token_hash_key UNIQUE (token_hash)
);

CREATE TABLE rate_limits (
  key                        BYTEA PRIMARY KEY,
  theoretical_arrival_micros BIGINT NOT NULL
);
CREATE INDEX rate_limits_arrival_idx ON rate_limits (theoretical_arrival_micros);

-- The families whose tokens still count: nothing above them has ended. Whoever judges a token asks this
-- view, so that disabling a user or a client, revoking a grant or ending a session takes effect at once.
CREATE VIEW live_families AS
SELECT f.id, f.grant_id, f.client, f.user_id, f.session_id, f.offline, f.scopes, f.resources, f.authentication_methods,
       f.authenticated_at, f.max_age_requested, f.created_at, f.expires_at
FROM token_families f
JOIN grants g ON g.id = f.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = f.user_id AND u.state = 'active'
JOIN clients c ON c.id = f.client AND c.state = 'active'
LEFT JOIN sessions s ON s.id = f.session_id
WHERE f.revoked_at IS NULL AND (f.offline OR s.ended_at IS NULL);

-- The codes whose user, client, grant and session have not ended.
CREATE VIEW redeemable_codes AS
SELECT a.id
FROM authorization_codes a
JOIN grants g ON g.id = a.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = a.user_id AND u.state = 'active'
JOIN clients c ON c.id = a.client AND c.state = 'active'
LEFT JOIN sessions s ON s.id = a.session_id
WHERE s.ended_at IS NULL;

-- The sessions that were not ended and whose user may sign in. Their times are for the asker's clock.
CREATE VIEW live_sessions AS
SELECT s.id, s.token_hash, s.user_id, s.authentication_methods, s.authenticated_at, s.created_at, s.last_seen_at,
       s.idle_expires_at, s.expires_at
FROM sessions s
JOIN users u ON u.id = s.user_id AND u.state = 'active'
WHERE s.ended_at IS NULL;

-- What keeps a session's row: live_families asks it whether the session was ended.
CREATE VIEW session_references AS
SELECT session_id FROM token_families WHERE session_id IS NOT NULL;

-- The clients that may act.
CREATE VIEW live_clients AS
SELECT c.id FROM clients c WHERE c.state = 'active';
