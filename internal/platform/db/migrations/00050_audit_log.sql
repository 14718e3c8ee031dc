-- +goose Up
-- What happened. Rows are added, sealed into a batch once, and deleted with their whole batch when
-- their time is over; nothing else is ever done to them. They have no foreign keys: they outlive what
-- they tell about. Details are text, not JSONB, because their digest is over the very bytes.

CREATE TABLE audit_batches (
  number     BIGINT NOT NULL CHECK (number > 0),
  events     BIGINT NOT NULL CHECK (events > 0),
  digest     BYTEA NOT NULL,
  sealed_at  TIMESTAMPTZ NOT NULL,
  deleted_at TIMESTAMPTZ,
  deletion   BYTEA,
  CONSTRAINT audit_batches_number_key PRIMARY KEY (number),
  CONSTRAINT audit_batches_deletion_check CHECK ((deleted_at IS NULL) = (deletion IS NULL))
);

CREATE TABLE audit_events (
  id          UUID PRIMARY KEY,
  occurred_at TIMESTAMPTZ NOT NULL,
  action      TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 64),
  outcome     TEXT NOT NULL CHECK (outcome IN ('success', 'failure')),
  actor_kind  TEXT NOT NULL CHECK (actor_kind IN ('user', 'client', 'operator', 'server', 'unknown')),
  actor_id    TEXT NOT NULL,
  actor_name  TEXT NOT NULL,
  client_id   TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target_id   TEXT NOT NULL,
  target_name TEXT NOT NULL,
  address     TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  details     TEXT NOT NULL,
  batch       BIGINT REFERENCES audit_batches (number)
);
CREATE INDEX audit_events_unsealed_idx ON audit_events (id) WHERE batch IS NULL;
CREATE INDEX audit_events_batch_idx ON audit_events (batch, id);
CREATE INDEX audit_events_action_idx ON audit_events (action, id);
CREATE INDEX audit_events_actor_idx ON audit_events (actor_id, id);
CREATE INDEX audit_events_target_idx ON audit_events (target_id, id);
CREATE INDEX audit_events_client_idx ON audit_events (client_id, id);
