-- +goose Up
-- Until when a password that the server made for an administrator to pass on can be used; NULL for one that stays.
ALTER TABLE users ADD COLUMN password_expires_at TIMESTAMPTZ;
