-- +goose Up
-- When a registration access token was ended although its client stays; NULL for one that counts.
ALTER TABLE client_registrations ADD COLUMN token_ended_at TIMESTAMPTZ;
