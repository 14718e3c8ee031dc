-- +goose Up
-- What an event has of people is sealed under a key of each person, which is destroyed when the account
-- is deleted. The rows have no foreign key: one whose key is destroyed stays for a day, so that no transaction
-- that is still under way makes another.
CREATE TABLE audit_keys (
  person       UUID PRIMARY KEY,
  sealed_key   BYTEA,
  created_at   TIMESTAMPTZ NOT NULL,
  destroyed_at TIMESTAMPTZ,
  CONSTRAINT audit_keys_destroyed_check CHECK ((sealed_key IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE INDEX audit_keys_destroyed_idx ON audit_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;

-- A JSON object: the sealed values by the identifier of their person. It is text, as details are.
ALTER TABLE audit_events ADD COLUMN personal TEXT NOT NULL DEFAULT '';
