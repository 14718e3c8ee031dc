-- +goose Up
-- Clients are searched by their name as it is compared. Of existing names SQLite folds ASCII letters only; the
-- rest follows when the client is written again.
ALTER TABLE clients ADD COLUMN client_name_folded TEXT NOT NULL DEFAULT '';
UPDATE clients SET client_name_folded = lower(client_name);

-- Everything that a list of clients is filtered by, in the order of the list: every list is a walk through this
-- index from the end of the page before, and reads the records of its page only.
CREATE INDEX clients_search_idx ON clients (id, client_name_folded, state, registered_by, token_endpoint_auth_method);
