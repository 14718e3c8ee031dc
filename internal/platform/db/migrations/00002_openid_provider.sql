-- +goose Up
-- What a complete OpenID provider knows of a client, and what a request asked for beyond its scopes.

ALTER TABLE clients ADD COLUMN registered_by TEXT NOT NULL DEFAULT 'administrator' CHECK (registered_by IN ('administrator', 'client'));
ALTER TABLE clients ADD COLUMN security_profile TEXT NOT NULL DEFAULT 'oauth21';
ALTER TABLE clients ADD COLUMN response_modes JSONB NOT NULL DEFAULT '["query","form_post","jwt","query.jwt","form_post.jwt"]';
ALTER TABLE clients ADD COLUMN authorization_signed_response_alg TEXT NOT NULL DEFAULT 'RS256';
ALTER TABLE clients ADD COLUMN id_token_encrypted_response_alg TEXT;
ALTER TABLE clients ADD COLUMN id_token_encrypted_response_enc TEXT;
ALTER TABLE clients ADD COLUMN userinfo_signed_response_alg TEXT;
ALTER TABLE clients ADD COLUMN userinfo_encrypted_response_alg TEXT;
ALTER TABLE clients ADD COLUMN userinfo_encrypted_response_enc TEXT;
ALTER TABLE clients ADD COLUMN request_object_signing_alg TEXT;
ALTER TABLE clients ADD COLUMN require_signed_request_object BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN request_uris JSONB NOT NULL DEFAULT '[]';
ALTER TABLE clients ADD COLUMN token_endpoint_auth_signing_alg TEXT;
ALTER TABLE clients ADD COLUMN assertion_audience TEXT NOT NULL DEFAULT 'issuer' CHECK (assertion_audience IN ('issuer', 'issuer_or_endpoint'));
ALTER TABLE clients ADD COLUMN jwks JSONB;
ALTER TABLE clients ADD COLUMN jwks_uri TEXT;
ALTER TABLE clients ADD COLUMN subject_type TEXT NOT NULL DEFAULT 'public' CHECK (subject_type IN ('public', 'pairwise'));
ALTER TABLE clients ADD COLUMN sector_identifier_uri TEXT;
ALTER TABLE clients ADD COLUMN initiate_login_uri TEXT;
ALTER TABLE clients ADD COLUMN default_acr_values JSONB NOT NULL DEFAULT '[]';
ALTER TABLE clients ADD COLUMN backchannel_logout_uri TEXT;
ALTER TABLE clients ADD COLUMN backchannel_logout_session_required BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN frontchannel_logout_uri TEXT;
ALTER TABLE clients ADD COLUMN frontchannel_logout_session_required BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN software_id TEXT;
ALTER TABLE clients ADD COLUMN software_version TEXT;

ALTER TABLE authorization_codes ADD COLUMN claims JSONB;
ALTER TABLE token_families ADD COLUMN claims JSONB;

DROP VIEW live_families;
CREATE VIEW live_families AS
SELECT f.id, f.grant_id, f.client, f.user_id, f.session_id, f.offline, f.scopes, f.resources, f.claims, f.authentication_methods,
       f.authenticated_at, f.max_age_requested, f.created_at, f.expires_at
FROM token_families f
JOIN grants g ON g.id = f.grant_id AND g.revoked_at IS NULL
JOIN users u ON u.id = f.user_id AND u.state = 'active'
JOIN clients c ON c.id = f.client AND c.state = 'active'
LEFT JOIN sessions s ON s.id = f.session_id
WHERE f.revoked_at IS NULL AND (f.offline OR s.ended_at IS NULL);
