-- +goose Up
-- When a refresh token was first presented again after its rotation, within the window in which that gives the same successor.
ALTER TABLE refresh_tokens ADD COLUMN repeated_at TIMESTAMPTZ;
