-- +goose Up
-- The logos of clients that registered themselves, as this server has drawn them anew. A row without an
-- image waits for it until next_attempt_at is NULL.
CREATE TABLE client_logos (
  client          UUID PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
  source_uri      TEXT NOT NULL,
  image           BYTEA,
  fetched_at      TIMESTAMPTZ,
  attempts        BIGINT NOT NULL CHECK (attempts >= 0),
  next_attempt_at TIMESTAMPTZ,
  CONSTRAINT client_logos_fetched_check CHECK ((image IS NULL) = (fetched_at IS NULL))
);
CREATE INDEX client_logos_next_attempt_idx ON client_logos (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
