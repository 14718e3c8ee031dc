-- +goose Up
-- Logouts that clients asked for, while the browser comes back with its cookies or the person is asked.

CREATE TABLE logout_requests (
  id          UUID PRIMARY KEY,
  handle_hash BYTEA NOT NULL,
  request     JSONB NOT NULL,
  created_at  TIMESTAMPTZ NOT NULL,
  expires_at  TIMESTAMPTZ NOT NULL,
  CONSTRAINT logout_requests_handle_hash_key UNIQUE (handle_hash)
);
CREATE INDEX logout_requests_expires_at_idx ON logout_requests (expires_at);
