-- +goose Up
-- Where the request came from that a token was issued to, until the row is taken over into the log. The address is sealed
-- under the key of the person, as it is in an event; that of a client's own token is in clear.
ALTER TABLE access_tokens ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
