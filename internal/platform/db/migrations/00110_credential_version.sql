-- +goose Up
-- How often the credentials of an account have changed: its password, its state, whether a new password is required.
-- Whatever is begun for a person is begun for the version that they proved to be; see the package user.
ALTER TABLE users ADD COLUMN credential_version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE password_tickets ADD COLUMN credential_version BIGINT NOT NULL DEFAULT 1;
