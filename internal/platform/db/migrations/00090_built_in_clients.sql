-- +goose Up
-- Clients of this server's own, which it looks after itself: nobody changes or deletes them.
ALTER TABLE clients ADD COLUMN built_in BOOLEAN NOT NULL DEFAULT FALSE;
