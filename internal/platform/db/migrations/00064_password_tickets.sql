-- +goose Up
-- What lets somebody choose a password: an invitation, or that they have just proved to know the one
-- that was given to them. Of each there is one for a person; a new one replaces it.
CREATE TABLE password_tickets (
  user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose    TEXT NOT NULL CHECK (purpose IN ('change', 'invitation')),
  token_hash BYTEA NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  CONSTRAINT password_tickets_user_key PRIMARY KEY (user_id, purpose),
  CONSTRAINT password_tickets_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX password_tickets_expires_idx ON password_tickets (expires_at);

-- Nothing counts of whoever has to choose a new password: whoever gave it to them knows it too.
DROP VIEW live_families;
CREATE VIEW live_families AS
SELECT f.id, f.grant_id, f.client, f.user_id, f.session_id, f.offline, f.scopes, f.resources, f.claims, f.authentication_methods,
       f.authenticated_at, f.max_age_requested, f.created_at, f.expires_at
FROM token_families f
JOIN grants g ON g.id = f.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = f.user_id AND u.state = 'active' AND NOT u.require_password_change
JOIN clients c ON c.id = f.client AND c.state = 'active'
LEFT JOIN sessions s ON s.id = f.session_id
WHERE f.revoked_at IS NULL AND (f.offline OR s.ended_at IS NULL);

DROP VIEW redeemable_codes;
CREATE VIEW redeemable_codes AS
SELECT a.id
FROM authorization_codes a
JOIN grants g ON g.id = a.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = a.user_id AND u.state = 'active' AND NOT u.require_password_change
JOIN clients c ON c.id = a.client AND c.state = 'active'
LEFT JOIN sessions s ON s.id = a.session_id
WHERE s.ended_at IS NULL;

DROP VIEW live_sessions;
CREATE VIEW live_sessions AS
SELECT s.id, s.token_hash, s.user_id, s.authentication_methods, s.authenticated_at, s.created_at, s.last_seen_at,
       s.idle_expires_at, s.expires_at
FROM sessions s
JOIN users u ON u.id = s.user_id AND u.state = 'active' AND NOT u.require_password_change
WHERE s.ended_at IS NULL;
