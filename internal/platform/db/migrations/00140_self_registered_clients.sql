-- +goose Up
-- What an administrator has set of a client that registered itself: member names, and for a list what
-- the client may choose from.
ALTER TABLE clients ADD COLUMN set_by_administrator JSONB NOT NULL DEFAULT '{}';
-- Clients that registered themselves without an initial access token. A client whose token was deleted counts as one of them.
ALTER TABLE clients ADD COLUMN registered_openly BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE clients SET registered_openly = TRUE
WHERE registered_by = 'client'
  AND NOT EXISTS (SELECT 1 FROM client_registrations r WHERE r.client = clients.id AND r.initial_access_token IS NOT NULL);
