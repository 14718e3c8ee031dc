-- +goose Up
-- Clients that administer this server on their own behalf.
ALTER TABLE clients ADD COLUMN administrator BOOLEAN NOT NULL DEFAULT FALSE;
