-- +goose Up
-- What a person allowed a client is a list of pairs: a scope at a resource. Two lists side by side would allow every
-- combination of them. The resource '' is this server itself, to which the identity scopes belong; the scope '' says
-- that a client may have tokens for a resource without any scope of it.
CREATE TABLE grant_permissions (
  grant_id UUID NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  resource TEXT NOT NULL,
  scope    TEXT NOT NULL,
  PRIMARY KEY (grant_id, resource, scope)
);

-- Who decided: the person, or the client's record (consent: skip), which is never taken for a decision of the person.
-- Each has a live grant of its own.
ALTER TABLE grants ADD COLUMN decided_by TEXT NOT NULL DEFAULT 'user' CHECK (decided_by IN ('user', 'policy'));
-- A digest of what the person was shown of a client that registered itself. NULL for other clients.
ALTER TABLE grants ADD COLUMN relied_on BYTEA;
UPDATE grants SET decided_by = 'policy' WHERE client IN (SELECT id FROM clients WHERE consent = 'skip');
DROP INDEX grants_one_live_idx;
CREATE UNIQUE INDEX grants_one_live_idx ON grants (client, user_id, decided_by) WHERE revoked_at IS NULL;

-- Earlier grants become the pairs that the person must have seen; for everything else the person is asked again.
-- Identity scopes always belonged to this server, and so did every scope while no resource was named.
-- (A scope name has no quotation marks, so that its JSON text is found in the array's.)
INSERT INTO grant_permissions (grant_id, resource, scope)
SELECT g.id, '', s.name FROM grants g JOIN scopes s ON replace(CAST(g.scopes AS TEXT), '"' || s.name || '"', '') <> CAST(g.scopes AS TEXT)
WHERE s.name IN ('openid', 'profile', 'email', 'address', 'phone', 'offline_access') OR CAST(g.resources AS TEXT) = '[]';

-- With one resource, the other scopes were for it if the grant was made by one decision. Once it was widened, nobody
-- can know. (An escaped character would have to be decoded, a second resource has a quotation mark before it.)
INSERT INTO grant_permissions (grant_id, resource, scope)
SELECT g.id, substr(CAST(g.resources AS TEXT), 3, length(CAST(g.resources AS TEXT)) - 4), s.name
FROM grants g JOIN scopes s ON replace(CAST(g.scopes AS TEXT), '"' || s.name || '"', '') <> CAST(g.scopes AS TEXT)
WHERE s.name NOT IN ('openid', 'profile', 'email', 'address', 'phone', 'offline_access')
  AND g.revoked_at IS NULL AND g.created_at = g.updated_at AND length(CAST(g.resources AS TEXT)) > 4
  AND length(replace(CAST(g.resources AS TEXT), '"', '')) = length(CAST(g.resources AS TEXT)) - 2
  AND replace(CAST(g.resources AS TEXT), '\', '') = CAST(g.resources AS TEXT);
INSERT INTO grant_permissions (grant_id, resource, scope)
SELECT g.id, substr(CAST(g.resources AS TEXT), 3, length(CAST(g.resources AS TEXT)) - 4), ''
FROM grants g
WHERE g.revoked_at IS NULL AND g.created_at = g.updated_at AND length(CAST(g.resources AS TEXT)) > 4
  AND length(replace(CAST(g.resources AS TEXT), '"', '')) = length(CAST(g.resources AS TEXT)) - 2
  AND replace(CAST(g.resources AS TEXT), '\', '') = CAST(g.resources AS TEXT)
  AND NOT EXISTS (SELECT 1 FROM grant_permissions p WHERE p.grant_id = g.id AND p.resource <> '');

ALTER TABLE grants DROP COLUMN scopes;
ALTER TABLE grants DROP COLUMN resources;
