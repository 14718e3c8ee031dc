-- +goose Up
-- Events that are promised: each is written in the transaction of what it says, moved into audit_events once,
-- and deleted here in the same transaction. It is only ever on its way, so it has no index beside its key, and no foreign key.
CREATE TABLE audit_outbox (
  id          UUID PRIMARY KEY,
  occurred_at TIMESTAMPTZ NOT NULL,
  action      TEXT NOT NULL,
  outcome     TEXT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor_id    TEXT NOT NULL,
  actor_name  TEXT NOT NULL,
  client_id   TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target_id   TEXT NOT NULL,
  target_name TEXT NOT NULL,
  address     TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  details     TEXT NOT NULL,
  personal    TEXT NOT NULL
);
