-- +goose Up
-- Marks that few users have; of administrators there is an index already.
CREATE INDEX users_disabled_idx ON users (id) WHERE state = 'disabled';
CREATE INDEX users_require_password_change_idx ON users (id) WHERE require_password_change;
