-- +goose Up
-- What users allowed clients, as administrators look at it: newest first, also of one user or client.
CREATE INDEX grants_user_id_idx ON grants (user_id, id);
DROP INDEX grants_user_idx;
CREATE INDEX grants_client_id_idx ON grants (client, id);
