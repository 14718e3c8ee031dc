-- +goose Up
-- Which file a user follows, as with clients and scopes. Few records follow one, so that all that do are found
-- in an index of their own, in the order of the lists.
ALTER TABLE users ADD COLUMN managed_by TEXT NOT NULL DEFAULT '' CHECK (length(managed_by) <= 64);
CREATE INDEX users_managed_by_idx ON users (id, managed_by) WHERE managed_by <> '';
CREATE INDEX clients_managed_by_idx ON clients (id, managed_by) WHERE managed_by <> '';
