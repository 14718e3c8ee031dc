-- +goose Up
-- How often a client was disabled or enabled. What was issued to it counts only while that number is the one it was
-- issued under, so that nothing that was on its way to the database meanwhile lives again afterwards.
ALTER TABLE clients ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE authorization_codes ADD COLUMN client_epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE token_families ADD COLUMN client_epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_tokens ADD COLUMN client_epoch BIGINT NOT NULL DEFAULT 0;

-- The clients that may act, with what tells whether a client's record is still the one that was read.
DROP VIEW live_clients;
CREATE VIEW live_clients AS
SELECT c.id, c.epoch, c.updated_at FROM clients c WHERE c.state = 'active';

DROP VIEW live_families;
CREATE VIEW live_families AS
SELECT f.id, f.grant_id, f.client, f.user_id, f.session_id, f.offline, f.scopes, f.resources, f.claims, f.authentication_methods,
       f.authenticated_at, f.max_age_requested, f.created_at, f.expires_at
FROM token_families f
JOIN grants g ON g.id = f.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = f.user_id AND u.state = 'active' AND NOT u.require_password_change
JOIN clients c ON c.id = f.client AND c.state = 'active' AND c.epoch = f.client_epoch
LEFT JOIN sessions s ON s.id = f.session_id
WHERE f.revoked_at IS NULL AND (f.offline OR s.ended_at IS NULL);

DROP VIEW redeemable_codes;
CREATE VIEW redeemable_codes AS
SELECT a.id
FROM authorization_codes a
JOIN grants g ON g.id = a.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = a.user_id AND u.state = 'active' AND NOT u.require_password_change
JOIN clients c ON c.id = a.client AND c.state = 'active' AND c.epoch = a.client_epoch
LEFT JOIN sessions s ON s.id = a.session_id
WHERE s.ended_at IS NULL;
