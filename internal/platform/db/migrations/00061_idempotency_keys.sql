-- +goose Up
-- Creations that may be sent again: which request a key stood for, and what came of it.
CREATE TABLE idempotency_keys (
  actor          TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 300),
  key_hash       BYTEA NOT NULL,
  request_digest BYTEA NOT NULL,
  resource       TEXT NOT NULL,
  created_at     TIMESTAMPTZ NOT NULL,
  CONSTRAINT idempotency_keys_actor_key PRIMARY KEY (actor, key_hash)
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);
