-- +goose Up
-- Which file a record follows: what is no longer in the file may only be deleted if it came from it.
ALTER TABLE clients ADD COLUMN managed_by TEXT NOT NULL DEFAULT '' CHECK (length(managed_by) <= 64);
ALTER TABLE scopes ADD COLUMN managed_by TEXT NOT NULL DEFAULT '' CHECK (length(managed_by) <= 64);
