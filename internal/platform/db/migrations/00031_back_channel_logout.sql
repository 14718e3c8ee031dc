-- +goose Up
-- Who has to learn of the end of a session, and what became of telling them.

-- The clients that got a code in a session. Tokens and codes may be gone long before the session is.
CREATE TABLE session_clients (
  session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  client     UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (session_id, client)
);
CREATE INDEX session_clients_client_idx ON session_clients (client);

-- A session ends once, so a client is told once: the key holds that. Neither the session nor the user is
-- referred to, as a delivery outlives both.
CREATE TABLE logout_deliveries (
  session_id      UUID NOT NULL,
  client          UUID NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  user_id         UUID NOT NULL,
  attempts        BIGINT NOT NULL,
  created_at      TIMESTAMPTZ NOT NULL,
  next_attempt_at TIMESTAMPTZ NOT NULL,
  last_attempt_at TIMESTAMPTZ,
  last_status     BIGINT,
  last_problem    TEXT,
  finished_at     TIMESTAMPTZ,
  outcome         TEXT CHECK (outcome IN ('delivered', 'refused', 'undeliverable', 'given_up')),
  PRIMARY KEY (session_id, client)
);
CREATE INDEX logout_deliveries_client_idx ON logout_deliveries (client, created_at);
CREATE INDEX logout_deliveries_pending_idx ON logout_deliveries (next_attempt_at) WHERE finished_at IS NULL;
CREATE INDEX logout_deliveries_created_at_idx ON logout_deliveries (created_at);

-- The clients that are told by a request of ours.
CREATE VIEW back_channel_clients AS
SELECT c.id FROM clients c WHERE c.state = 'active' AND c.backchannel_logout_uri IS NOT NULL;
