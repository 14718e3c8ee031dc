-- +goose Up
-- What was issued without offline access counts until its session ends or expires, idle or for good. The times are
-- for the asker's clock: counts_until is when it stops to count, session_expires_at when the session is over in any case.
DROP VIEW live_families;
CREATE VIEW live_families AS
SELECT f.id, f.grant_id, f.client, f.user_id, f.session_id, f.offline, f.scopes, f.resources, f.claims, f.authentication_methods,
       f.authenticated_at, f.max_age_requested, f.created_at, f.expires_at,
       CASE WHEN f.offline THEN NULL ELSE s.expires_at END AS session_expires_at,
       CASE WHEN f.offline THEN f.expires_at WHEN s.idle_expires_at < s.expires_at THEN s.idle_expires_at ELSE s.expires_at END AS counts_until
FROM token_families f
JOIN grants g ON g.id = f.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = f.user_id AND u.state = 'active' AND NOT u.require_password_change
JOIN clients c ON c.id = f.client AND c.state = 'active' AND c.epoch = f.client_epoch
LEFT JOIN sessions s ON s.id = f.session_id AND s.ended_at IS NULL
WHERE f.revoked_at IS NULL AND (f.offline OR s.id IS NOT NULL);

-- A code needs its session, whatever it is for. Only one that was issued without a session has no times.
DROP VIEW redeemable_codes;
CREATE VIEW redeemable_codes AS
SELECT a.id, s.expires_at AS session_expires_at,
       CASE WHEN s.idle_expires_at < s.expires_at THEN s.idle_expires_at ELSE s.expires_at END AS counts_until
FROM authorization_codes a
JOIN grants g ON g.id = a.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = a.user_id AND u.state = 'active' AND NOT u.require_password_change
JOIN clients c ON c.id = a.client AND c.state = 'active' AND c.epoch = a.client_epoch
LEFT JOIN sessions s ON s.id = a.session_id
WHERE s.ended_at IS NULL;
