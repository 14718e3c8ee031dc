-- +goose Up
-- Clients are searched by a part of their client_id too, and by whether they may administer: the index that every
-- list of them walks through has all that is asked about.
DROP INDEX clients_search_idx;
CREATE INDEX clients_search_idx ON clients (id, client_name_folded, client_id, state, registered_by, token_endpoint_auth_method, administrator);
