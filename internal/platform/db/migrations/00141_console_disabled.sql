-- +goose Up
-- There is no console yet: the client of the server's own that is meant for it is disabled until then,
-- and what it was given ends, as it does when an administrator disables a client.
UPDATE clients SET state = 'disabled', epoch = epoch + 1
WHERE client_id = 'authly-console' AND built_in = TRUE AND state = 'active';
