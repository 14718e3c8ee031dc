-- +goose Up
-- The assertions that clients have authenticated with, until they expire: each is good for one time.
CREATE TABLE used_assertions (
  client     UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  id_hash    BYTEA NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (client, id_hash)
);
CREATE INDEX used_assertions_expires_at_idx ON used_assertions (expires_at);
