-- +goose Up
-- By which name others know a client's record.
CREATE VIEW client_names AS
SELECT id, client_id FROM clients;
